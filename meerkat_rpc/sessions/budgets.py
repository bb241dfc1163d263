"""What a turn, and a session, may use up: tokens, time, model calls, tool calls.

Counted from the events that agents emit, so that it holds for every agent. A budget is looked at before something more
is begun: what was said is kept, and an answer that is complete is never taken back for having cost too much.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from meerkat_rpc.domain import AgentConfig, BudgetWarning, Event, SessionHead, ToolCallRequested, TurnStarted
from meerkat_rpc.errors import BudgetExhausted
from meerkat_rpc.sessions.transcript import TurnTranscript

WARN_AT = 0.8
"""The part of a budget at which its user is warned."""

LOOK_MS = 50
"""How often the time is looked at, at most: a turn that waits for a person uses up nothing meanwhile."""

SCOPES = ("turn", "session")

_NOUNS = {"tokens": "tokens", "duration_ms": "ms", "tool_calls": "tool calls", "model_calls": "model calls"}
"""What each limit counts, for people."""


class Budget:
    """What is left to one turn.

    Args:
        config: the turn's configuration; its limits go before those of ``configured``.
        configured: the limits of the configuration file.
        head: the session before the turn.
        transcript: what the turn has done so far.
        exhausted: called once when there is no more; the turn is to end.
    """

    def __init__(
        self,
        config: AgentConfig,
        configured: Mapping[str, Mapping[str, int]],
        head: SessionHead,
        transcript: TurnTranscript,
        exhausted: Callable[[BudgetExhausted], None],
    ) -> None:
        given: Mapping[str, Any] = config.budget or {}
        self._limits = {scope: {**configured.get(scope, {}), **(given.get(scope) or {})} for scope in SCOPES}
        self._before = {
            "tokens": head.usage.total_tokens,
            "duration_ms": head.spent.duration_ms,
            "tool_calls": head.spent.tool_calls,
            "model_calls": head.spent.model_calls,
        }
        self._transcript = transcript
        self._exhausted = exhausted
        self._warned: set[tuple[str, str]] = set()
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._waits = 0
        self._wait_began = 0.0
        self._waited = 0.0
        self._timer: asyncio.TimerHandle | None = None

    # -- counting ------------------------------------------------------------------------------------------------

    def allows(self, event: Event) -> bool:
        """Return whether ``event`` may still happen. When not, the turn has been told to end."""
        kinds: tuple[str, ...]
        if isinstance(event, TurnStarted):
            kinds = ("tokens", "model_calls")
        elif isinstance(event, ToolCallRequested):
            kinds = ("tool_calls",)
        else:
            return True
        for scope, kind, limit in self._watched(kinds):
            if self._used(scope, kind) >= limit:
                self._end(scope, kind, limit)
                return False
        return True

    def warnings(self) -> list[BudgetWarning]:
        """Return the warnings that are due now; each is given once."""
        due: list[BudgetWarning] = []
        for scope, kind, limit in self._watched(tuple(_NOUNS)):
            used = self._used(scope, kind)
            if 0 < used >= WARN_AT * limit and (scope, kind) not in self._warned:
                self._warned.add((scope, kind))
                percent = round(100 * used / limit, 1) if limit else 100.0
                due.append(BudgetWarning(f"{scope}_{kind}", used, limit, percent))
        return due

    # -- time ----------------------------------------------------------------------------------------------------

    @property
    def duration_ms(self) -> int:
        """How long the turn has run, without the time it waited for people."""
        waiting = self._clock() - self._wait_began if self._waits else 0.0
        return round((self._clock() - self._began - self._waited - waiting) * 1000)

    @property
    def session_ms(self) -> int | None:
        """``duration_ms`` where the session has a budget; None where nobody counts what it spends."""
        return self.duration_ms if self._limits["session"] else None

    def watch(self, warn: Callable[[], None]) -> None:
        """Watch the time until ``stop``; ``warn`` is called when a warning may be due."""
        pauses = []
        for scope, kind, limit in self._watched(("duration_ms",)):
            used = self._used(scope, kind)
            if used >= limit:
                self._end(scope, kind, limit)
                return
            pauses.append((limit if used >= WARN_AT * limit else WARN_AT * limit) - used)
        warn()
        if pauses:
            pause_s = max(min(pauses), LOOK_MS) / 1000
            self._timer = asyncio.get_running_loop().call_later(pause_s, self.watch, warn)

    def stop(self) -> None:
        """Stop watching the time."""
        if self._timer is not None:
            self._timer.cancel()

    def waiting(self, *, begins: bool) -> None:
        """Note that the turn begins, or ends, to wait for a person: that time is not the turn's."""
        if begins and not self._waits:
            self._wait_began = self._clock()
        self._waits += 1 if begins else -1
        if not begins and not self._waits:
            self._waited += self._clock() - self._wait_began

    # -- the limits ------------------------------------------------------------------------------------------------

    def _watched(self, kinds: tuple[str, ...]) -> Iterator[tuple[str, str, int]]:
        for scope in SCOPES:
            for kind in kinds:
                if (limit := self._limits[scope].get(kind)) is not None:
                    yield scope, kind, limit

    def _used(self, scope: str, kind: str) -> int:
        transcript = self._transcript
        here = {
            "tokens": transcript.usage.total_tokens,
            "duration_ms": self.duration_ms,
            "tool_calls": transcript.tool_calls,
            "model_calls": transcript.model_calls,
        }[kind]
        return here + (self._before[kind] if scope == "session" else 0)

    def _end(self, scope: str, kind: str, limit: int) -> None:
        used = self._used(scope, kind)
        self._exhausted(
            BudgetExhausted(
                f"the {scope}'s budget of {limit} {_NOUNS[kind]} is used up; raise budget.{scope}.{kind} to go on",
                budget_type=f"{scope}_{kind}",
                used=used,
                limit=limit,
            )
        )
