"""Listing the sessions of a store."""

from __future__ import annotations

import asyncio

from meerkat_rpc.domain import SessionHead
from meerkat_rpc.sessions import listing
from meerkat_rpc.sessions.live_sessions import LiveSessions
from meerkat_rpc.sessions.orphans import Orphans
from meerkat_rpc.sessions.service import ListQuery, SessionPage
from meerkat_rpc.store.base import Store


class StoredList:
    """Selects from the catalogue, which is put in order once for each of its versions."""

    def __init__(self, store: Store, orphans: Orphans, live: LiveSessions) -> None:
        self._store = store
        self._orphans = orphans
        self._live = live
        self._order = -1, listing.NewestFirst(())

    def __len__(self) -> int:
        return len(self._order[1])

    async def page(self, query: ListQuery, recovery: asyncio.Task[None] | None) -> SessionPage:
        """Return a page, as ``SessionService.list``, once ``recovery`` is through."""
        if recovery is not None:
            await asyncio.wait({recovery})
        version, rows = await self._store.catalogue()
        if await self._orphans.settle_rows(rows.values()):
            version, rows = await self._store.catalogue()
        if self._order[0] != version:
            self._order = version, listing.NewestFirst(rows.values())
        found = listing.select(self._order[1], query)
        running = [row.session_id for row in found.sessions if row.is_active]
        return listing.with_questions(found, [await self._head(session_id) for session_id in running])

    async def _head(self, session_id: str) -> SessionHead | None:
        """Return a running session's head. The catalogue doesn't say who waits for an answer: few sessions run."""
        live = self._live.find(session_id)
        return live.head if live is not None and live.turn is not None else await self._store.head(session_id)
