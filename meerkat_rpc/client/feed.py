"""Events on their way from the pipe to one reader, and where each event goes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from meerkat_rpc.client.events import Event, Position

FEED_BYTES = 16 * 1024 * 1024
"""What a feed holds of a reader that is behind. Beyond it events are dropped here and fetched from the server's log
once the reader gets there: a slow reader costs no memory, and holds up nobody else on the pipe."""

EVENT_OVERHEAD_BYTES = 600
"""What an event takes in memory beside its text."""


class EventFeed:
    """A bounded queue of events. Filled by the pipe's reader, which never waits; emptied by one task.

    It ends by itself after a turn's last event if ``one_turn`` is set, and early when it overflows, when events
    are missing, or when whoever fills it says so; ``complete`` tells which.
    """

    def __init__(self, position: Position, *, one_turn: bool = False) -> None:
        self.position = position
        self.complete = False
        self._one_turn = one_turn
        self._queue: deque[tuple[Event, int]] = deque()
        self._held = 0
        self._ended = False
        self._waiting: asyncio.Future[None] | None = None

    def offer(self, event: Event, size: int) -> None:
        """Take an event that came as ``size`` bytes, unless it was seen before or the feed has ended."""
        if self._ended:
            return
        position = self.position
        if self._held > FEED_BYTES or (
            self._one_turn and position.seen_any and event.first_seq > position.last_seq + 1
        ):
            self.end()
            return
        if position.take(event):
            cost = size + EVENT_OVERHEAD_BYTES
            self._held += cost
            self._queue.append((event, cost))
            if self._one_turn and event.is_terminal:
                self.end(complete=True)
            elif self._waiting is not None:
                self._wake()

    def end(self, *, complete: bool = False) -> None:
        """Let the reader have what is queued, and no more. ``complete``: nothing is missing."""
        if not self._ended:
            self._ended = True
            self.complete = complete
            self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def __aiter__(self) -> AsyncGenerator[Event, None]:
        """Iterate until the feed ends."""
        queue = self._queue
        while True:
            while queue:
                event, cost = queue.popleft()
                self._held -= cost
                yield event
            if self._ended:
                return
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting


class Routes:
    """Where notifications go: to the turn or the stream that they belong to, else to the caller's own callback."""

    def __init__(self, on_other: Callable[[str, Mapping[str, Any]], None] | None) -> None:
        self.turns: dict[str, EventFeed] = {}
        self.streams: dict[str, EventFeed] = {}
        self._on_other = on_other

    def notified(self, method: str, params: dict[str, Any], size: int) -> None:
        """Pass on a notification that came as ``size`` bytes."""
        feed = None
        if method == "session/event":
            feed = self.turns.get(params["turn_id"])
        elif method == "session/stream_event":
            feed = self.streams.get(params["stream_id"])
        elif method == "session/stream_end" and (ending := self.streams.get(params["stream_id"])):
            ending.end(complete=True)
            return
        if feed is not None:
            feed.offer(Event(params), size)
        elif self._on_other is not None:
            # Not called from here: what it raises must not look like a fault of the server's.
            asyncio.get_running_loop().call_soon(self._on_other, method, params)

    def server_died(self) -> None:
        """End every feed that has begun: what is missing has to be asked for. One that has not may yet begin."""
        for feed in self.turns.values():
            feed.position.rewind()
            if feed.position.seen_any:
                feed.end()
        for feed in self.streams.values():
            feed.position.rewind()
            feed.end()
        self.streams.clear()
