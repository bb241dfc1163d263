"""``scripted``: does what ``provider_params.script`` says (contract section 6). For editors' tests, and for ours.

A script is a list of steps, run in order. A step may carry ``for_turn``, which limits it to that turn of the session.

A ``tool`` step with a ``result`` plays a tool; one without runs the tool of that name, if the host lent it, an MCP
server has it or it is a built-in one. What is added to the turn (``turn/steer``) is taken at its next model call and
echoed there. After a restart the script goes on at the ``approval`` step that waited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from meerkat_rpc.agents.base import Agent, AgentResult, AgentTurn, ModelInfo, Summary
from meerkat_rpc.domain import (
    AgentConfig,
    Message,
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
from meerkat_rpc.errors import BY_CODE, AgentError, InvalidArgument

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

CHOICES = ("allow", "deny")
"""What an ``approval`` step offers unless it says so itself."""

SUMMARY_CHARS = 40
"""How much of a prompt a summary repeats."""


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
    _check_approval(f"{path}.approval", step.get("approval", {}))
    _check_counts(f"{path}.usage", step.get("usage", {}), ("input_tokens", "output_tokens"))
    if not isinstance(step.get("code", ""), str):
        raise InvalidArgument(f"{path}.code: expected str")


def _check_counts(path: str, counts: Mapping[str, Any], names: Sequence[str]) -> None:
    for name in names:
        value = counts.get(name, 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise InvalidArgument(f"{path}.{name}: expected an integer ≥ 0")


def _check_approval(path: str, approval: Mapping[str, Any]) -> None:
    choices = approval.get("choices", [*CHOICES])
    if not isinstance(choices, list) or not choices or not all(isinstance(choice, str) for choice in choices):
        raise InvalidArgument(f"{path}.choices: expected a list of texts")
    if not isinstance(approval.get("summary", ""), str):
        raise InvalidArgument(f"{path}.summary: expected str")


class ScriptedAgent:
    """Runs one script, once."""

    resumes = True

    def __init__(self, script: Sequence[Step]) -> None:
        self._script = script

    async def run(self, turn: AgentTurn) -> AgentResult:
        """See ``Agent``."""
        steps = [step for step in self._script if step.get("for_turn", turn.number) == turn.number]
        return await _Performance(turn).play(steps)

    async def summarise(self, messages: Sequence[Message]) -> Summary:
        """Say how many messages there were, and what the last one of the user's began with."""
        asked = [message.content for message in messages if message.role == "user"]
        text = f"[{len(messages)} messages, the last of the user's: {(asked or [''])[-1][:SUMMARY_CHARS]}]"
        return Summary(text, Usage(sum(len(message.content.split()) for message in messages), len(text.split())))


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
        self._place = 0
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
        first = await self._take_up(steps) if self._turn.resumed else 0
        await self._begin_call()
        for self._place, step in enumerate(steps[first:], first):
            await self._acts[next(kind for kind in _KINDS if kind in step)](step)
        await self._end_call("end_turn")
        while await self._turn_was_steered():
            await self._end_call("end_turn")
        return AgentResult()

    async def _take_up(self, steps: Sequence[Step]) -> int:
        """Return the place of the step at which another process waited; of a tool's, which is run now, the next."""
        said = await self._turn.so_far()
        self._calls = sum(message.role == "assistant" for message in said)
        self._tools = sum(len(message.tool_calls) for message in said)
        for place, step in enumerate(steps):
            if _key(place) in self._turn.open_questions:
                return place
            call_id = _call_id(sum("tool" in earlier for earlier in steps[: place + 1]))
            if "tool" in step and call_id in self._turn.open_questions:
                await self._turn.run_tool(call_id, str(step["tool"].get("name")), step["tool"].get("args", {}))
                return place + 1
        return 0

    async def _turn_was_steered(self) -> bool:
        added = [item.prompt for item in await self._turn.steering()]
        if added:
            await self._open_call()
            await self._add_text(f"[{', '.join(added)}]")
        return bool(added)

    async def _begin_call(self) -> None:
        if not self._open and not await self._turn_was_steered():
            await self._open_call()

    async def _open_call(self) -> None:
        self._open = True
        self._calls += 1
        await self._turn.emit(TurnStarted(self._calls))

    async def _add_text(self, text: str) -> None:
        self._text.append(text)
        await self._turn.emit(TextDelta(text))

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
        call_id, name = _call_id(self._tools), str(tool.get("name", "tool"))
        is_error, duration_ms = bool(tool.get("is_error", False)), tool.get("ms", 0)
        await self._turn.emit(ToolCallRequested(call_id, name, tool.get("args", {})))
        await self._end_call("tool_use")
        if "result" not in tool and any(offer.name == name for offer in await self._turn.tools()):
            await self._turn.run_tool(call_id, name, tool.get("args", {}))
            return
        await self._turn.emit(ToolExecutionStarted(call_id, name))
        await asyncio.sleep(duration_ms / 1000)
        await self._turn.emit(ToolExecutionCompleted(call_id, name, tool.get("result"), is_error, duration_ms))
        await self._turn.emit(ToolResultReceived(call_id, name, is_error))

    async def _sleep(self, step: Step) -> None:
        await asyncio.sleep(step["sleep_ms"] / 1000)

    async def _count(self, step: Step) -> None:
        usage = step["usage"]
        self._usage = Usage(usage.get("input_tokens", 0), usage.get("output_tokens", 0))

    async def _ask(self, step: Step) -> None:
        """Ask; a refusal is said, and the script goes on."""
        asked = step["approval"]
        choices = [str(choice) for choice in asked.get("choices", CHOICES)]
        summary, details = asked.get("summary", ""), asked.get("details")
        choice = await self._turn.ask("question", summary, details, choices, key=_key(self._place))
        if choice == CHOICES[-1]:
            await self._add_text("[denied]")

    async def _fail(self, step: Step) -> None:
        raise BY_CODE.get(step.get("code", ""), AgentError)(step["fail"])

    async def _print(self, step: Step) -> None:
        print(step["print"], flush=True)  # noqa: T201 - the stray write that the step is for


def _key(place: int) -> str:
    """Return the name of the question that the step at ``place`` asks."""
    return f"step {place}"


def _call_id(number: int) -> str:
    """Return the id of the script's tool call of that number."""
    return f"call_{number}"


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
