"""Deleting sessions from the store that other processes use too."""

from __future__ import annotations

import contextlib

from meerkat_rpc.errors import RevisionConflict, SessionBusy
from meerkat_rpc.sessions import asking, changes
from meerkat_rpc.sessions.live_sessions import LiveSessions
from meerkat_rpc.sessions.orphans import Orphans
from meerkat_rpc.sessions.waking import Waking
from meerkat_rpc.store.base import Store


class Removing:
    """Deletes sessions in which nothing runs."""

    def __init__(self, store: Store, waking: Waking, orphans: Orphans, live: LiveSessions) -> None:
        self._store = store
        self._waking = waking
        self._orphans = orphans
        self._live = live

    async def delete_idle(self, session_id: str) -> None:
        """Delete the session unless a turn runs in it, in whichever process, by the time it is deleted."""
        while True:
            head = await self._waking.head(session_id)
            if asking.waits_for_people(head):
                head = await self._orphans.interrupt_abandoned(head) or head
            changes.refuse_running(head)
            with contextlib.suppress(RevisionConflict):  # changed a moment ago: look again
                await self._store.delete(session_id, head)
                return

    async def prune(self, session_id: str, before_ms: int) -> bool:
        """Delete the session if nothing happened in it since ``before_ms`` and nothing does; return whether.

        Raises:
            StoreError: the store refused.
        """
        head = await self._store.head(session_id)
        if head is None or head.updated_ms >= before_ms or self._live.find(session_id) is not None:
            return False
        try:
            changes.refuse_running(head)
            return await self._store.delete(session_id, head)
        except (SessionBusy, RevisionConflict):
            return False
