"""One model call as a session's events: what the provider streams goes out piece by piece, as it comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_ai.messages import (
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ThinkingPartDelta,
    ToolCallPart,
)
from pydantic_ai.usage import RequestUsage

from meerkat_rpc.agents.base import AgentTurn
from meerkat_rpc.domain import (
    ReasoningComplete,
    ReasoningDelta,
    TextComplete,
    TextDelta,
    ToolCallRequested,
    TurnCompleted,
    TurnStarted,
    Usage,
)

STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_call": "tool_use"}


class CallEvents:
    """Emits the events of one model call. ``said`` turns true with the first of the model's own."""

    def __init__(self, turn: AgentTurn) -> None:
        self._turn = turn
        self.said = False

    async def begin(self, number: int) -> None:
        """Say that the turn's call ``number`` begins."""
        await self._turn.emit(TurnStarted(number))

    async def take(self, event: Any) -> None:
        """Pass on what the provider has just sent, if it is text."""
        if isinstance(event, PartDeltaEvent):
            delta = event.delta
            if isinstance(delta, TextPartDelta):
                await self._text(delta.content_delta)
            elif isinstance(delta, ThinkingPartDelta):
                await self._reasoning(delta.content_delta)
        elif isinstance(event, PartStartEvent):
            if isinstance(event.part, TextPart):
                await self._text(event.part.content)
            elif isinstance(event.part, ThinkingPart):
                await self._reasoning(event.part.content)

    async def complete(self, response: ModelResponse) -> str:
        """Say what the call came to, before any of its tools runs, and return why the model stopped."""
        if reasoning := "".join(part.content for part in response.parts if isinstance(part, ThinkingPart)):
            await self._turn.emit(ReasoningComplete(reasoning))
        if text := text_of(response):
            await self._turn.emit(TextComplete(text))
        for call in response.tool_calls:
            await self._turn.emit(ToolCallRequested(call.tool_call_id, call.tool_name, call.args_as_dict()))
        stop_reason = stop_reason_of(response)
        await self._turn.emit(TurnCompleted(stop_reason, usage_of(response.usage)))
        return stop_reason

    async def _text(self, delta: str) -> None:
        if delta:
            self.said = True
            await self._turn.emit(TextDelta(delta))

    async def _reasoning(self, delta: str | None) -> None:
        if delta:
            self.said = True
            await self._turn.emit(ReasoningDelta(delta))


def text_of(response: ModelResponse) -> str:
    """Return what the model said."""
    return "".join(part.content for part in response.parts if isinstance(part, TextPart))


def stop_reason_of(response: ModelResponse) -> str:
    """Return why the model stopped: our word where there is one, else the provider's own."""
    if response.tool_calls:
        return "tool_use"
    reason = response.finish_reason
    if reason in STOP_REASONS:
        return STOP_REASONS[reason]
    own = (response.provider_details or {}).get("finish_reason")
    return str(own or reason or "end_turn")


def usage_of(usage: RequestUsage) -> Usage:
    """Return the tokens of one call. The cached ones are named where there were any."""
    cached, written = usage.cache_read_tokens or None, usage.cache_write_tokens or None
    return Usage(usage.input_tokens, usage.output_tokens, cached, written)


def with_unique_ids(parts: Sequence[Any], taken: set[str]) -> list[Any]:
    """Return ``parts`` with a new id for each tool call whose id is in ``taken``, or is no id; ``taken`` grows.

    Some servers count their calls from zero in each answer, and a turn has one result for each id.
    """
    unique = []
    for part in parts:
        if isinstance(part, ToolCallPart):
            part = _renamed(part, taken)  # noqa: PLW2901
            taken.add(part.tool_call_id)
        unique.append(part)
    return unique


def _renamed(part: ToolCallPart, taken: set[str]) -> ToolCallPart:
    from dataclasses import replace

    wanted = part.tool_call_id or "call"
    if part.tool_call_id and part.tool_call_id not in taken:
        return part
    number = 2
    while f"{wanted}_{number}" in taken:
        number += 1
    return replace(part, tool_call_id=f"{wanted}_{number}")
