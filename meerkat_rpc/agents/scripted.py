"""``scripted``: does what ``provider_params.script`` says (contract section 6). For editors' tests, and for ours.

A script is a list of steps, run in order. A step may carry ``for_turn``, which limits it to that turn of the session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from meerkat_rpc.agents.base import Agent, AgentResult, AgentTurn, ModelInfo
from meerkat_rpc.domain import (
    AgentConfig,
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
from meerkat_rpc.errors import BY_CODE, AgentError, CapabilityUnavailable, InvalidArgument

Step = Mapping[str, Any]

_PATH = "params.provider_params.script"

_KINDS: Mapping[str, type] = {
    "text": str,
    "reasoning": str,
    "tool": dict,
    "sleep_ms": int,
    "usage": dict,
    "approval": dict,
    "fail": str,
    "print": str,
}
"""What a step may do, and the type of its argument."""


class ScriptedBuilder:
    """Builds ``ScriptedAgent``."""

    def models(self) -> Sequence[ModelInfo]:
        """See ``AgentBuilder``."""
        return [ModelInfo("scripted", "builtin", "Does what provider_params.script says; for tests.")]

    def build(self, config: AgentConfig) -> Agent:
        """See ``AgentBuilder``. Raises ``InvalidArgument`` naming the step that is wrong."""
        script = (config.provider_params or {}).get("script", [])
        if not isinstance(script, list):
            raise InvalidArgument(f"{_PATH}: expected a list of steps")
        for index, step in enumerate(script):
            _check(f"{_PATH}[{index}]", step)
        return ScriptedAgent(script)


def _check(path: str, step: Any) -> None:
    if not isinstance(step, dict):
        raise InvalidArgument(f"{path}: expected an object")
    kinds = [kind for kind in _KINDS if kind in step]
    if len(kinds) != 1:
        raise InvalidArgument(f"{path}: expected exactly one of {', '.join(_KINDS)}")
    expected = _KINDS[kinds[0]]
    if not isinstance(step[kinds[0]], expected) or isinstance(step[kinds[0]], bool):
        raise InvalidArgument(f"{path}.{kinds[0]}: expected {expected.__name__}")
    _check_counts(path, step, ("chunks", "repeat", "delay_ms", "for_turn", "sleep_ms"))
    _check_counts(f"{path}.tool", step.get("tool", {}), ("ms",))
    _check_counts(f"{path}.usage", step.get("usage", {}), ("input_tokens", "output_tokens"))
    if not isinstance(step.get("code", ""), str):
        raise InvalidArgument(f"{path}.code: expected str")


def _check_counts(path: str, counts: Mapping[str, Any], names: Sequence[str]) -> None:
    for name in names:
        value = counts.get(name, 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise InvalidArgument(f"{path}.{name}: expected an integer ≥ 0")


class ScriptedAgent:
    """Runs one script, once."""

    def __init__(self, script: Sequence[Step]) -> None:
        self._script = script

    async def run(self, turn: AgentTurn) -> AgentResult:
        """See ``Agent``."""
        return await _Performance(turn).play(
            [step for step in self._script if step.get("for_turn", turn.number) == turn.number]
        )


class _Performance:
    """One run of a script. Text between two tools belongs to one model call, as with a real model."""

    def __init__(self, turn: AgentTurn) -> None:
        self._turn = turn
        self._calls = 0
        self._open = False
        self._text: list[str] = []
        self._words = 0
        self._tools = 0
        self._usage: Usage | None = None
        self._acts: Mapping[str, Callable[[Step], Awaitable[None]]] = {
            "text": self._say,
            "reasoning": self._reason,
            "tool": self._use_tool,
            "sleep_ms": self._sleep,
            "usage": self._count,
            "approval": self._ask,
            "fail": self._fail,
            "print": self._print,
        }

    async def play(self, steps: Sequence[Step]) -> AgentResult:
        await self._begin_call()
        for step in steps:
            await self._acts[next(kind for kind in _KINDS if kind in step)](step)
        await self._end_call("end_turn")
        return AgentResult()

    async def _begin_call(self) -> None:
        if not self._open:
            self._open = True
            self._calls += 1
            await self._turn.emit(TurnStarted(self._calls))

    async def _end_call(self, stop_reason: str) -> None:
        if not self._open:
            return
        self._open = False
        if self._text:
            await self._turn.emit(TextComplete("".join(self._text)))
        usage = self._usage or Usage(len(self._turn.prompt.split()), self._words)
        self._text, self._words, self._usage = [], 0, None
        await self._turn.emit(TurnCompleted(stop_reason, usage))

    async def _say(self, step: Step) -> None:
        await self._begin_call()
        pieces = _split(step["text"], step.get("chunks", 1))
        delay_s = step.get("delay_ms", 0) / 1000
        for _ in range(step.get("repeat", 1)):
            for piece in pieces:
                self._text.append(piece)
                await self._turn.emit(TextDelta(piece))
                if delay_s:
                    await asyncio.sleep(delay_s)
        self._words += len(step["text"].split()) * step.get("repeat", 1)

    async def _reason(self, step: Step) -> None:
        await self._begin_call()
        await self._turn.emit(ReasoningDelta(step["reasoning"]))
        await self._turn.emit(ReasoningComplete(step["reasoning"]))

    async def _use_tool(self, step: Step) -> None:
        await self._begin_call()
        tool = step["tool"]
        self._tools += 1
        call_id, name = f"call_{self._tools}", str(tool.get("name", "tool"))
        is_error, duration_ms = bool(tool.get("is_error", False)), tool.get("ms", 0)
        await self._turn.emit(ToolCallRequested(call_id, name, tool.get("args", {})))
        await self._end_call("tool_use")
        await self._turn.emit(ToolExecutionStarted(call_id, name))
        await asyncio.sleep(duration_ms / 1000)
        await self._turn.emit(ToolExecutionCompleted(call_id, name, tool.get("result"), is_error, duration_ms))
        await self._turn.emit(ToolResultReceived(call_id, name, is_error))

    async def _sleep(self, step: Step) -> None:
        await asyncio.sleep(step["sleep_ms"] / 1000)

    async def _count(self, step: Step) -> None:
        usage = step["usage"]
        self._usage = Usage(usage.get("input_tokens", 0), usage.get("output_tokens", 0))

    async def _ask(self, _step: Step) -> None:
        raise CapabilityUnavailable("approvals are not part of this version, so nobody could answer")

    async def _fail(self, step: Step) -> None:
        raise BY_CODE.get(step.get("code", ""), AgentError)(step["fail"])

    async def _print(self, step: Step) -> None:
        print(step["print"], flush=True)  # noqa: T201 - the stray write that the step is for


def _split(text: str, chunks: int) -> list[str]:
    """Return ``text`` in ``chunks`` pieces as even as can be; fewer when it is shorter."""
    chunks = max(1, min(chunks, len(text)))
    size, larger = divmod(len(text), chunks)
    pieces, start = [], 0
    for index in range(chunks):
        end = start + size + (index < larger)
        pieces.append(text[start:end])
        start = end
    return pieces
