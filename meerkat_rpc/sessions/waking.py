"""Bringing sessions from the store to life."""

from __future__ import annotations

import asyncio

from meerkat_rpc.domain import SessionHead
from meerkat_rpc.errors import SessionNotFound, StoreCorrupt, StoreError
from meerkat_rpc.sessions.live import LiveSession
from meerkat_rpc.sessions.live_sessions import LiveSessions
from meerkat_rpc.sessions.orphans import Orphans
from meerkat_rpc.store.base import Store


class Waking:
    """Knows which sessions are live, and makes them so."""

    def __init__(self, store: Store, live: LiveSessions, orphans: Orphans) -> None:
        self._store = store
        self._live = live
        self._orphans = orphans
        self._loading: dict[str, asyncio.Task[LiveSession]] = {}

    async def head(self, session_id: str) -> SessionHead:
        """Return the session's head as it is now, with the turn of a dead process ended.

        Raises:
            SessionNotFound: there is no such session.
        """
        live = self._live.find(session_id)
        if live is not None and live.turn is not None and live.head.revision:
            return live.head
        head = await self._store.head(session_id)
        if head is not None:
            head = await self._orphans.settled(head)
        if head is None:
            raise SessionNotFound("there is no such session", session_id=session_id)
        return head

    async def head_to_read(self, session_id: str) -> SessionHead:
        """Return what ``head`` does; where the store can't be written, with the turn of a dead process still in it.

        Raises:
            SessionNotFound: there is no such session.
        """
        try:
            return await self.head(session_id)
        except StoreCorrupt:
            raise
        except StoreError:
            head = await self._store.head(session_id)
            if head is None:
                raise SessionNotFound("there is no such session", session_id=session_id) from None
            return head

    async def wake(self, session_id: str) -> LiveSession:
        """Return the live session, up to date with what other processes did to it.

        It may be put to rest again as soon as the caller awaits something: do so within its ``in_use``.

        Raises:
            SessionNotFound: there is none.
            CapacityExhausted: every live session is busy.
        """
        live = self._live.find(session_id)
        if live is None:
            return await self._load_once(session_id)
        if live.turn is None and live.head.revision:
            with live.in_use():
                head = await self.head(session_id)
                if head.revision != live.head.revision and live.is_of(head):
                    await live.refresh()
            if not live.is_of(head):
                self._live.release(live)
                return await self._load_once(session_id)
        return live

    async def wake_soon(self, session_id: str) -> LiveSession:
        """Return the live session as it was when last looked at: for a change whose commit checks that anyway."""
        return self._live.find(session_id) or await self._load_once(session_id)

    async def _load_once(self, session_id: str) -> LiveSession:
        while True:
            task = self._loading.get(session_id)
            if task is None:
                task = asyncio.get_running_loop().create_task(self._load(session_id))
                self._loading[session_id] = task
                task.add_done_callback(lambda _: self._loading.pop(session_id, None))
            live = await asyncio.shield(task)
            if not live.gone:  # put to rest before we had our turn, to make room for another
                return live

    async def _load(self, session_id: str) -> LiveSession:
        head = await self.head(session_id)
        last_seq = await self._store.last_seq(session_id)
        live = self._live.find(session_id)  # created meanwhile, under an id of the client's
        if live is not None:
            return live
        return self._live.hold(head, last_seq)
