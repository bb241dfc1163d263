"""From an agent's updates to the events of a turn.

ACP tells of one prompt; what lies in it are several calls of a model, with tools between them. They are told apart by
their order: what the agent says after the results of its tools is the next model call. A result is put into the history
when all tools of its model call have ended, so that whatever the order in which things ran, the history reads as one
that every model takes: text and calls, then the results, then the next text.

Plans, modes and lists of commands have no place among the events, and are left out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from meerkat_rpc.agents.acp.content import text_of
from meerkat_rpc.agents.acp.prompt_end import PromptEnd
from meerkat_rpc.agents.acp.tool_call import AgentToolCall
from meerkat_rpc.domain import (
    Event,
    ReasoningComplete,
    ReasoningDelta,
    TextComplete,
    TextDelta,
    ToolCallRequested,
    ToolExecutionCompleted,
    ToolExecutionStarted,
    ToolResultReceived,
    TurnCompleted,
    TurnStarted,
    Usage,
)


class Narration:
    """Tells one turn. ``emit`` takes its events."""

    def __init__(self, emit: Callable[[Event], Awaitable[None]]) -> None:
        self._emit = emit
        self._model_calls = 0
        self._open = False
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._message_id: object = None
        self._known: dict[str, AgentToolCall] = {}
        self._held: list[AgentToolCall] = []
        self._shown: list[AgentToolCall] = []

    async def begin(self) -> None:
        """Open a model call unless one is open."""
        if self._open:
            return
        self._open = True
        self._model_calls += 1
        await self._emit(TurnStarted(self._model_calls))

    async def take(self, update: dict[str, Any]) -> None:
        """Tell an update."""
        match update.get("sessionUpdate"):
            case "agent_message_chunk":
                await self._say(text_of(update.get("content")), update.get("messageId"))
            case "agent_thought_chunk":
                await self._think(text_of(update.get("content")))
            case "tool_call" | "tool_call_update":
                await self._tell(update)

    async def show(self, call: Any) -> AgentToolCall | None:
        """Tell of a tool call that the agent asks permission for; None where it does not name it."""
        known = self._call(call) if isinstance(call, dict) else None
        if known is not None:
            await self._request(known)
        return known

    async def end(self, end: PromptEnd) -> None:
        """Close what the prompt's end leaves open. The tokens of all its model calls go to the last one."""
        await self._show_all()
        for call in [call for call in self._shown if not call.ended]:
            await self._finish(call)
        await self.begin()
        await self._close(end.stop_reason, end.usage)

    # -- what is said

    async def _say(self, text: str, message_id: object) -> None:
        if not text:
            return
        await self._show_all()
        if self._text and not self._shown and message_id != self._message_id:
            await self._close("end_turn", Usage())  # the agent began another message
        self._message_id = message_id
        await self.begin()
        self._text.append(text)
        await self._emit(TextDelta(text))

    async def _think(self, text: str) -> None:
        if not text:
            return
        await self._show_all()
        await self.begin()
        self._reasoning.append(text)
        await self._emit(ReasoningDelta(text))

    async def _close(self, stop_reason: str, usage: Usage) -> None:
        self._open = False
        if self._reasoning:
            await self._emit(ReasoningComplete("".join(self._reasoning)))
        if self._text:
            await self._emit(TextComplete("".join(self._text)))
        self._text, self._reasoning = [], []
        await self._emit(TurnCompleted(stop_reason, usage))

    # -- tools

    def _call(self, update: dict[str, Any]) -> AgentToolCall | None:
        """Return the call that ``update`` is about, told of it. An id may be used again once its call has ended."""
        call_id = update.get("toolCallId")
        if not isinstance(call_id, str):
            return None
        call = self._known.get(call_id)
        if call is None or (call.ended and update.get("sessionUpdate") == "tool_call"):
            call = self._known[call_id] = AgentToolCall(call_id)
            self._held.append(call)
        call.tell(update)
        return call

    async def _tell(self, update: dict[str, Any]) -> None:
        call = self._call(update)
        if call is None or call.ended:
            return
        if call.showable:
            await self._request(call)
        if call.status == "in_progress" and call.run():
            await self._emit(ToolExecutionStarted(call.id, call.begin()))
        if call.over:
            await self._finish(call)

    async def _show_all(self) -> None:
        """Tell of the calls whose arguments never came: what follows shows that nothing more will."""
        for call in tuple(self._held):
            await self._request(call)

    async def _request(self, call: AgentToolCall) -> None:
        if call.name is not None:
            return
        await self.begin()
        self._held.remove(call)
        self._shown.append(call)
        await self._emit(ToolCallRequested(call.id, call.begin(), call.arguments()))

    async def _finish(self, call: AgentToolCall) -> None:
        name = call.begin()
        call.ended = True
        if call.run():
            await self._emit(ToolExecutionStarted(call.id, name))
        result, took_ms = await call.result(), call.duration_ms
        await self._emit(ToolExecutionCompleted(call.id, name, result, call.failed, took_ms))
        if all(shown.ended for shown in self._shown):
            await self._results()

    async def _results(self) -> None:
        """Put the results of the model call's tools into the history."""
        done, self._shown = self._shown, []
        await self._close("tool_use", Usage())
        for call in done:
            await self._emit(ToolResultReceived(call.id, call.begin(), call.failed))
