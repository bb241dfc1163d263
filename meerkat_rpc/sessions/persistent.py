"""The persistent service: wraps the ephemeral one and keeps every session in a store.

The ephemeral service runs sessions; this one wakes them from the store, puts idle ones to rest, and answers everything
that needs no live session from the store itself. A turn's process may die at any point: ``orphans.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing

from meerkat_rpc.domain import AgentConfig, Approval, Labels, LoggedEvent, Remember
from meerkat_rpc.errors import (
    RevisionConflict,
    SessionBusy,
    SessionNotFound,
    TurnTaken,
)
from meerkat_rpc.sessions import answering, asking, reading
from meerkat_rpc.sessions.changed_sessions import ChangedSessions, Tell
from meerkat_rpc.sessions.ephemeral import EphemeralSessionService
from meerkat_rpc.sessions.folding import FoldingPolicy
from meerkat_rpc.sessions.health import with_store
from meerkat_rpc.sessions.lease import Lease
from meerkat_rpc.sessions.live import LiveSession
from meerkat_rpc.sessions.neighbours import Neighbours
from meerkat_rpc.sessions.orphans import Orphans
from meerkat_rpc.sessions.remote_interrupts import RemoteInterrupts, StopsHere
from meerkat_rpc.sessions.remote_turns import RemoteTurns
from meerkat_rpc.sessions.removing import Removing
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
from meerkat_rpc.sessions.store_journal import StoreJournal
from meerkat_rpc.sessions.stored_list import StoredList
from meerkat_rpc.sessions.waking import Waking
from meerkat_rpc.sessions.watch import Watch
from meerkat_rpc.store.base import Store

DEFERRED_CREATES = 64
"""How many sessions without a turn are being committed at once: more would wait for the one store thread anyway, and
would count as live meanwhile. A client may ask for thousands in one go."""


class PersistentSessionService:
    """Sessions in a store, shared with other processes.

    Args:
        store: where sessions are kept; opened and closed by this service.
        live: runs them; its journals must write to ``store`` (see ``StoreJournal``).
        lease: this process's claim on the sessions it runs.
        folding: what becomes of old turns' deltas; None leaves them as they are.
    """

    def __init__(
        self, store: Store, live: EphemeralSessionService, lease: Lease, folding: FoldingPolicy | None = None
    ) -> None:
        self._store = store
        self._live = live
        self._lease = lease
        self._orphans = Orphans(store, lease, live.sessions.is_running)
        self._waking = Waking(store, live.sessions, self._orphans)
        self._watch = Watch(store, self._waking.head, live.sessions.release)
        self._recovery: asyncio.Task[None] | None = None
        self._folding = folding
        self._folding_task: asyncio.Task[None] | None = None
        self._removing = Removing(store, self._waking, self._orphans, live.sessions)
        self._remote = RemoteTurns(store, self._waking, self._orphans, lease, live.turns)
        self._remote_interrupts = RemoteInterrupts(store, self._waking, self._orphans)
        self._changed = ChangedSessions(store)
        self._neighbours = Neighbours(store, StopsHere(store, live.sessions).concern, self._changed.concern)
        live.turns.watch_admitted(self._neighbours.begin)
        self._deferred_creates = asyncio.Semaphore(min(DEFERRED_CREATES, live.sessions.max_sessions))
        self._list = StoredList(store, self._orphans, live.sessions)

    async def open(self) -> None:
        """Open the store, and begin to end the turns that dead processes left.

        Raises:
            StoreError: the store can't be used; the message says why.
        """
        await self._store.open()
        loop = asyncio.get_running_loop()
        self._recovery = loop.create_task(self._orphans.settle_all(), name="recovery")
        if self._folding is not None:
            self._folding_task = loop.create_task(self._folding.run(), name="folding")

    # -- create and run ----------------------------------------------------------------------------------------

    async def create(self, request: CreateSession) -> Created:
        """See ``SessionService``."""
        for _ in range(2):
            known = await self._created_before(request)
            if known is not None:
                session = await self._waking.wake(known)
                with session.in_use():
                    return await self._live.repeated_create(session, request)
            try:
                return await self._create(request)
            except RevisionConflict:  # the same ids, a moment earlier, from another call or process
                continue
        raise SessionBusy("the session is being created by another call", session_id=request.session_id)

    async def _create(self, request: CreateSession) -> Created:
        if request.prompt is None:
            async with self._deferred_creates:
                return await self._live.create(request)
        await self._lease.hold()
        return await self._live.create(request)

    async def start_turn(self, request: StartTurn) -> TurnHandle:
        """See ``SessionService``."""
        session = await self._waking.wake_soon(request.session_id)
        with session.in_use():
            try:
                return await self._start_turn(session, request)
            except (SessionBusy, SessionNotFound):
                if session.turn is not None:
                    raise
        # What was refused may have been changed by another process.
        session = await self._waking.wake(request.session_id)
        with session.in_use():
            return await self._start_turn(session, request)

    async def _start_turn(self, session: LiveSession, request: StartTurn) -> TurnHandle:
        remote = await self._remote.find(session, request)
        if remote is not None:
            return remote
        await self._lease.hold()
        try:
            return await self._live.start_turn(request)
        except TurnTaken:  # another process has run it meanwhile: answered from its record
            return await self._live.start_turn(request)

    async def interrupt(self, session_id: str, turn_id: str | None = None) -> bool:
        """See ``SessionService``."""
        session = self._live.sessions.find(session_id)
        if session is not None and session.turn is not None:
            return await self._live.interrupt(session_id, turn_id)
        head = await self._waking.head(session_id)
        if head.running is None or turn_id not in (None, head.running.turn_id):
            return False
        return await self._remote_interrupts.interrupt(head)

    async def steer(self, request: StartTurn, expected_turn_id: str | None = None) -> Queued:
        """See ``SessionService``."""
        with (await self._waking.wake(request.session_id)).in_use():
            return await self._live.steer(request, expected_turn_id)

    async def enqueue(self, request: StartTurn) -> Queued:
        """See ``SessionService``."""
        with (await self._waking.wake(request.session_id)).in_use():
            await self._lease.hold()
            return await self._live.enqueue(request)

    async def dequeue(self, session_id: str, turn_id: str) -> bool:
        """See ``SessionService``."""
        with (await self._waking.wake(session_id)).in_use():
            return await self._live.dequeue(session_id, turn_id)

    async def inject(self, request: StartTurn) -> Injected:
        """See ``SessionService``."""
        with (await self._waking.wake(request.session_id)).in_use():
            return await self._live.inject(request)

    async def compact(self, session_id: str) -> Compacted:
        """See ``SessionService``."""
        with (await self._waking.wake(session_id)).in_use():
            return await self._live.compact(session_id)

    async def respond(self, approval_id: str, choice: str, remember: Remember = "once") -> Approval:
        """See ``SessionService``. A turn whose process is gone is taken up here."""
        try:
            session = await self._waking.wake(asking.session_of(approval_id))
        except SessionNotFound:
            raise asking.unknown(approval_id) from None
        with session.in_use():
            return await self._remote.answer(
                session, lambda gone: self._live.respond(approval_id, choice, remember, gone)
            )

    async def waiting(self, session_id: str | None = None) -> Sequence[Waiting]:
        """See ``SessionService``."""
        if session_id is not None:
            return answering.waiting_in([await self._waking.head_to_read(session_id)])
        heads = [await self._store.head(running) for running in await self._store.running()]
        return answering.waiting_in(head for head in heads if head is not None)

    def watch_started(self, callback: Callable[[EventSource], None]) -> None:
        """See ``SessionService``."""
        self._live.watch_started(callback)

    def watch_changes(self, tell: Tell | None) -> None:
        """See ``SessionService``."""
        self._changed.watch(tell)
        self._neighbours.begin()

    async def _created_before(self, request: CreateSession) -> str | None:
        """Return the session that an earlier call with the same ids created."""
        if request.session_id is not None:
            live = self._live.sessions.find(request.session_id)
            known = live is not None or await self._store.head(request.session_id) is not None
            return request.session_id if known else None
        if request.turn_id is not None:
            return await self._store.session_of_turn(request.turn_id)
        return None

    # -- read --------------------------------------------------------------------------------------------------

    async def read(self, session_id: str) -> SessionView:
        """See ``SessionService``."""
        return await reading.view(await self._waking.head_to_read(session_id), StoreJournal(self._store, session_id))

    async def list(self, query: ListQuery) -> SessionPage:
        """See ``SessionService``."""
        return await self._list.page(query, self._recovery)

    async def history(self, session_id: str, offset: int, limit: int, before: int | None = None) -> HistoryPage:
        """See ``SessionService``."""
        await self._waking.head_to_read(session_id)
        found = await self._store.history(session_id, lambda count: reading.page_bounds(count, offset, limit, before))
        if found is None:
            raise SessionNotFound("there is no such session", session_id=session_id)
        return reading.history_page(found)

    async def blob(self, digest: str) -> bytes:
        """See ``SessionService``."""
        return reading.found(await self._store.blob(digest))

    async def latest_seq(self, session_id: str) -> int:
        """See ``SessionService``."""
        live = self._live.sessions.find(session_id)
        if live is not None and live.turn is not None and live.turn.accepted.done():
            return live.feed.last_seq
        await self._waking.head_to_read(session_id)
        return await self._store.last_seq(session_id)

    async def events_since(self, session_id: str, after: int, limit: int) -> EventPage:
        """See ``SessionService``."""
        latest = await self.latest_seq(session_id)
        reading.check_cursor(after, latest)
        return EventPage(await self._store.events(session_id, after, limit), latest)

    async def subscribe(self, session_id: str, after: int) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """See ``SessionService``."""
        session = await self._waking.wake(session_id)
        async with aclosing(self._watch.follow(session, after)) as batches:
            async for batch in batches:
                yield batch

    # -- put away ----------------------------------------------------------------------------------------------

    async def archive(self, session_id: str) -> None:
        """See ``SessionService``."""
        with (await self._waking.wake(session_id)).in_use():
            await self._live.archive(session_id)

    async def unarchive(self, session_id: str) -> None:
        """See ``SessionService``."""
        with (await self._waking.wake(session_id)).in_use():
            await self._live.unarchive(session_id)

    async def delete(self, session_id: str) -> None:
        """See ``SessionService``."""
        session = await self._waking.wake(session_id)
        with session.in_use():
            await self._live.clear_out(session)
            try:
                await self._removing.delete_idle(session_id)
            except BaseException:
                session.leaving = False
                raise
        self._live.sessions.release(session)

    async def prune(self, session_id: str, before_ms: int) -> bool:
        """Delete the session if nothing happened in it since ``before_ms`` and nothing does; return whether.

        Raises:
            StoreError: the store refused.
        """
        return await self._removing.prune(session_id, before_ms)

    async def update(
        self, session_id: str, title: str | None, labels: Labels | None, config: AgentConfig = AgentConfig()
    ) -> SessionView:
        """See ``SessionService``."""
        with (await self._waking.wake(session_id)).in_use():
            return await self._live.update(session_id, title, labels, config)

    async def fork(self, session_id: str, message_index: int) -> str:
        """See ``SessionService``."""
        session = await self._waking.wake(session_id)
        with session.in_use():
            await session.refresh()
            return await self._live.fork(session_id, message_index)

    # -- the whole ---------------------------------------------------------------------------------------------

    async def health(self) -> ServiceHealth:
        """See ``SessionService``."""
        return await with_store(await self._live.health(), self._store, len(self._list))

    async def sizes(self, session_ids: Collection[str]) -> Mapping[str, int]:
        """Return how many bytes each of the sessions takes in the store."""
        return await self._store.sizes(session_ids)

    async def tidied(self) -> None:
        """Wait until nothing of deleted sessions takes room any more. That comes about by itself."""
        await self._store.tidied()

    async def turns_ended(self) -> None:
        """See ``SessionService``."""
        await self._remote.begun()
        await self._live.turns_ended()

    def drain(self) -> None:
        """See ``SessionService``."""
        self._live.drain()

    async def close(self) -> None:
        """See ``SessionService``."""
        self._remote.close()
        self._changed.close()
        self._neighbours.close()
        for task in (self._recovery, self._folding_task):
            if task is not None:
                task.cancel()
        try:
            await self._live.close()
            await self._lease.drop()
        finally:
            await self._store.close()
