"""Following a session whichever process runs it.

Turns that run here arrive through the session's feed. For the others the log is looked at every ``POLL_S``: SQLite
has no way to wake a reader in another process, and a look costs one small read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from meerkat_rpc.domain import LoggedEvent
from meerkat_rpc.errors import StoreError
from meerkat_rpc.sessions.live import LiveSession
from meerkat_rpc.store.base import Store

POLL_S = 0.05
"""How often another process's writing is looked for: well under the 200 ms a watcher may be behind."""


async def watch(
    session: LiveSession, store: Store, release: Callable[[LiveSession], None], after: int
) -> AsyncGenerator[Sequence[LoggedEvent], None]:
    """Yield batches of the session's events after ``after``, stored and to come, until it is deleted or let go of."""
    poller = asyncio.get_running_loop().create_task(_poll(session, store, release))
    try:
        async with aclosing(session.feed.follow(after)) as batches:
            async for batch in batches:
                yield batch
    finally:
        poller.cancel()


async def _poll(session: LiveSession, store: Store, release: Callable[[LiveSession], None]) -> None:
    while not session.gone:
        await asyncio.sleep(POLL_S)
        if session.turn is None:
            await _look(session, store, release)


async def _look(session: LiveSession, store: Store, release: Callable[[LiveSession], None]) -> None:
    try:
        last_seq = await store.last_seq(session.session_id)
        deleted = last_seq < session.feed.last_seq and await store.head(session.session_id) is None
    except StoreError:  # said to whoever next reads the session; the watch goes on when the store does
        return
    if session.turn is not None:
        return
    if deleted:
        release(session)
    elif last_seq > session.feed.last_seq:
        session.feed.jump(last_seq)
