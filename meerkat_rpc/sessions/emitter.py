"""The durable lane: a turn's events on their way to the log, and from there to whoever follows.

An event is published only once the log has it, so whatever a client saw survives a kill. Appends are group commits: one
is in flight at a time, and what is emitted meanwhile goes with the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import Event, LoggedEvent
from meerkat_rpc.errors import MeerkatError, StoreError
from meerkat_rpc.event_json import encode_event
from meerkat_rpc.sessions.feed import Feed
from meerkat_rpc.sessions.journal import Journal

BATCH_EVENTS = 256
"""Where an agent that never pauses is made to: about a millisecond of emitting, which bounds how late an interrupt
is."""

BATCH_BYTES = 256 << 10
"""The same by size: it bounds what one append writes and what waits in memory."""


class _Ready:
    """What there is to wait for when there is nothing to wait for; a coroutine would cost as much as the event."""

    def __await__(self) -> Generator[None, None, None]:
        return
        yield


READY = _Ready()


class Emitter:
    """Takes one turn's events in, numbers them, and sees them into the log and the feed."""

    def __init__(
        self, turn_id: str, last_seq: int, journal: Journal, feed: Feed, on_failure: Callable[[], None]
    ) -> None:
        self.last_seq = last_seq
        self.failure: MeerkatError | None = None
        self._turn_id = turn_id
        self._journal = journal
        self._feed = feed
        self._on_failure = on_failure
        self._must_wait = not journal.durable
        self._pending: list[LoggedEvent] = []
        self._pending_bytes = 0
        self._append: asyncio.Task[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._scheduled = False
        self._held = False

    def emit(self, event: Event) -> Awaitable[None]:
        """Take ``event``, now. What is returned suspends only when a batch is full, or a follower lags that has no
        log to read."""
        body = encode_event(event)
        self.last_seq += 1
        pending = self._pending
        pending.append(LoggedEvent(self.last_seq, now_ms(), self._turn_id, body))
        self._pending_bytes += len(body)
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush_soon)
        if len(pending) >= BATCH_EVENTS or self._pending_bytes >= BATCH_BYTES:
            return self._make_room()
        if self._must_wait and self._feed.is_backlogged:
            return self._feed.drained()
        return READY

    def hold(self) -> None:
        """Start no more appends: the agent is done, and what is pending goes with the commit that ends the turn."""
        self._held = True

    async def flushed(self) -> None:
        """Wait until everything that was emitted is in the log.

        Raises:
            MeerkatError: the log failed.
        """
        while (self._pending or self._append is not None) and self.failure is None:
            self._flush_soon()
            if self._append is not None:
                await asyncio.wait({self._append})
        if self.failure is not None:
            raise self.failure

    async def settle(self) -> list[LoggedEvent]:
        """Wait for the append in flight and return the events that are not in the log.

        After a failed append that is none: they were never shown to anybody and their numbers are free again.
        """
        self.hold()
        if self._append is not None:
            await asyncio.wait({self._append})
        if self.failure is not None:
            self._pending = []
        return self._pending

    def _flush_soon(self) -> None:
        self._scheduled = False
        if self._append is None and self._pending and not self._held:
            self._append = asyncio.get_running_loop().create_task(self._flush())

    async def _flush(self) -> None:
        try:
            while self._pending and not self._held:
                batch = self._take()
                await self._journal.append(batch)
                self._feed.publish(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, the turn must hear of it
            self.failure = error if isinstance(error, MeerkatError) else StoreError(f"the log failed: {error!r}")
            self._on_failure()
        finally:
            self._append = None
            self._signal_room()

    def _take(self) -> list[LoggedEvent]:
        batch, self._pending, self._pending_bytes = self._pending, [], 0
        self._signal_room()
        return batch

    def _signal_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    async def _make_room(self) -> None:
        self._flush_soon()
        self._room = asyncio.get_running_loop().create_future()
        await self._room
