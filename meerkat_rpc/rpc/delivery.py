"""Turns and streams on their way to the client."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing
from typing import Any

from meerkat_rpc.domain import LoggedEvent
from meerkat_rpc.errors import MeerkatError
from meerkat_rpc.event_json import encode_json
from meerkat_rpc.ids import new_id
from meerkat_rpc.rpc.channel import Channel
from meerkat_rpc.sessions.service import EventSource, SessionService

Batches = AsyncGenerator[Sequence[LoggedEvent], None]

logger = logging.getLogger(__name__)


class Delivery:
    """Sends the events of the turns that this connection runs, and of the sessions it follows."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._turns: dict[str, asyncio.Task[None]] = {}
        self._sent: dict[str, int] = {}
        self._catching_up: list[asyncio.Future[None]] = []
        self._latest: dict[str, asyncio.Task[None]] = {}
        self._prepared: dict[str, Coroutine[Any, Any, None]] = {}
        self._streams: dict[str, asyncio.Task[None]] = {}

    def begin(self, turn: EventSource) -> None:
        """Begin to send a turn's events, or others, unless an earlier call of the same id did.

        They go out behind those of the session's turn before it, which a client that reads slowly may still have to
        get. The turn itself is not held on to: it has all that it said in memory.
        """
        session_id, turn_id = turn.session_id, turn.turn_id
        if turn.replayed or turn_id in self._turns:
            return
        sending = self._send_turn(session_id, turn_id, turn.events(), self._latest.get(session_id))
        task = asyncio.get_running_loop().create_task(sending, name=f"deliver {turn_id}")
        self._turns[turn_id] = self._latest[session_id] = task
        task.add_done_callback(lambda _: self._forget(session_id, turn_id))

    def _forget(self, session_id: str, turn_id: str) -> None:
        if self._sent.get(session_id) != sys.maxsize:
            self._sent.pop(session_id, None)
        if self._turns.pop(turn_id) is self._latest[session_id]:
            del self._latest[session_id]

    async def delivered(self, turn_id: str) -> None:
        """Wait until the turn's events are on their way, its last one included."""
        task = self._turns.get(turn_id)
        if task is not None:
            await asyncio.wait({task})

    async def caught_up(self, session_id: str, seq: int) -> None:
        """Wait until the events of the session's running turn are on their way up to ``seq``."""
        while self._sent.get(session_id, 0) < seq:
            progress: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._catching_up.append(progress)
            await progress

    def _note(self, session_id: str, seq: int) -> None:
        self._sent[session_id] = seq
        waiting, self._catching_up = self._catching_up, []
        for progress in waiting:
            if not progress.done():
                progress.set_result(None)

    async def all_delivered(self) -> None:
        """Wait until the events of every turn are on their way."""
        while self._turns:
            await asyncio.wait(list(self._turns.values()))

    def open_stream(self, service: SessionService, session_id: str, after: int) -> str:
        """Prepare to follow a session; return the stream's id. ``start_stream`` starts it."""
        stream_id = new_id()
        batches = service.subscribe(session_id, after)
        self._prepared[stream_id] = self._send_stream(stream_id, session_id, batches)
        return stream_id

    def start_stream(self, stream_id: str) -> None:
        """Start a prepared stream: its opening has been answered."""
        sending = self._prepared.pop(stream_id)
        self._streams[stream_id] = asyncio.get_running_loop().create_task(sending, name=f"stream {stream_id}")

    def close_stream(self, stream_id: str) -> bool:
        """Stop a stream; return False when there is none of that id."""
        task = self._streams.pop(stream_id, None)
        if task is None:
            return False
        task.cancel()
        return True

    def close_streams(self) -> None:
        """Stop every stream without a word: it is the server that ends, not what was followed."""
        for stream_id in list(self._streams):
            self.close_stream(stream_id)

    async def _send_turn(
        self, session_id: str, turn_id: str, events: Batches, before: asyncio.Task[None] | None
    ) -> None:
        try:
            async with aclosing(events) as batches:
                if before is not None:
                    await asyncio.wait({before})
                async for batch in batches:
                    await self._channel.send_session_events(session_id, batch)
                    self._note(session_id, batch[-1].seq)
        except MeerkatError as error:  # a slow client, and a log that can't be read: the turn itself goes on
            logger.warning("turn %s: events are missing from its stream: %s", turn_id, error.message)
            self._note(session_id, sys.maxsize)  # nobody should wait for them

    async def _send_stream(self, stream_id: str, session_id: str, batches: Batches) -> None:
        reason = "the session is gone"
        try:
            async with aclosing(batches):
                async for batch in batches:
                    await self._channel.send_stream_events(stream_id, session_id, batch)
        except MeerkatError as error:
            reason = error.message
        self._streams.pop(stream_id, None)
        params = {"stream_id": stream_id, "session_id": session_id, "reason": reason}
        self._channel.send(encode_json({"jsonrpc": "2.0", "method": "session/stream_end", "params": params}))
