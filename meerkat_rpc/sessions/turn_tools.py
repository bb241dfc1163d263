"""A turn's tools: those of every source put together, asked about where that is needed, run, and bounded."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from meerkat_rpc.domain import (
    JSON,
    Event,
    ToolExecutionCompleted,
    ToolExecutionStarted,
    ToolExecutionTimedOut,
    ToolResultReceived,
)
from meerkat_rpc.errors import cut
from meerkat_rpc.event_json import as_json, encode_json
from meerkat_rpc.sessions.transcript import INTERRUPTED_TOOL
from meerkat_rpc.tools.base import (
    ApprovalPreview,
    Tool,
    ToolCallContext,
    ToolDefinition,
    ToolOutcome,
    ToolScope,
    ToolSource,
    covers,
)
from meerkat_rpc.tools.gathering import gather

MAX_RESULT_BYTES = 256 << 10
"""How much of a tool's result is kept: some 60,000 tokens, more than a model makes use of. Of a longer one the
beginning and the end are."""

ALLOW, DENY = "allow", "deny"
CHOICES = (ALLOW, DENY)

REFUSED = "the user refused this call"

logger = logging.getLogger(__name__)


class Ask(Protocol):
    """Asks a person; ``AgentTurn.ask``."""

    async def __call__(
        self, kind: str, summary: str, details: JSON, choices: Sequence[str], *, key: str, rule: str | None = None
    ) -> str:
        """Return the choice."""
        ...


class TurnTools:
    """The tools of one turn.

    Args:
        scope: for whom they are.
        sources: where they come from; of two tools of the same name the first is taken.
        allowed: the rules that hold now.
        emit: emits an event of the turn.
        ask: asks a person.
        flushed: waits until what was emitted is in the log.
        lost_calls: calls that had begun in a process that is gone.
    """

    def __init__(
        self,
        scope: ToolScope,
        sources: Sequence[ToolSource],
        allowed: Callable[[], Sequence[str]],
        emit: Callable[[Event], Awaitable[None]],
        ask: Ask,
        *,
        flushed: Callable[[], Awaitable[None]],
        lost_calls: set[str],
    ) -> None:
        self._scope = scope
        self._sources = sources
        self._allowed = allowed
        self._emit = emit
        self._ask = ask
        self._flushed = flushed
        self._lost = lost_calls
        self._tools: Mapping[str, Tool] | None = None

    async def definitions(self) -> list[ToolDefinition]:
        """Return what there is now."""
        self._tools = await gather(self._sources, self._scope)
        return [tool.definition for tool in self._tools.values()]

    async def run(self, call_id: str, name: str, args: JSON) -> ToolOutcome:
        """Run a tool to its result. See ``AgentTurn.run_tool``."""
        if call_id in self._lost:
            return await self._end(call_id, name, ToolOutcome(INTERRUPTED_TOOL, is_error=True), 0)
        if self._tools is None:
            self._tools = await gather(self._sources, self._scope)
        tool = self._tools.get(name)
        if tool is None:
            known = ", ".join(self._tools) or "none"
            return await self._end(
                call_id, name, ToolOutcome(f"no tool {cut(name)!r}; there are: {known}", is_error=True), 0
            )
        call = ToolCallContext(self._scope, call_id)
        if tool.definition.requires_approval and (refusal := await self._refused(tool, call, args)) is not None:
            return await self._end(call_id, name, refusal, 0)
        return await self._execute(tool, call, args)

    async def _refused(self, tool: Tool, call: ToolCallContext, args: JSON) -> ToolOutcome | None:
        """Ask unless a rule allows the call; return what the model is told if it may not happen."""
        try:
            preview = await tool.preview(call, args)
        except Exception as error:  # noqa: BLE001 - a call that can't even be described is the model's to mend
            return _failed(error)
        if any(covers(rule, preview.rule) for rule in self._allowed()):
            return None
        choice = await self._ask(
            "tool_call",
            preview.summary,
            _details(tool, call, args, preview),
            CHOICES,
            key=call.call_id,
            rule=preview.rule,
        )
        return None if choice == ALLOW else ToolOutcome(REFUSED, is_error=True)

    async def _execute(self, tool: Tool, call: ToolCallContext, args: JSON) -> ToolOutcome:
        name, limit_s = tool.definition.name, tool.definition.timeout_s
        await self._emit(ToolExecutionStarted(call.call_id, name))
        await self._flushed()  # whoever takes the turn up must know that it may have happened
        began, deadline = time.monotonic(), asyncio.timeout(limit_s)
        try:
            async with deadline:
                outcome = await tool.run(call, args)
        except Exception as error:
            if isinstance(error, TimeoutError) and deadline.expired():
                return await self._time_out(call.call_id, name, round(limit_s * 1000))
            logger.debug("tool %s failed", name, exc_info=error)
            outcome = _failed(error)
        return await self._end(call.call_id, name, outcome, round((time.monotonic() - began) * 1000))

    async def _time_out(self, call_id: str, name: str, limit_ms: int) -> ToolOutcome:
        await self._emit(ToolExecutionTimedOut(call_id, name, limit_ms))
        await self._emit(ToolResultReceived(call_id, name, is_error=True))
        return ToolOutcome(f"timed out after {limit_ms} ms", is_error=True)

    async def _end(self, call_id: str, name: str, outcome: ToolOutcome, duration_ms: int) -> ToolOutcome:
        kept = bounded(outcome)
        await self._emit(ToolExecutionCompleted(call_id, name, kept.result, kept.is_error, duration_ms))
        await self._emit(ToolResultReceived(call_id, name, kept.is_error))
        return kept


def bounded(outcome: ToolOutcome) -> ToolOutcome:
    """Return the outcome as it is kept: as JSON, and cut in the middle where it is too long."""
    encoded = encode_json(outcome.result)
    if len(encoded) <= MAX_RESULT_BYTES:
        return ToolOutcome(as_json(outcome.result), outcome.is_error)
    whole = as_json(outcome.result).encode() if isinstance(outcome.result, str) else encoded
    part = MAX_RESULT_BYTES // 4
    head, tail = (piece.decode("utf-8", "ignore") for piece in (whole[:part], whole[-part:]))
    shown = f"{head}\n[… {len(whole) - 2 * part} of {len(whole)} bytes left out …]\n{tail}"
    return ToolOutcome(shown, outcome.is_error)


def _details(tool: Tool, call: ToolCallContext, args: JSON, preview: ApprovalPreview) -> JSON:
    """Return what is shown of a call that is asked about."""
    return {
        "tool": tool.definition.name,
        "source": tool.definition.source,
        "call_id": call.call_id,
        "args": args,
        "rule": preview.rule,
        "details": preview.details,
    }


def _failed(error: Exception) -> ToolOutcome:
    return ToolOutcome(": ".join(filter(None, [type(error).__name__, str(error)])), is_error=True)
