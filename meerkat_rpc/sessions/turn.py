"""One running turn: what its agent sees, what its callers hold, and the task that takes it from start to end.

    admitted ──commit──▶ accepted ──▶ agent runs ──▶ settled ──commit──▶ done
                 │                        │
                 ╰─ refused               ╰─ interrupt cancels the agent where it stands

Everything a client can do to a turn from outside is ``interrupt``. It acts while the agent runs (or before it has
begun) and never after: a turn whose agent has returned completes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve

from meerkat_rpc.agents.base import Agent, AgentResult
from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import (
    FIRST_PROMPT_CHARS,
    AgentConfig,
    Event,
    LoggedEvent,
    Message,
    RunningTurn,
    RunResult,
    RunStarted,
    SessionChange,
    SessionHead,
    Step,
    TurnOutcome,
    TurnRecord,
)
from meerkat_rpc.errors import BY_CODE, AgentError, MeerkatError, StoreError
from meerkat_rpc.event_json import as_json, encode_event
from meerkat_rpc.sessions.changes import refuse_archived, refuse_running
from meerkat_rpc.sessions.emitter import Emitter
from meerkat_rpc.sessions.ending import Ending, answer, ending_change, kept_result, prompt_digest, user_message
from meerkat_rpc.sessions.reading import read_messages
from meerkat_rpc.sessions.transcript import TurnTranscript, check_texts, close_open_calls
from meerkat_rpc.sessions.turn_events import TurnEvents

if TYPE_CHECKING:
    from meerkat_rpc.sessions.live import LiveSession

INTERRUPT_GRACE_S = 1.0
"""How long an interrupted agent may take to stop before its turn ends without it."""

BuildAgent = Callable[[AgentConfig], Agent]

logger = logging.getLogger(__name__)


class LiveTurn:
    """A turn that this process runs. It is the ``AgentTurn`` of its agent and the ``TurnHandle`` of its callers."""

    replayed = False

    # Set by the admission; nothing that needs them can be called before.
    _record: TurnRecord
    _emitter: Emitter
    _events: TurnEvents

    def __init__(self, session: LiveSession, turn_id: str, prompt: str, config: AgentConfig, build: BuildAgent) -> None:
        loop = asyncio.get_running_loop()
        self.turn_id = turn_id
        self.prompt = prompt
        self.config = config
        self.number = session.head.turn_count + 1
        self.create_turn_id: str | None = None
        self.accepted: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[tuple[TurnRecord, str]] = loop.create_future()
        self._session = session
        self._build = build
        self._ending: Ending | None = None
        self._agent_task: asyncio.Task[AgentResult] | None = None
        self._agent_over: asyncio.Future[None] = loop.create_future()
        self._transcript = TurnTranscript(turn_id)

    # -- for the agent ---------------------------------------------------------------------------------------

    @property
    def session_id(self) -> str:
        """The session's id."""
        return self._session.head.session_id

    async def history(self) -> Sequence[Message]:
        """Return the messages before this turn's prompt, with every tool call answered."""
        return close_open_calls(await read_messages(self._session.journal, self._record.first_message))

    def emit(self, event: Event) -> Awaitable[None]:
        """Log ``event`` and show it. An agent that outlives its turn gets ``CancelledError``."""
        if self._agent_over.done():
            raise asyncio.CancelledError
        check_texts(event)
        self._transcript.add(event)
        return self._emitter.emit(event)

    # -- for the callers -------------------------------------------------------------------------------------

    def events(self) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """Iterate over the turn's events, from ``run_started`` to the terminal one."""
        return self._events.follow()

    async def result(self) -> RunResult:
        """Wait for the end and return the result, or raise what the turn failed with."""
        record, text = await asyncio.shield(self.done)
        return answer(self.session_id, record, text)

    async def interrupt(self, ending: Ending) -> bool:
        """Stop the agent now; return whether the turn, now at its end, was interrupted."""
        if self._ending is None:
            self._ending = ending
            if self._agent_task is not None and not self._agent_task.done():
                self._agent_task.cancel()
                asyncio.get_running_loop().call_later(INTERRUPT_GRACE_S, self._give_up)
        await asyncio.wait({self.done})
        return self.done.exception() is None and self.done.result()[0].outcome is TurnOutcome.INTERRUPTED

    @property
    def lost(self) -> BaseException | None:
        """What kept the end of the accepted turn, now over, from being committed."""
        return None if self.accepted.exception() else self.done.exception()

    # -- the task --------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Take the turn from admission to its end. Never raises: what happens is told through the two futures."""
        session = self._session
        try:
            change = await session.change(self._admission)
        except Exception as refusal:  # noqa: BLE001 - whatever it is, the callers must hear of it
            session.turn = None
            for waiting in (self.accepted, self.done):
                waiting.set_exception(refusal)
                waiting.exception()  # somebody may be waiting, nobody has to
            return
        self._events = TurnEvents(session.feed, self.turn_id, self._record.first_seq)
        session.feed.publish(change.events)
        self._emitter = Emitter(self.turn_id, session.feed.last_seq, session.journal, session.feed, self._log_failed)
        self.accepted.set_result(None)
        try:
            await self._finish(await self._run_agent())
        except Exception as error:  # noqa: BLE001 - whatever it is, the waiters must hear of it
            self._lose(error)

    def _admission(self, head: SessionHead, last_seq: int) -> SessionChange:
        """Build the commit that makes the prompt durable."""
        refuse_running(head)
        refuse_archived(head)
        head.after(Step.ADMIT)
        at = max(now_ms(), head.updated_ms)
        self.number = head.turn_count + 1
        started = LoggedEvent(last_seq + 1, at, self.turn_id, encode_event(RunStarted(head.session_id, self.prompt)))
        self._record = TurnRecord(
            turn_id=self.turn_id,
            prompt_digest=prompt_digest(self.prompt),
            outcome=TurnOutcome.RUNNING,
            first_seq=last_seq + 1,
            first_message=head.message_count,
        )
        running = RunningTurn(self.turn_id, self._session.owner, last_seq + 1, head.message_count, at)
        return SessionChange(
            head=evolve(
                head,
                revision=head.revision + 1,
                updated_ms=at,
                first_prompt=head.first_prompt if head.first_prompt is not None else self.prompt[:FIRST_PROMPT_CHARS],
                message_count=head.message_count + 1,
                turn_count=head.turn_count + 1,
                running=running,
            ),
            messages=[user_message(self.turn_id, self.prompt, at)],
            events=[started],
            turn=self._record,
            create_turn_id=self.create_turn_id,
        )

    async def _run_agent(self) -> Ending:
        """Run the agent to its end, or to where it was interrupted."""
        if self._ending is not None:
            return self._ending
        task = asyncio.get_running_loop().create_task(self._guarded())
        self._agent_task = task
        either: set[asyncio.Future[Any]] = {task, self._agent_over}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not self._agent_over.done():
            self._agent_over.set_result(None)
        if not task.done():
            logger.warning("turn %s: its agent does not stop; the turn ends without it", self.turn_id)
        elif not task.cancelled() and task.exception() is None:
            return Ending(result=task.result())
        if self._ending is not None:
            return self._ending
        return Ending(error=self._failure(task))

    async def _guarded(self) -> AgentResult:
        """Run the agent; what would end the process, an agent's ``sys.exit()``, ends the turn instead."""
        try:
            return kept_result(await self._build(self.config).run(self))
        except (SystemExit, KeyboardInterrupt) as exit_:
            raise AgentError(f"the agent tried to end the process ({type(exit_).__name__})") from exit_
        finally:
            self._emitter.hold()

    def _failure(self, task: asyncio.Task[AgentResult]) -> MeerkatError:
        if task.cancelled():
            return AgentError("the agent gave up: it cancelled its own task")
        error = task.exception()
        if isinstance(error, MeerkatError):
            told = BY_CODE.get(error.code, AgentError)(str(error.message))
            told.data = as_json(error.data)
            return told
        logger.warning("turn %s: the agent failed", self.turn_id, exc_info=error)
        return AgentError(": ".join(filter(None, [type(error).__name__, _words(error)])))

    async def _finish(self, ending: Ending) -> None:
        """Commit the end, then let everybody know."""
        unlogged = await self._emitter.settle()
        if self._emitter.failure is not None:
            ending = Ending(error=self._emitter.failure)
            await self._session.reload()
        change = await self._session.change(
            lambda head, logged: ending_change(
                head, self._running_record(head), self._transcript, ending, unlogged, logged + len(unlogged)
            )
        )
        self._events.ended = True
        self._session.turn = None
        self._session.feed.publish(change.events)
        self._session.feed.rest()
        self.done.set_result((change.turn or self._record, self._transcript.text))

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
            StoreError(message, session_id=self.session_id, turn_id=self.turn_id, text=self._transcript.text)
        )
        self.done.exception()  # somebody may be waiting, nobody has to
        self._session.lose()

    def _log_failed(self) -> None:
        if self._agent_task is not None:
            self._agent_task.cancel()

    def _give_up(self) -> None:
        if not self._agent_over.done():
            self._agent_over.set_result(None)


def _words(error: BaseException | None) -> str:
    """Return what ``error`` says; nothing for one that can't even do that."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an agent's exception is an agent's code
        return ""
