"""One running turn: what its callers hold, and the task that takes it from start to end.

    admitted ──commit──▶ accepted ──▶ agent runs ──▶ settled ──commit──▶ done
        │        │                        │  ▲
    taken up     ╰─ refused               │  ╰─ waits for a person ──▶ suspended: the process ends, the turn does not
                                          ╰─ interrupt cancels the agent where it stands

Everything a client can do to a turn from outside is ``interrupt``. It acts while the agent runs (or before it has
begun) and never after: a turn whose agent has returned completes. A turn that waits for a person when its process ends
is *taken up* by the process that gets the answer. What the agent sees of it all is ``agent_view.py``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from meerkat_rpc.agents.base import Agent, AgentResult
from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import (
    AgentConfig,
    Approval,
    Event,
    LoggedEvent,
    QueuedPrompt,
    RunResult,
    SessionHead,
    TextDelta,
    ToolCallRequested,
    TurnCompleted,
    TurnOutcome,
    TurnRecord,
    TurnStarted,
)
from meerkat_rpc.errors import AgentError, BudgetExhausted, MeerkatError, SessionBusy, StoreError
from meerkat_rpc.sessions.admission import FirstCommit, admitted, admitted_record
from meerkat_rpc.sessions.agent_view import AgentView
from meerkat_rpc.sessions.budgets import Budget
from meerkat_rpc.sessions.emitter import Emitter
from meerkat_rpc.sessions.ending import HOST_EXIT, Ending, answer, ending_change, kept_result
from meerkat_rpc.sessions.failure import failure_of
from meerkat_rpc.sessions.surroundings import Surroundings
from meerkat_rpc.sessions.taking_up import replayed, taken_up
from meerkat_rpc.sessions.transcript import TurnTranscript, check_texts
from meerkat_rpc.sessions.turn_events import TurnEvents

if TYPE_CHECKING:
    from meerkat_rpc.sessions.live import LiveSession

INTERRUPT_GRACE_S = 1.0
"""How long an interrupted agent may take to stop before its turn ends without it."""

BuildAgent = Callable[[AgentConfig], Agent]

_COUNTED = (TurnStarted, TurnCompleted, ToolCallRequested)
"""The events after which a budget may be nearly used up."""

SUSPENDED = Ending(reason="suspended")
"""No end at all: the turn waits for a person, and its process ends."""

logger = logging.getLogger(__name__)


class LiveTurn:
    """A turn that this process runs: the ``TurnHandle`` of its callers.

    Args:
        session: the session it runs in.
        wanted: the turn's id, its prompt and what came with it.
        build: makes its agent.
        surroundings: tools and settings.
        resumed: whether it began in another process and is to be taken up.
    """

    replayed = False

    # Set by the admission; nothing that needs them can be called before.
    _record: TurnRecord
    _emitter: Emitter
    _events: TurnEvents
    _budget: Budget

    def __init__(
        self,
        session: LiveSession,
        wanted: QueuedPrompt,
        build: BuildAgent,
        surroundings: Surroundings,
        *,
        resumed: bool = False,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.session = session
        self.wanted = wanted
        self.turn_id = wanted.turn_id
        self.prompt = wanted.prompt
        self.config = session.head.config.overlaid(wanted.config)
        self.surroundings = surroundings
        self.settings = surroundings.settings_for(session.head.cwd)
        self.resumed = resumed
        self.number = session.head.turn_count + (0 if resumed else 1)
        self._first = FirstCommit()
        self.started_ms = now_ms()
        self.transcript = TurnTranscript(
            wanted.turn_id, {item.turn_id: item.attachments for item in session.head.queue}
        )
        self.accepted: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[tuple[TurnRecord, str]] = loop.create_future()
        self._build = build
        self._view: AgentView | None = None
        self._ending: Ending | None = None
        self._agent_task: asyncio.Task[AgentResult] | None = None
        self._agent_over: asyncio.Future[None] = loop.create_future()

    def bring(self, blobs: Mapping[str, bytes], create_turn_id: str | None = None) -> None:
        """Have the first commit bring these contents, and the id by which a repeated create finds the session."""
        self._first = FirstCommit(create_turn_id or self._first.create_turn_id, {**self._first.blobs, **blobs})

    # -- for the agent, by way of its view -------------------------------------------------------------------

    @property
    def first_message(self) -> int:
        """The index of the turn's prompt in the history."""
        return self._record.first_message

    def emit(self, event: Event) -> Awaitable[None]:
        """Log ``event`` and show it. An agent that outlives its turn, or its budget, gets ``CancelledError``."""
        if self._agent_over.done():
            raise asyncio.CancelledError
        check_texts(event)
        if type(event) is TextDelta:  # nine of ten events
            self.transcript.add(event)
            return self._emitter.emit(event)
        if not self._budget.allows(event):
            raise asyncio.CancelledError
        self.transcript.add(event)
        room = self._emitter.emit(event)
        if isinstance(event, _COUNTED):
            self._warn()
        return room

    async def flushed(self) -> None:
        """Wait until what was emitted is in the log."""
        await self._emitter.flushed()

    def waiting(self, begins: bool) -> None:  # noqa: FBT001 - called by one place, for both
        """Note that the turn begins, or ends, to wait for a person."""
        self._budget.waiting(begins=begins)
        if begins and self.session.draining:
            asyncio.get_running_loop().call_soon(self.suspend)

    # -- for the callers -------------------------------------------------------------------------------------

    def events(self) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """Iterate over the turn's events, from ``run_started`` to the terminal one."""
        return self._events.follow()

    async def result(self) -> RunResult:
        """Wait for the end and return the result, or raise what the turn failed with."""
        record, text = await asyncio.shield(self.done)
        return answer(self.session_id, record, text)

    @property
    def session_id(self) -> str:
        """The session's id."""
        return self.session.session_id

    @property
    def waits_resumably(self) -> bool:
        """Whether the turn waits for somebody, and another process could take it up."""
        return self._view is not None and self._view.asking.waits_resumably

    def answered(self, approval: Approval) -> None:
        """Take the answer to one of the turn's questions."""
        if self._view is not None:
            self._view.asking.answered(approval)

    def suspend(self) -> None:
        """Let go of the turn, which waits for somebody, without ending it, if another process could take it up.

        One that only this process knows of ends: nobody can answer any more.
        """
        if self._ending is None and (parting := self._parting()) is not None:
            self._ending = parting
            self._stop_agent()

    def _parting(self) -> Ending | None:
        if self.waits_resumably:
            return SUSPENDED
        waits = self._view is not None and self._view.asking.waits
        return HOST_EXIT if waits and not self.session.journal.durable else None

    async def interrupt(self, ending: Ending) -> bool:
        """Stop the agent now; return whether the turn, now at its end, was interrupted."""
        if self._ending is None:
            self._ending = ending
            self._stop_agent()
        await asyncio.wait({self.done})
        return self.done.exception() is None and self.done.result()[0].outcome is TurnOutcome.INTERRUPTED

    @property
    def lost(self) -> BaseException | None:
        """What kept the end of the accepted turn, now over, from being committed."""
        return None if self.accepted.exception() else self.done.exception()

    # -- the task --------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Take the turn from admission to its end. Never raises: what happens is told through the two futures."""
        try:
            await self._begin()
        except Exception as refusal:  # noqa: BLE001 - whatever it is, the callers must hear of it
            self.session.turn = None
            for waiting in (self.accepted, self.done):
                waiting.set_exception(refusal)
                waiting.exception()  # somebody may be waiting, nobody has to
            return
        self.accepted.set_result(None)
        try:
            await self._finish(await self._run_agent())
        except Exception as error:  # noqa: BLE001 - whatever it is, the waiters must hear of it
            self._lose(error)

    async def _begin(self) -> None:
        """Make the turn this process' own, durably."""
        session = self.session
        if self.resumed:
            self._record, self.started_ms = await replayed(session, self.turn_id, self.transcript)
            change = await session.change(lambda head, _: taken_up(head, self.turn_id, session.owner))
        else:
            change = await session.change(partial(admitted, self.wanted, session.owner, self._first))
            self._record, self.started_ms = admitted_record(change), change.head.updated_ms
            self.number = change.head.turn_count
        self._events = TurnEvents(session.feed, self.turn_id, session.feed.last_seq + 1)
        session.feed.publish(change.events)
        self._emitter = Emitter(self.turn_id, session.feed.last_seq, session.journal, session.feed, self._stop_agent)
        self._budget = Budget(self.config, self.settings.budget, change.head, self.transcript, self._exhausted)

    async def _run_agent(self) -> Ending:
        """Run the agent to its end, or to where it was interrupted."""
        if self._ending is not None:
            return self._ending
        task = asyncio.get_running_loop().create_task(self._guarded())
        self._agent_task = task
        self._budget.watch(self._warn)
        either: set[asyncio.Future[Any]] = {task, self._agent_over}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        self._budget.stop()
        self._give_up()
        if not task.done():
            logger.warning("turn %s: its agent does not stop; the turn ends without it", self.turn_id)
        elif not task.cancelled() and task.exception() is None:
            return Ending(result=task.result())
        if self._ending is not None:
            return self._ending
        return Ending(error=failure_of(self.turn_id, task))

    async def _guarded(self) -> AgentResult:
        """Run the agent; what would end the process, an agent's ``sys.exit()``, ends the turn instead."""
        try:
            agent = self._build(self.config)
            self._view = AgentView(self, agent)
            return kept_result(await agent.run(self._view))
        except (SystemExit, KeyboardInterrupt) as exit_:
            raise AgentError(f"the agent tried to end the process ({type(exit_).__name__})") from exit_
        finally:
            self._emitter.hold()

    async def _finish(self, ending: Ending) -> None:
        """Commit the end, then let everybody know."""
        unlogged = await self._emitter.settle()
        if self._emitter.failure is not None:
            ending = Ending(error=self._emitter.failure)
            await self.session.reload()
        if ending is SUSPENDED:
            await self._let_go(unlogged)
            return
        change = await self.session.change(
            lambda head, logged: ending_change(
                head,
                self._running_record(head),
                self.transcript,
                ending,
                unlogged,
                logged + len(unlogged),
                duration_ms=self._budget.session_ms,
            )
        )
        self._events.ended = True
        self.session.feed.publish(change.events)
        self.session.feed.rest()
        self.session.turn_over()
        self.done.set_result((change.turn or self._record, self.transcript.text))

    async def _let_go(self, unlogged: Sequence[LoggedEvent]) -> None:
        """Leave the turn to whoever gets the answer that it waits for."""
        await self.session.journal.append(unlogged)
        self.session.feed.publish(unlogged)
        self._events.ended = True
        self.session.feed.look_again()
        self.session.feed.rest()
        self.session.turn = None
        self.done.set_exception(
            SessionBusy(
                "the turn waits for an approval; this server ends, and the turn goes on where the approval is answered",
                session_id=self.session_id,
                turn_id=self.turn_id,
            )
        )
        self.done.exception()  # somebody may be waiting, nobody has to

    def _running_record(self, head: SessionHead) -> TurnRecord:
        if head.running is None or head.running.turn_id != self.turn_id:
            raise StoreError("another process took the session over, believing this one dead")
        return self._record

    def _lose(self, error: Exception) -> None:
        """The end can't be committed: the text goes back with the error, and the stored turn is recovered later."""
        if not isinstance(error, MeerkatError):
            logger.error("turn %s could not be ended", self.turn_id, exc_info=error)
        message = error.message if isinstance(error, MeerkatError) else f"internal error: {type(error).__name__}"
        self.done.set_exception(
            StoreError(message, session_id=self.session_id, turn_id=self.turn_id, text=self.transcript.text)
        )
        self.done.exception()  # somebody may be waiting, nobody has to
        self.session.lose()

    def _warn(self) -> None:
        """Say which budgets are nearly used up."""
        if not self._agent_over.done():
            for warning in self._budget.warnings():
                self.transcript.add(warning)
                self._emitter.emit(warning)

    def _exhausted(self, error: BudgetExhausted) -> None:
        if self._ending is None:
            self._ending = Ending(error=error)
            self._stop_agent()

    def _stop_agent(self) -> None:
        if self._agent_task is not None and not self._agent_task.done():
            self._agent_task.cancel()
            asyncio.get_running_loop().call_later(INTERRUPT_GRACE_S, self._give_up)

    def _give_up(self) -> None:
        if not self._agent_over.done():
            self._agent_over.set_result(None)
