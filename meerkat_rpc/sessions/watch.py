"""Following a session whichever process runs it.

Turns that run here arrive through the session's feed. For the others the log is looked at every ``POLL_S``: SQLite
has no way to wake a reader in another process, and a look costs one small read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from meerkat_rpc.domain import LoggedEvent, SessionHead
from meerkat_rpc.errors import SessionNotFound, StoreError
from meerkat_rpc.sessions.live import LiveSession
from meerkat_rpc.store.base import Store

POLL_S = 0.05
"""How often another process's writing is looked for: well under the 200 ms a watcher may be behind."""

QUIET_S = 1.0
"""How long nothing comes until the head is read too: has the process that runs the turn died, has the session been
replaced?"""


class Watch:
    """Follows sessions.

    Args:
        store: where their logs are.
        settled_head: returns a session's head as it is now, with the turn of a dead process ended.
        release: lets go of a session that was deleted.
    """

    def __init__(
        self,
        store: Store,
        settled_head: Callable[[str], Awaitable[SessionHead]],
        release: Callable[[LiveSession], None],
    ) -> None:
        self._store = store
        self._settled_head = settled_head
        self._release = release

    async def follow(self, session: LiveSession, after: int) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """Yield batches of the session's events after ``after``, stored and to come, until it is deleted or let go
        of."""
        poller = asyncio.get_running_loop().create_task(self._poll(session))
        try:
            async with aclosing(session.feed.follow(after)) as batches:
                async for batch in batches:
                    yield batch
        finally:
            poller.cancel()

    async def _poll(self, session: LiveSession) -> None:
        clock = asyncio.get_running_loop().time
        heard = clock()
        while not session.gone:
            await asyncio.sleep(POLL_S)
            if session.turn is not None or not session.head.revision:
                continue
            try:
                if await self._look_at_log(session):
                    heard = clock()
                elif clock() - heard >= QUIET_S:
                    heard = clock()
                    await self._look_at_head(session)
            except StoreError:  # said to whoever next reads the session; the watch goes on when the store does
                continue

    async def _look_at_log(self, session: LiveSession) -> bool:
        """Show what was added to the log; return whether there was anything."""
        last_seq = await self._store.last_seq(session.session_id)
        if session.turn is not None or last_seq == session.feed.last_seq:
            return False
        if last_seq > session.feed.last_seq:
            session.feed.jump(last_seq)
        else:  # a log never gets shorter: this one is another session's, or nobody's
            await self._look_at_head(session)
        return True

    async def _look_at_head(self, session: LiveSession) -> None:
        """End the turn of a dead process; let go of the session if it was deleted."""
        try:
            head = await self._settled_head(session.session_id)
        except SessionNotFound:
            self._release(session)
            return
        if not session.is_of(head):
            self._release(session)
