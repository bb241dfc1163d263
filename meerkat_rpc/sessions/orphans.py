"""Turns whose process is gone: whoever next looks at such a session ends the turn first."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress

from meerkat_rpc.domain import CatalogueRow, SessionHead
from meerkat_rpc.errors import StoreError
from meerkat_rpc.sessions.asking import waits_for_people
from meerkat_rpc.sessions.ending import Ending
from meerkat_rpc.sessions.lease import Lease
from meerkat_rpc.sessions.recovery import recover
from meerkat_rpc.store.base import Store

logger = logging.getLogger(__name__)


class Orphans:
    """Finds turns that dead processes left, and ends them.

    Args:
        store: where the sessions are.
        lease: tells which processes are alive.
        runs_here: tells whether this process is running a turn in the session of that id.
    """

    def __init__(self, store: Store, lease: Lease, runs_here: Callable[[str], bool]) -> None:
        self._store = store
        self._lease = lease
        self._runs_here = runs_here

    async def settled(self, head: SessionHead) -> SessionHead | None:
        """Return the session's head with no orphaned turn in it; None when the session is gone.

        A turn that waits for an answer needs no process, and stays: whoever gets the answer takes it up. One that has
        every answer, and whose process ended before it took them, is over.

        Raises:
            StoreError: the store refused.
        """
        if head.running is None or self._runs_here(head.session_id) or waits_for_people(head):
            return head
        if await self._lease.is_held_by(head.running.owner):
            return head
        return await recover(self._store, head)

    async def is_abandoned(self, head: SessionHead) -> bool:
        """Return whether a turn waits in the session, and no process is there for it."""
        if head.running is None or self._runs_here(head.session_id):
            return False
        return not await self._lease.is_held_by(head.running.owner)

    async def interrupt_abandoned(self, head: SessionHead) -> SessionHead | None:
        """End a turn that waits and has no process, as its user wishes; return the head after that.

        Raises:
            StoreError: the store refused.
        """
        return await recover(self._store, head, Ending()) if await self.is_abandoned(head) else head

    async def give_up(self, session_id: str) -> None:
        """End a turn of this process' that could not be taken up, unless the store refuses: then it stays."""
        with suppress(StoreError):
            head = await self._store.head(session_id)
            if head is not None and not self._runs_here(session_id):
                await recover(self._store, head)

    async def settle_rows(self, rows: Iterable[CatalogueRow]) -> bool:
        """End the orphaned turns among ``rows``; return whether there were any."""
        orphans = [
            row.session_id
            for row in rows
            if row.running is not None
            and not self._runs_here(row.session_id)
            and not await self._lease.is_held_by(row.running.owner)
        ]
        return any([await self._settle(session_id) for session_id in orphans])

    async def settle_all(self) -> None:
        """End every orphaned turn in the store. One that can't be ended is logged and left to whoever asks for it."""
        for session_id in await self._store.running():
            await self._settle(session_id)

    async def _settle(self, session_id: str) -> bool:
        try:
            head = await self._store.head(session_id)
            return head is not None and await self.settled(head) is not head
        except StoreError as error:
            logger.warning("session %s: its unfinished turn could not be ended: %s", session_id, error.message)
            return False
