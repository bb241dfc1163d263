"""The ephemeral service: sessions that live in this process, one task for each running turn.

It keeps each session through a journal and can't see what is behind it; with the default, memory, sessions end with the
process. ``PersistentSessionService`` puts a store behind the journals and wraps this service.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence

from attrs import evolve

from meerkat_rpc.domain import (
    AgentConfig,
    Approval,
    History,
    Labels,
    LoggedEvent,
    Owner,
    Remember,
    SessionChange,
    TurnOutcome,
)
from meerkat_rpc.errors import InvalidArgument, SessionNotFound
from meerkat_rpc.sessions import answering, asking, changes, listing, prompts, reading, replay
from meerkat_rpc.sessions.ending import HOST_EXIT, Ending
from meerkat_rpc.sessions.journal import MemoryBlobs, MemoryJournal
from meerkat_rpc.sessions.live import LiveSession
from meerkat_rpc.sessions.live_sessions import LiveSessions, OpenJournal
from meerkat_rpc.sessions.live_turns import LiveTurns
from meerkat_rpc.sessions.replay import Replay
from meerkat_rpc.sessions.service import (
    Compacted,
    Created,
    CreateSession,
    EventPage,
    EventSource,
    HistoryPage,
    Injected,
    ListQuery,
    Queued,
    ServiceHealth,
    SessionPage,
    SessionView,
    StartTurn,
    TurnHandle,
    Waiting,
)
from meerkat_rpc.sessions.surroundings import Surroundings
from meerkat_rpc.sessions.transcript import close_open_calls
from meerkat_rpc.sessions.turn import BuildAgent, LiveTurn

CompleteConfig = Callable[[AgentConfig, str | None], AgentConfig]


class EphemeralSessionService:
    """Sessions in this process.

    Args:
        build: makes the agent for a configuration; raises ``ProviderError`` when it can't. Called as a turn begins to
            run, so that a session whose model is missing today keeps its prompt and runs tomorrow.
        complete: fills in, as a session is created, what its configuration leaves open in its folder (the model).
        owner: this process.
        max_sessions: how many sessions that are not archived may be live at once.
        open_journal: makes the journal of a session; in memory by default.
        surroundings: tools and settings of every turn.
    """

    def __init__(
        self,
        build: BuildAgent,
        complete: CompleteConfig,
        owner: Owner,
        max_sessions: int,
        open_journal: OpenJournal | None = None,
        surroundings: Surroundings = Surroundings(),
    ) -> None:
        self._blobs = MemoryBlobs()
        self.turns = LiveTurns(build, surroundings, lambda: self.sessions.closed)
        self.sessions = LiveSessions(
            owner,
            max_sessions,
            open_journal or (lambda _session_id: MemoryJournal(self._blobs)),
            self.turns.start_queued,
        )
        self._complete = complete

    # -- create and run ----------------------------------------------------------------------------------------

    async def create(self, request: CreateSession) -> Created:
        """See ``SessionService``."""
        if request.session_id is not None and (known := self.sessions.find(request.session_id)) is not None:
            return await self.repeated_create(known, request)
        if request.turn_id is not None and (known := self._created_by(request.turn_id)) is not None:
            return await self.repeated_create(known, request)
        session = self.sessions.hold(changes.new_head(request, self._complete(request.config, request.cwd)), last_seq=0)
        try:
            if request.prompt is None:
                await session.change(lambda head, _: SessionChange(head=evolve(head, revision=1)))
                return Created(session.session_id, None)
            first = StartTurn(
                session.session_id,
                request.prompt,
                turn_id=request.turn_id,
                attachments=request.attachments,
                blobs=request.blobs,
            )
            turn = self._admit(session, first)
            session.create_turn_id = request.turn_id
            turn.bring({}, request.turn_id)
            await session.run(turn)
        except BaseException:
            if session.head.revision == 0 and session.turn is None:
                self.sessions.release(session)
            raise
        return Created(session.session_id, turn)

    async def repeated_create(self, session: LiveSession, request: CreateSession) -> Created:
        """Answer a create whose session is there already: with its first turn, run once.

        Raises:
            InvalidArgument: the session began with something else.
        """
        if session.turn is not None and session.turn.number == 1:
            await asyncio.wait({session.turn.accepted})
        await session.committed()
        first = await session.journal.messages(0, 1)
        if not first and request.prompt is None:
            return Created(session.session_id, None)
        if not first or first[0].content != request.prompt or request.turn_id not in (None, first[0].turn_id):
            raise InvalidArgument("params.session_id: there is a session of this id that began with something else")
        repeated = StartTurn(
            session.session_id, request.prompt, turn_id=first[0].turn_id, attachments=request.attachments
        )
        return Created(session.session_id, await self.start_turn(repeated))

    async def start_turn(self, request: StartTurn) -> TurnHandle:
        """See ``SessionService``."""
        session = self.sessions.get(request.session_id)
        if request.turn_id is not None:
            repeated = await self._repeated_turn(session, request.turn_id, request)
            if repeated is not None:
                return repeated
        turn = self._admit(session, request)
        await session.run(turn)
        return turn

    async def interrupt(self, session_id: str, turn_id: str | None = None) -> bool:
        """See ``SessionService``."""
        turn = self.sessions.get(session_id).turn
        if turn is None or turn_id not in (None, turn.turn_id):
            return False
        interrupted = await turn.interrupt(Ending())
        if turn.lost is not None:
            raise turn.lost
        return interrupted

    def _admit(self, session: LiveSession, request: StartTurn) -> LiveTurn:
        self.sessions.refuse_closed()
        self.sessions.touch(session)
        return self.turns.admit(session, prompts.prompt_of(request), request.blobs)

    async def _repeated_turn(self, session: LiveSession, turn_id: str, request: StartTurn) -> Replay | None:
        if session.turn is not None and session.turn.turn_id == turn_id:
            return replay.of_running(session.turn, request)
        record = await session.journal.turn(turn_id)
        if record is None or record.outcome is TurnOutcome.RUNNING:
            return None
        replay.check_prompt(record.prompt_digest, request)
        return Replay(session.session_id, turn_id, lambda: replay.of_ended(session.journal, session.session_id, record))

    def _created_by(self, turn_id: str) -> LiveSession | None:
        for session in self.sessions:
            if session.create_turn_id == turn_id:
                return session
        return None

    async def steer(self, request: StartTurn, expected_turn_id: str | None = None) -> Queued:
        """See ``SessionService``."""
        return await prompts.steer(self.sessions.get(request.session_id), request, expected_turn_id)

    async def enqueue(self, request: StartTurn) -> Queued:
        """See ``SessionService``."""
        session = self.sessions.get(request.session_id)
        self.sessions.refuse_closed()
        self.sessions.touch(session)
        return await prompts.enqueue(self.turns, session, request)

    async def dequeue(self, session_id: str, turn_id: str) -> bool:
        """See ``SessionService``."""
        return await prompts.dequeue(self.sessions.get(session_id), turn_id)

    async def inject(self, request: StartTurn) -> Injected:
        """See ``SessionService``."""
        return await prompts.inject(self.turns, self.sessions.get(request.session_id), request)

    async def compact(self, session_id: str) -> Compacted:
        """See ``SessionService``."""
        return await answering.compact(self.turns, self.sessions.get(session_id))

    async def respond(
        self, approval_id: str, choice: str, remember: Remember = "once", gone: Owner | None = None
    ) -> Approval:
        """See ``SessionService``. ``gone``: the turn's process, if it has ended."""
        session = self.sessions.find(asking.session_of(approval_id))
        if session is None:
            raise asking.unknown(approval_id)
        return await answering.respond(session, self.turns.surroundings, approval_id, choice, remember, gone)

    async def waiting(self, session_id: str | None = None) -> Sequence[Waiting]:
        """See ``SessionService``."""
        asked = self.sessions if session_id is None else [self.sessions.get(session_id)]
        return answering.waiting_in(session.head for session in asked)

    def watch_started(self, callback: Callable[[EventSource], None]) -> None:
        """See ``SessionService``."""
        self.turns.watch_started(callback)

    def watch_changes(self, tell: Callable[[Collection[str] | None], None] | None) -> None:
        """See ``SessionService``."""
        self.sessions.watch_changes(None if tell is None else lambda session_id: tell([session_id]))

    # -- read --------------------------------------------------------------------------------------------------

    async def read(self, session_id: str) -> SessionView:
        """See ``SessionService``."""
        session = self.sessions.get(session_id)
        return await reading.view(session.head, session.journal)

    async def list(self, query: ListQuery) -> SessionPage:
        """See ``SessionService``."""
        page = listing.select(listing.NewestFirst(self.sessions.rows().values()), query)
        return listing.with_questions(page, (session.head for session in self.sessions))

    async def history(self, session_id: str, offset: int, limit: int, before: int | None = None) -> HistoryPage:
        """See ``SessionService``."""
        session = self.sessions.get(session_id)
        head, last_seq = session.head, session.feed.last_seq
        start, count = reading.page_bounds(head.message_count, offset, limit, before)
        messages = await session.journal.messages(start, min(count, max(head.message_count - start, 0)))
        return reading.history_page(History(head, last_seq, start, messages))

    async def blob(self, digest: str) -> bytes:
        """See ``SessionService``."""
        return reading.found(self._blobs.get(digest))

    async def latest_seq(self, session_id: str) -> int:
        """See ``SessionService``."""
        return self.sessions.get(session_id).feed.last_seq

    async def events_since(self, session_id: str, after: int, limit: int) -> EventPage:
        """See ``SessionService``."""
        session = self.sessions.get(session_id)
        reading.check_cursor(after, session.feed.last_seq)
        return EventPage(await session.journal.events(after, limit), session.feed.last_seq)

    async def subscribe(self, session_id: str, after: int) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """See ``SessionService``."""
        async for batch in self.sessions.get(session_id).feed.follow(after):
            yield batch

    # -- put away ----------------------------------------------------------------------------------------------

    async def archive(self, session_id: str) -> None:
        """See ``SessionService``."""
        session = self.sessions.get(session_id)
        if session.head.archived or session.leaving:
            raise SessionNotFound("the session is archived already", session_id=session_id)
        session.leaving = True
        try:
            await session.turn_ended()
            await session.change(changes.archived)
        finally:
            session.leaving = False

    async def unarchive(self, session_id: str) -> None:
        """See ``SessionService``."""
        session = self.sessions.get(session_id)
        if session.head.archived:
            self.sessions.make_room()
            await session.change(changes.unarchived)

    async def delete(self, session_id: str) -> None:
        """See ``SessionService``."""
        session = self.sessions.get(session_id)
        await self.clear_out(session)
        self.sessions.release(session)
        self.sessions.changed(session_id)

    async def update(
        self, session_id: str, title: str | None, labels: Labels | None, config: AgentConfig = AgentConfig()
    ) -> SessionView:
        """See ``SessionService``."""
        session = self.sessions.get(session_id)
        await session.change(lambda head, _: changes.updated(head, title, labels, config))
        return await reading.view(session.head, session.journal)

    async def fork(self, session_id: str, message_index: int) -> str:
        """See ``SessionService``."""
        parent = self.sessions.get(session_id)
        if message_index > parent.head.message_count:
            raise InvalidArgument(
                f"params.message_index: the session has {parent.head.message_count} messages", session_id=session_id
            )
        messages = close_open_calls(await reading.read_messages(parent.journal, message_index))
        child = self.sessions.hold(changes.forked_head(parent.head, messages), last_seq=0)
        try:
            await child.change(lambda head, _: SessionChange(evolve(head, revision=1), messages))
        except BaseException as error:
            self.sessions.release(child)
            if isinstance(error, ValueError):  # what is attached to its messages went with it
                raise SessionNotFound("the session was deleted meanwhile", session_id=session_id) from error
            raise
        return child.session_id

    # -- the whole ---------------------------------------------------------------------------------------------

    async def health(self) -> ServiceHealth:
        """See ``SessionService``."""
        live = self.sessions
        return ServiceHealth(live.active, live.running_turns, len(live), live.max_sessions)

    async def turns_ended(self) -> None:
        """See ``SessionService``."""
        for session in self.sessions:
            await session.turn_ended()

    def drain(self) -> None:
        """See ``SessionService``."""
        self.sessions.drain()

    async def close(self) -> None:
        """See ``SessionService``."""
        self.sessions.closed = True
        self.sessions.drain()
        running = [session.turn for session in self.sessions if session.turn is not None]
        await asyncio.gather(*(turn.interrupt(HOST_EXIT) for turn in running))
        for session in self.sessions:
            self.sessions.release(session)

    async def clear_out(self, session: LiveSession) -> None:
        """Interrupt what runs in the session and let nothing in after it."""
        session.leaving = True
        while session.turn is not None:
            await session.turn.interrupt(Ending())
