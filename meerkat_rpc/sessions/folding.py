"""Old deltas folded: what a turn streamed piece by piece is kept once, in the event that has all of it.

Off the hot path. The work is done in steps of some milliseconds, with a pause after each and a longer one while turns
run. Several processes may do it at once: each step changes only what is still as it was looked at.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from itertools import groupby

from attrs import define, field, frozen

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import Folded, Folding
from meerkat_rpc.errors import StoreError
from meerkat_rpc.sessions.runs import Plan
from meerkat_rpc.store.base import Store
from meerkat_rpc.store.rules import FOLD_BLOCK

START_S = 5.0
"""How long after the start of the process folding begins: whoever started it has a first turn in mind."""

PAUSE_S = 0.02
"""Between two steps, each some milliseconds long: so it takes a fifth of a processor at most."""

QUIET_S = 1.0
"""How long to wait after a turn: a next one may be about to begin."""

EVERY_S = 3600.0
"""How often it is looked for turns that have become old."""

EVENT_PAGE = 256
"""Events read at a time."""

Pause = Callable[[], Awaitable[None]]

logger = logging.getLogger(__name__)


async def no_pause() -> None:
    """Go on at once."""


async def fold_old(
    store: Store, before_ms: int, pause: Pause = no_pause, *, dry_run: bool = False
) -> AsyncGenerator[tuple[str, Folded | StoreError], None]:
    """Fold the deltas of every turn that ended before ``before_ms``.

    Yields, for each session that may have such turns, its id and what came of it: one with a row that can't be read is
    left as it is, until it changes.

    Raises:
        StoreError: the store refused.
    """
    since = await store.folded_before()
    if before_ms <= since:
        return
    _, rows = await store.catalogue()
    for row in [row for row in rows.values() if row.updated_ms >= since and row.created_ms < before_ms]:
        try:
            yield row.session_id, await fold_session(store, row.session_id, before_ms, pause, dry_run=dry_run)
        except StoreError as error:
            if "row" not in error.data:
                raise
            yield row.session_id, error
    if not dry_run:
        await store.note_folded(before_ms)


async def fold_session(
    store: Store, session_id: str, before_ms: int, pause: Pause = no_pause, *, dry_run: bool = False
) -> Folded:
    """Fold the deltas of the session's turns that ended before ``before_ms``; return what came of it.

    Raises:
        StoreError: the store refused, or the session is damaged.
    """
    steps = _Steps(store, session_id, pause, dry_run)
    plan, ready = Plan(), list[Folding]()
    seq = over = await store.folded_seq(session_id)
    begun, old = seq, True
    while old and (page := await store.events(session_id, seq, EVENT_PAGE)):
        for logged in page:
            if not (old := logged.timestamp_ms < before_ms):
                break
            if plan.add(logged):
                ready += plan.take()
                over = logged.seq
        seq = page[-1].seq
        await pause()
        if ready and over - ready[0].first_seq >= FOLD_BLOCK:
            await steps.take(ready, over)
            ready.clear()
    if ready or over > begun:
        await steps.take(ready, over)
    return steps.folded


@define
class _Steps:
    """The transactions in which one session is folded."""

    _store: Store
    _session_id: str
    _pause: Pause
    _dry_run: bool
    folded: Folded = field(factory=Folded)

    async def take(self, foldings: Sequence[Folding], upto: int) -> None:
        """Fold what was found in the turns that end with ``upto``, a block at a time."""
        blocks = [list(block) for _, block in groupby(foldings, lambda folding: (folding.first_seq - 1) // FOLD_BLOCK)]
        for block in blocks[:-1]:
            await self._step(block, 0)
            await self._pause()
        await self._step(blocks[-1] if blocks else [], upto)

    async def _step(self, foldings: Sequence[Folding], upto: int) -> None:
        events, saved = await self._store.fold(self._session_id, foldings, upto, dry_run=self._dry_run)
        self.folded = Folded(self.folded.events + events, self.folded.bytes + saved)


@frozen
class FoldingPolicy:
    """Folds what has become old, for as long as the process runs.

    Args:
        store: what to fold in.
        after_ms: how long ago a turn must have ended.
        is_busy: tells whether a turn runs in this process.
        turns_ended: waits until none does.
        start_s: how long to wait before.
    """

    store: Store
    after_ms: int
    is_busy: Callable[[], bool]
    turns_ended: Callable[[], Awaitable[None]]
    start_s: float = START_S

    async def run(self) -> None:
        """Work until cancelled."""
        await asyncio.sleep(self.start_s)
        while True:
            try:
                await self._fold()
            except StoreError as error:  # said to whoever uses the store; this can wait
                logger.info("folding stopped: %s", error.message)
            await asyncio.sleep(EVERY_S)

    async def _fold(self) -> None:
        sessions = fold_old(self.store, now_ms() - self.after_ms, self._pause)
        async with aclosing(sessions):
            async for session_id, done in sessions:
                if isinstance(done, StoreError):
                    logger.warning("session %s can't be folded: %s", session_id, done.message)
                elif done.events:
                    logger.info("session %s: %d deltas folded, %d bytes", session_id, done.events, done.bytes)

    async def _pause(self) -> None:
        await asyncio.sleep(PAUSE_S)
        while self.is_busy():
            await self.turns_ended()
            await asyncio.sleep(QUIET_S)
