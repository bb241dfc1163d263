"""The sessions that a connection follows, whoever runs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from attrs import define

from meerkat_rpc.domain import LoggedEvent
from meerkat_rpc.errors import MeerkatError
from meerkat_rpc.event_json import encode_json
from meerkat_rpc.ids import new_id
from meerkat_rpc.rpc.channel import Channel
from meerkat_rpc.rpc.progress import Progress
from meerkat_rpc.sessions.service import SessionService


@define(eq=False)
class _Stream:
    """``sent`` is the sequence number up to which its events are on their way."""

    stream_id: str
    session_id: str
    batches: AsyncGenerator[Sequence[LoggedEvent], None]
    sent: int
    task: asyncio.Task[None] | None = None


class Streams:
    """Sends the events of sessions as ``session/stream_event``."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._by_id: dict[str, _Stream] = {}
        self._by_session: dict[str, set[_Stream]] = {}
        self._progress = Progress()
        self._ending = False

    def open(self, service: SessionService, session_id: str, after: int) -> str:
        """Prepare to follow a session; return the stream's id. ``start`` starts it."""
        stream = _Stream(new_id(), session_id, service.subscribe(session_id, after), after)
        self._by_id[stream.stream_id] = stream
        self._by_session.setdefault(session_id, set()).add(stream)
        return stream.stream_id

    def start(self, stream_id: str) -> None:
        """Start a prepared stream: its opening has been answered."""
        stream = self._by_id[stream_id]
        stream.task = asyncio.get_running_loop().create_task(self._send(stream), name=f"stream {stream_id}")

    def close(self, stream_id: str) -> bool:
        """Stop a stream; return False when there is none of that id."""
        stream = self._by_id.get(stream_id)
        if stream is None or stream.task is None:
            return False
        stream.task.cancel()
        self._forget(stream)
        return True

    def close_all(self) -> None:
        """Stop every stream without a word: it is the server that ends, not what was followed."""
        for stream_id in list(self._by_id):
            self.close(stream_id)

    def run_out(self) -> None:
        """Have every stream end without a word where its session's events do: the server is about to end them all."""
        self._ending = True

    async def caught_up(self, session_id: str, seq: int) -> None:
        """Wait until every stream of the session has sent its events up to ``seq``, or is over."""
        while any(stream.sent < seq for stream in self._by_session.get(session_id, ())):
            await self._progress.next()

    async def _send(self, stream: _Stream) -> None:
        reason = "the session is gone"
        try:
            async with aclosing(stream.batches) as batches:
                async for batch in batches:
                    await self._channel.send_stream_events(stream.stream_id, stream.session_id, batch)
                    stream.sent = batch[-1].seq
                    self._progress.step()
        except MeerkatError as error:
            reason = error.message
        finally:
            self._forget(stream)
        if not self._ending:
            params = {"stream_id": stream.stream_id, "session_id": stream.session_id, "reason": reason}
            self._channel.send(encode_json({"jsonrpc": "2.0", "method": "session/stream_end", "params": params}))

    def _forget(self, stream: _Stream) -> None:
        self._by_id.pop(stream.stream_id, None)
        others = self._by_session.get(stream.session_id, set())
        others.discard(stream)
        if not others:
            self._by_session.pop(stream.session_id, None)
        self._progress.step()
