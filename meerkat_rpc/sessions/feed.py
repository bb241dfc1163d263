"""A session's events, live: what was published last, and who is following.

A follower is a cursor, never a queue. It takes what it needs from the tail kept here, or, when it has fallen behind the
tail, from the log. So a slow follower costs no memory and can't make the log lose an event.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from meerkat_rpc.domain import LoggedEvent

TAIL_BYTES = 1 << 20
"""How much of the log is kept at hand for followers that are not quite up to date."""

LOG_PAGE = 256
"""Events read from the log at a time by a follower that fell behind the tail."""

BACKLOG_BYTES = 1 << 20
"""Where an agent waits for a slow follower, when the log can't wait in its place (ephemeral sessions)."""

ReadLog = Callable[[int, int], Awaitable[Sequence[LoggedEvent]]]


class Feed:
    """The live end of one session's log."""

    def __init__(self, last_seq: int, read_log: ReadLog) -> None:
        self.last_seq = last_seq
        self.closed = False
        self._resting = False
        self._read_log = read_log
        self._tail: deque[tuple[Sequence[LoggedEvent], int]] = deque()
        self._tail_bytes = 0
        self._published_bytes = 0
        self._followers: dict[object, int] = {}
        self._waiting: list[asyncio.Future[None]] = []

    def publish(self, events: Sequence[LoggedEvent]) -> None:
        """Show ``events``, which the log already has, to the followers."""
        if not events:
            return
        self._resting = False
        size = sum(len(event.body) for event in events)
        self._tail.append((events, size))
        self._tail_bytes += size
        self._published_bytes += size
        while self._tail_bytes > TAIL_BYTES and len(self._tail) > 1:
            self._tail_bytes -= self._tail.popleft()[1]
        self.last_seq = events[-1].seq
        self._wake()

    def close(self) -> None:
        """End every follower, once it has seen what was published."""
        self.closed = True
        self._wake()

    def look_again(self) -> None:
        """Have the followers see whether they have come to their end."""
        self._wake()

    def rest(self) -> None:
        """Let go of the tail, which the log has, as soon as nobody follows: an idle session costs next to nothing."""
        self._resting = True
        if not self._followers:
            self._drop_tail()

    def _drop_tail(self) -> None:
        self._tail.clear()
        self._tail_bytes = 0

    @property
    def followed(self) -> bool:
        """Whether anybody is following."""
        return bool(self._followers)

    @property
    def is_backlogged(self) -> bool:
        """Whether a follower is more than ``BACKLOG_BYTES`` behind."""
        return bool(self._followers) and self._published_bytes - min(self._followers.values()) > BACKLOG_BYTES

    async def drained(self) -> None:
        """Wait until no follower is."""
        while self.is_backlogged:
            await self._next_change()

    def jump(self, last_seq: int) -> None:
        """Take note that the log goes to ``last_seq``: somebody else wrote to it. Followers read that part from the
        log."""
        if last_seq != self.last_seq:
            self._drop_tail()
            self.last_seq = last_seq
            self._wake()

    async def follow(
        self, after: int, until: Callable[[], bool] = lambda: False
    ) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """Yield batches of events after ``after``: the log's, then live ones, without gap or repeat.

        Ends when it has yielded everything and the feed is closed or ``until()`` holds.
        """
        me = object()
        self._followers[me] = self._published_bytes
        try:
            async for batch in self._batches(after, me, until):
                yield batch
        finally:
            del self._followers[me]
            if self._resting:
                self.rest()
            self._wake()

    async def _batches(
        self, cursor: int, me: object, until: Callable[[], bool]
    ) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        while True:
            if self.last_seq <= cursor:
                self._note_progress(me)
                if self.closed or until():
                    return
                await self._next_change()
                continue
            batch = self._from_tail(cursor) or await self._read_log(cursor, LOG_PAGE)
            if not batch:  # deleted under the follower
                return
            cursor = batch[-1].seq
            yield batch

    def _note_progress(self, me: object) -> None:
        if self._followers[me] != self._published_bytes:
            self._followers[me] = self._published_bytes
            self._wake()

    def _from_tail(self, cursor: int) -> Sequence[LoggedEvent] | None:
        """Return everything published after ``cursor`` if the tail still has all of it."""
        wanted: list[Sequence[LoggedEvent]] = []
        for events, _size in reversed(self._tail):
            first = events[0].seq
            if first <= cursor + 1:
                wanted.append(events[cursor + 1 - first :] if first <= cursor else events)
                break
            wanted.append(events)
        else:
            return None
        if len(wanted) == 1:
            return wanted[0]
        return [event for events in reversed(wanted) for event in events]

    def _next_change(self) -> asyncio.Future[None]:
        change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(change)
        return change

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for change in waiting:
            if not change.done():
                change.set_result(None)
