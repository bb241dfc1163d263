"""The persistent service: wraps the ephemeral one and keeps every session in a store.

The ephemeral service runs sessions; this one wakes them from the store, puts idle ones to rest, and answers everything
that needs no live session from the store itself. A turn's process may die at any point, so whoever next looks at a
session that is "running" under a dead owner ends that turn first (``_settled``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing

from meerkat_rpc.domain import CatalogueRow, Labels, LoggedEvent, RunResult, SessionHead, TurnOutcome
from meerkat_rpc.errors import RevisionConflict, SessionBusy, SessionNotFound, StoreError
from meerkat_rpc.sessions import changes, listing, reading, replay
from meerkat_rpc.sessions.ephemeral import EphemeralSessionService
from meerkat_rpc.sessions.lease import Lease
from meerkat_rpc.sessions.live import LiveSession
from meerkat_rpc.sessions.recovery import recover
from meerkat_rpc.sessions.replay import Replay
from meerkat_rpc.sessions.service import (
    Created,
    CreateSession,
    EventPage,
    HistoryPage,
    ListQuery,
    ServiceHealth,
    SessionPage,
    SessionView,
    StartTurn,
    TurnHandle,
)
from meerkat_rpc.sessions.store_journal import StoreJournal
from meerkat_rpc.sessions.watch import watch
from meerkat_rpc.store.base import Store

REMOTE_TURN_POLL_S = 0.1
"""How often a turn that another process runs is looked at by a caller who repeated its id."""

DEFERRED_CREATES = 64
"""How many sessions without a turn are being committed at once: more would wait for the one store thread anyway, and
would count as live meanwhile. A client may ask for thousands in one go."""

logger = logging.getLogger(__name__)


class PersistentSessionService:
    """Sessions in a store, shared with other processes.

    Args:
        store: where sessions are kept; opened and closed by this service.
        live: runs them; its journals must write to ``store`` (see ``StoreJournal``).
        lease: this process's claim on the sessions it runs.
    """

    def __init__(self, store: Store, live: EphemeralSessionService, lease: Lease) -> None:
        self._store = store
        self._live = live
        self._lease = lease
        self._waking: dict[str, asyncio.Task[LiveSession]] = {}
        self._recovery: asyncio.Task[None] | None = None
        self._deferred_creates = asyncio.Semaphore(min(DEFERRED_CREATES, live.max_sessions))
        self._order: tuple[int, Sequence[CatalogueRow]] = (-1, ())

    async def open(self) -> None:
        """Open the store, and begin to end the turns that dead processes left.

        Raises:
            StoreError: the store can't be used; the message says why.
        """
        await self._store.open()
        self._recovery = asyncio.get_running_loop().create_task(self._recover_all(), name="recovery")

    # -- create and run ----------------------------------------------------------------------------------------

    async def create(self, request: CreateSession) -> Created:
        """See ``SessionService``."""
        for _ in range(2):
            known = await self._created_before(request)
            if known is not None:
                return await self._live.repeated_create(await self._wake(known), request)
            try:
                return await self._create(request)
            except RevisionConflict:  # the same ids, a moment earlier, from another call or process
                continue
        raise SessionBusy("the session is being created by another call", session_id=request.session_id)

    async def _create(self, request: CreateSession) -> Created:
        if request.prompt is None:
            async with self._deferred_creates:
                self._make_room()
                return await self._live.create(request)
        self._make_room()
        await self._lease.hold()
        return await self._live.create(request)

    async def start_turn(self, request: StartTurn) -> TurnHandle:
        """See ``SessionService``."""
        session = await self._wake(request.session_id)
        remote = await self._remote_turn(session, request)
        if remote is not None:
            return remote
        await self._lease.hold()
        try:
            return await self._live.start_turn(request)
        except SessionBusy:
            if not await self._settle_stale(session):
                raise
        return await self._live.start_turn(request)

    async def interrupt(self, session_id: str, turn_id: str | None = None) -> bool:
        """See ``SessionService``."""
        session = self._live.find(session_id)
        if session is not None and session.turn is not None:
            return await self._live.interrupt(session_id, turn_id)
        head = await self._head(session_id)
        if head.running is not None and turn_id in (None, head.running.turn_id):
            changes.refuse_running(head)
        return False

    async def _created_before(self, request: CreateSession) -> str | None:
        """Return the session that an earlier call with the same ids created."""
        if request.session_id is not None:
            live = self._live.find(request.session_id)
            known = live is not None or await self._store.head(request.session_id) is not None
            return request.session_id if known else None
        if request.turn_id is not None:
            return await self._store.session_of_turn(request.turn_id)
        return None

    async def _remote_turn(self, session: LiveSession, request: StartTurn) -> Replay | None:
        """Return the handle of the turn asked for when another process is running it."""
        if request.turn_id is None or session.turn is not None:
            return None
        record = await self._store.turn(request.session_id, request.turn_id)
        if record is None or record.outcome is not TurnOutcome.RUNNING:
            return None
        replay.check_prompt(record.prompt_digest, request.prompt)
        turn_id = request.turn_id
        return Replay(request.session_id, turn_id, lambda: self._await_remote(session, turn_id))

    async def _await_remote(self, session: LiveSession, turn_id: str) -> RunResult:
        while True:
            await self._head(session.session_id)  # ends the turn if its process is gone
            record = await self._store.turn(session.session_id, turn_id)
            if record is None:
                raise SessionNotFound("there is no such session", session_id=session.session_id)
            if record.outcome is not TurnOutcome.RUNNING:
                return await replay.of_ended(session.journal, session.session_id, record)
            await asyncio.sleep(REMOTE_TURN_POLL_S)

    # -- read --------------------------------------------------------------------------------------------------

    async def read(self, session_id: str) -> SessionView:
        """See ``SessionService``."""
        return await reading.view(await self._head(session_id), StoreJournal(self._store, session_id))

    async def list(self, query: ListQuery) -> SessionPage:
        """See ``SessionService``."""
        if self._recovery is not None:
            await asyncio.wait({self._recovery})
        version, rows = await self._store.catalogue()
        if await self._settle_rows(rows.values()):
            version, rows = await self._store.catalogue()
        if self._order[0] != version:
            self._order = version, listing.newest_first(rows.values())
        return listing.select(self._order[1], query)

    async def history(self, session_id: str, offset: int, limit: int) -> HistoryPage:
        """See ``SessionService``."""
        head = await self._head(session_id)
        return HistoryPage(
            session_id, head.message_count, offset, await self._store.messages(session_id, offset, limit)
        )

    async def latest_seq(self, session_id: str) -> int:
        """See ``SessionService``."""
        live = self._live.find(session_id)
        if live is not None and live.turn is not None:
            return live.feed.last_seq
        await self._head(session_id)
        return await self._store.last_seq(session_id)

    async def events_since(self, session_id: str, after: int, limit: int) -> EventPage:
        """See ``SessionService``."""
        latest = await self.latest_seq(session_id)
        reading.check_cursor(after, latest)
        return EventPage(await self._store.events(session_id, after, limit), latest)

    async def subscribe(self, session_id: str, after: int) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """See ``SessionService``."""
        session = await self._wake(session_id)
        async with aclosing(watch(session, self._store, self._live.release, after)) as batches:
            async for batch in batches:
                yield batch

    # -- put away ----------------------------------------------------------------------------------------------

    async def archive(self, session_id: str) -> None:
        """See ``SessionService``."""
        await self._wake(session_id)
        await self._live.archive(session_id)

    async def unarchive(self, session_id: str) -> None:
        """See ``SessionService``."""
        await self._wake(session_id)
        await self._live.unarchive(session_id)

    async def delete(self, session_id: str) -> None:
        """See ``SessionService``."""
        session = await self._wake(session_id)
        await self._live.clear_out(session)
        try:
            changes.refuse_running(await self._head(session_id))
            await self._store.delete(session_id)
        except BaseException:
            session.leaving = False
            raise
        self._live.release(session)

    async def update(self, session_id: str, title: str | None, labels: Labels | None) -> SessionView:
        """See ``SessionService``."""
        await self._wake(session_id)
        return await self._live.update(session_id, title, labels)

    async def fork(self, session_id: str, message_index: int) -> str:
        """See ``SessionService``."""
        session = await self._wake(session_id)
        await session.refresh()
        self._make_room()
        return await self._live.fork(session_id, message_index)

    # -- the whole ---------------------------------------------------------------------------------------------

    async def health(self) -> ServiceHealth:
        """See ``SessionService``."""
        live = await self._live.health()
        _, rows = await self._store.catalogue()
        return ServiceHealth(live.live_sessions, live.running_turns, len(rows), live.max_sessions)

    async def turns_ended(self) -> None:
        """See ``SessionService``."""
        await self._live.turns_ended()

    async def close(self) -> None:
        """See ``SessionService``."""
        if self._recovery is not None:
            self._recovery.cancel()
        try:
            await self._live.close()
            await self._lease.drop()
        finally:
            await self._store.close()

    # -- waking and resting ------------------------------------------------------------------------------------

    async def _wake(self, session_id: str) -> LiveSession:
        """Return the live session, from the store if need be.

        Raises:
            SessionNotFound: there is none.
            CapacityExhausted: every live session is busy.
        """
        live = self._live.find(session_id)
        if live is not None:
            await self._catch_up(live)
            return live
        task = self._waking.get(session_id)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._load(session_id))
            self._waking[session_id] = task
            task.add_done_callback(lambda _: self._waking.pop(session_id, None))
        return await asyncio.shield(task)

    async def _catch_up(self, session: LiveSession) -> None:
        """See what other processes did to a session that is live here and not running."""
        if session.turn is None and session.head.revision:
            head = await self._head(session.session_id)
            if head.revision != session.head.revision:
                await session.refresh()

    async def _load(self, session_id: str) -> LiveSession:
        head = await self._head(session_id)
        last_seq = await self._store.last_seq(session_id)
        live = self._live.find(session_id)  # created meanwhile, under an id of the client's
        if live is not None:
            return live
        self._make_room()
        return self._live.hold(head, last_seq)

    def _make_room(self) -> None:
        """Put idle sessions to rest, least recently used first, until there is room for one more."""
        excess = self._live.active - self._live.max_sessions + 1
        if excess > 0:
            idle = sorted((session for session in self._live.live() if session.idle), key=lambda session: session.used)
            for session in idle[:excess]:
                self._live.release(session)

    # -- turns of dead processes -------------------------------------------------------------------------------

    async def _head(self, session_id: str) -> SessionHead:
        """Return the session's head, with the turn of a dead process ended.

        Raises:
            SessionNotFound: there is no such session.
        """
        live = self._live.find(session_id)
        if live is not None and live.turn is not None and live.head.revision:
            return live.head
        head = await self._store.head(session_id)
        if head is not None:
            head = await self._settled(head)
        if head is None:
            raise SessionNotFound("there is no such session", session_id=session_id)
        return head

    async def _settled(self, head: SessionHead) -> SessionHead | None:
        if head.running is None or self._runs_here(head.session_id) or await self._lease.is_held_by(head.running.owner):
            return head
        return await recover(self._store, head)

    def _runs_here(self, session_id: str) -> bool:
        live = self._live.find(session_id)
        return live is not None and live.turn is not None

    async def _settle_stale(self, session: LiveSession) -> bool:
        """After a refusal as busy: end the turn if its process is gone; return whether another try makes sense."""
        if session.turn is not None:
            return False
        head = await self._head(session.session_id)
        await session.refresh()
        return head.running is None

    async def _settle_rows(self, rows: Iterable[CatalogueRow]) -> bool:
        """End the turns of dead processes among ``rows``; return whether there were any."""
        orphans = [
            row.session_id
            for row in rows
            if row.running is not None
            and not self._runs_here(row.session_id)
            and not await self._lease.is_held_by(row.running.owner)
        ]
        for session_id in orphans:
            await self._recover_one(session_id)
        return bool(orphans)

    async def _recover_all(self) -> None:
        for session_id in await self._store.running():
            await self._recover_one(session_id)

    async def _recover_one(self, session_id: str) -> None:
        try:
            head = await self._store.head(session_id)
            if head is not None:
                await self._settled(head)
        except StoreError as error:
            logger.warning("session %s: its unfinished turn could not be ended: %s", session_id, error.message)
