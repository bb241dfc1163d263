"""The methods that read and follow event logs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.rpc import mapping
from meerkat_rpc.rpc.channel import Channel
from meerkat_rpc.rpc.handlers.table import handlers
from meerkat_rpc.rpc.opening import Opening
from meerkat_rpc.rpc.protocol import Handler, SessionProtocol
from meerkat_rpc.rpc.streams import Streams
from meerkat_rpc.wire import types as wire


class EventMethods:
    """Handlers of ``events/*`` and of streams."""

    def __init__(self, opening: Opening, channel: Channel, streams: Streams, protocol: SessionProtocol) -> None:
        self._opening = opening
        self._channel = channel
        self._streams = streams
        self._protocol = protocol

    def table(self) -> Mapping[str, Handler]:
        """Return the handlers by method."""
        return handlers(
            {
                "events/latest_cursor": self.latest_cursor,
                "events/list_since": self.list_since,
                "session/stream_open": self.stream_open,
                "session/stream_close": self.stream_close,
            }
        )

    async def latest_cursor(self, params: wire.LatestCursorParams) -> wire.LatestCursorResult:
        """Say where a log ends."""
        session_id = params.scope.session_id
        seq = await (await self._opening.service()).latest_seq(session_id)
        return wire.LatestCursorResult(mapping.event_cursor(session_id, seq))

    async def list_since(self, params: wire.ListSinceParams) -> dict[str, Any]:
        """Read a log from a cursor. The events go out as the bytes they were logged as."""
        session_id = params.scope.session_id
        after = 0 if params.cursor is None else mapping.event_seq(params.cursor, session_id)
        page = await (await self._opening.service()).events_since(session_id, after, params.limit)
        end = page.events[-1].seq if page.events else after
        return {
            "events": orjson.Fragment(self._channel.dialect.listed(session_id, page.events)),
            "latest_cursor": mapping.event_cursor(session_id, end),
            "has_more": page.has_more(after),
        }

    async def stream_open(self, params: wire.StreamOpenParams) -> wire.StreamOpenResult:
        """Follow a session; the first event comes after the answer."""
        service = await self._opening.service()
        latest = await service.latest_seq(params.session_id)
        after = latest if params.from_seq is None else params.from_seq - 1
        if after > latest:
            raise InvalidArgument(f"params.from_seq: ahead of the log, which ends at {latest}")
        stream_id = self._streams.open(service, params.session_id, after)
        self._protocol.after_response(partial(self._streams.start, stream_id))
        return wire.StreamOpenResult(stream_id)

    async def stream_close(self, params: wire.StreamCloseParams) -> wire.StreamCloseResult:
        """Stop following."""
        return wire.StreamCloseResult(self._streams.close(params.stream_id))
