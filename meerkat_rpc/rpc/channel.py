"""What goes out: one queue for responses and events, with room made for a client that reads slowly.

Responses are never held back, so a client may write ten thousand requests before it reads one. Events are: whoever
sends them waits for ``room`` first, and reads what it missed meanwhile from the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from meerkat_rpc.domain import LoggedEvent
from meerkat_rpc.rpc.dialect import Dialect
from meerkat_rpc.rpc.stdio import OutputThread, can_be_awaited, nobody_reads
from meerkat_rpc.wire.framing import Style, encode

EVENTS_HIGH_WATER = 1 << 20
"""With this much unread, events wait in the log: enough to keep a fast reader busy, little enough to forget about."""

EVENTS_LOW_WATER = 1 << 18
"""They go on when what is unread has shrunk to this."""

RESPONSES_HIGH_WATER = 64 << 20
"""With this much unread, no further request is read: the bound on what a client that never reads can cost."""


class Channel:
    """The way out of one connection.

    Args:
        fd: where to write.
        style: tells the framing; it is decided by the first byte the client sends.
        dialect: how the client sees events.
        broken: called in the event loop once nobody reads any more, perhaps twice.
    """

    def __init__(self, fd: int, style: Callable[[], Style], dialect: Dialect, broken: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self.dialect = dialect
        self._fd = fd
        self._broken = broken
        self._style = style
        self._waiting: list[asyncio.Future[None]] = []
        self._output = OutputThread(
            fd,
            drained=lambda: _call(loop, self._wake),
            broken=lambda: _call(loop, broken),
            low_water=EVENTS_LOW_WATER,
        )
        self._output.start()
        if can_be_awaited(fd):  # where it can't, the next message finds out
            loop.add_reader(fd, self._look)

    def _look(self) -> None:
        """See why the output became readable: because nobody reads it any more, or because it is the input as well."""
        asyncio.get_running_loop().remove_reader(self._fd)
        if nobody_reads(self._fd):
            self._broken()

    def send(self, body: bytes) -> None:
        """Send one message."""
        self._output.write(encode(body, self._style()))

    async def send_session_events(self, session_id: str, events: Sequence[LoggedEvent]) -> None:
        """Send ``session/event`` notifications, once there is room."""
        await self.room(EVENTS_HIGH_WATER)
        self._output.write(self.dialect.session_events(session_id, events, self._style()))

    async def send_stream_events(self, stream_id: str, session_id: str, events: Sequence[LoggedEvent]) -> None:
        """Send ``session/stream_event`` notifications, once there is room."""
        await self.room(EVENTS_HIGH_WATER)
        self._output.write(self.dialect.stream_events(stream_id, session_id, events, self._style()))

    @property
    def is_flooded(self) -> bool:
        """Whether so much is unread that no further request should be read."""
        return self._output.waiting > RESPONSES_HIGH_WATER

    async def room(self, high_water: int) -> None:
        """If more than ``high_water`` bytes are unread, wait until ``EVENTS_LOW_WATER`` are."""
        if self._output.waiting <= high_water:
            return
        while self._output.waiting > EVENTS_LOW_WATER:
            change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(change)
            if self._output.waiting > EVENTS_LOW_WATER:  # it may have drained before we were on the list
                await change

    def close(self, timeout_s: float) -> None:
        """Write what is left, for ``timeout_s`` at most."""
        self._output.close(timeout_s)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for change in waiting:
            if not change.done():
                change.set_result(None)


def _call(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:  # the loop is closed: the program is at its end
        return
