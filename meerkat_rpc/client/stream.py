"""A session's events out of the server's log: followed from a place on, or read once."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from meerkat_rpc.client.errors import ServerDied, SessionNotFound
from meerkat_rpc.client.events import Event, Position
from meerkat_rpc.client.feed import EventFeed

if TYPE_CHECKING:
    from meerkat_rpc.client.connection import Connection
    from meerkat_rpc.client.link import Link

LOG_PAGE = 1000
"""Events asked for at a time: the most that the contract allows."""


async def follow(link: Link, session_id: str, position: Position) -> AsyncGenerator[Event, None]:
    """Iterate over a session's events from ``position`` on, whatever becomes of servers meanwhile.

    The server pushes at its own speed. A reader that falls too far behind has its stream closed and, once it has
    used up what had come, opened again where it is. A stream that the server ends is opened again too: only so is it
    known whether the session was deleted, which ends the iteration, or the server is on its way out.
    """
    known = False
    while True:
        connection = await link.connection()
        stream = _Stream(connection, session_id, position)
        try:
            await stream.open()
            known = True
            async for event in stream.feed:
                yield event
        except SessionNotFound:
            if not known:
                raise
            return
        except ServerDied:
            if not link.keeps:
                raise
        finally:
            stream.close()
        if connection.lost and not link.keeps:
            raise connection.loss()


async def logged(link: Link, session_id: str) -> AsyncGenerator[Event, None]:
    """Iterate over what a session's log holds now, from its beginning."""
    cursor = None
    while True:
        params: dict[str, Any] = {"scope": {"type": "session", "session_id": session_id}, "limit": LOG_PAGE}
        page = await link.request("events/list_since", params if cursor is None else {**params, "cursor": cursor})
        for row in page["events"]:
            yield Event(row)
        cursor = page["latest_cursor"]
        if not page["has_more"]:
            return


class _Stream:
    """One ``session/stream_open`` and what comes of it."""

    def __init__(self, connection: Connection, session_id: str, position: Position) -> None:
        self.feed = EventFeed(position)
        self._connection = connection
        self._id = ""
        self._params = {"session_id": session_id, "from_seq": position.next_seq}

    async def open(self) -> None:
        """Ask for the stream. Its events are expected from the moment its name is known."""
        await self._connection.request("session/stream_open", self._params, self._opened)

    def _opened(self, result: dict[str, Any]) -> None:
        self._id = result["stream_id"]
        self._connection.routes.streams[self._id] = self.feed

    def close(self) -> None:
        """Close the stream, unless that happened by itself."""
        if self._connection.routes.streams.pop(self._id, None) is not None and not self.feed.complete:
            self._connection.post("session/stream_close", {"stream_id": self._id})
