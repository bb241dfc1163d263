"""Telling which sessions changed: were created, renamed, put away, deleted, began or ended a turn, ask, were answered.

All of that is commits. Our own are told as they are made, others' by the store's list of the last ones, which is looked
at when another process has written. Nothing is done while nobody wants to know.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress

from meerkat_rpc.errors import StoreError
from meerkat_rpc.sessions.neighbours import Concern
from meerkat_rpc.store.base import Store

Tell = Callable[[Collection[str] | None], None]
"""Called with the ids of sessions that changed; None: so many that they aren't known one by one."""


class ChangedSessions:
    """Watches the sessions of a store for one listener."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tell: Tell | None = None
        self._since: int | None = None
        self._beginning: asyncio.Task[None] | None = None

    @property
    def concern(self) -> Concern:
        """What makes this process look for others' commits: that somebody wants to know."""
        return Concern(lambda: self._tell is not None, self._look)

    def watch(self, tell: Tell | None) -> None:
        """Tell ``tell`` from now on; nobody, if it is None."""
        self._tell = tell
        self._store.watch_commits(None if tell is None else lambda session_id: tell([session_id]))
        if tell is not None and self._beginning is None:
            # Now, not at the first look: what others do until then would be taken for old.
            self._beginning = asyncio.get_running_loop().create_task(self._look(), name="changed sessions")
            self._beginning.add_done_callback(self._begun)

    def close(self) -> None:
        """Tell nobody any more."""
        self.watch(None)
        if self._beginning is not None:
            self._beginning.cancel()

    def _begun(self, _task: asyncio.Task[None]) -> None:
        self._beginning = None

    async def _look(self) -> None:
        with suppress(StoreError):  # said to whoever next uses the store
            self._since, changed = await self._store.changed_by_others(self._since)
            if self._tell is not None and (changed is None or changed):
                self._tell(changed)
