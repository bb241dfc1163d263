"""The events of turns on their way to the client."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from meerkat_rpc.domain import LoggedEvent
from meerkat_rpc.errors import MeerkatError
from meerkat_rpc.rpc.channel import Channel
from meerkat_rpc.rpc.progress import Progress
from meerkat_rpc.rpc.streams import Streams
from meerkat_rpc.sessions.service import EventSource

Batches = AsyncGenerator[Sequence[LoggedEvent], None]

logger = logging.getLogger(__name__)


class Delivery:
    """Sees the events of the turns that this connection runs out.

    ``session_events``: they go out as ``session/event``. Where the client wants none of those, they are on their way
    once the connection's streams of the session have them: in either case an answer comes behind what led to it.
    """

    def __init__(self, channel: Channel, streams: Streams) -> None:
        self.session_events = True
        self._channel = channel
        self._streams = streams
        self._turns: dict[str, asyncio.Task[None]] = {}
        self._sent: dict[str, int] = {}
        self._progress = Progress()
        self._latest: dict[str, asyncio.Task[None]] = {}

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
            await self._progress.next()

    def _note(self, session_id: str, seq: int) -> None:
        self._sent[session_id] = seq
        self._progress.step()

    async def all_delivered(self) -> None:
        """Wait until the events of every turn are on their way."""
        while self._turns:
            await asyncio.wait(list(self._turns.values()))

    def server_ends(self) -> None:
        """Have the streams end: at once, or, where they are all that the client gets, with the turns that are about to
        be interrupted."""
        if self.session_events:
            self._streams.close_all()
        else:
            self._streams.run_out()

    async def _send_turn(
        self, session_id: str, turn_id: str, events: Batches, before: asyncio.Task[None] | None
    ) -> None:
        try:
            async with aclosing(events) as batches:
                if before is not None:
                    await asyncio.wait({before})
                async for batch in batches:
                    await self._send(session_id, batch)
                    self._note(session_id, batch[-1].seq)
        except MeerkatError as error:  # a slow client, and a log that can't be read: the turn itself goes on
            logger.warning("turn %s: events are missing from its stream: %s", turn_id, error.message)
            self._note(session_id, sys.maxsize)  # nobody should wait for them

    async def _send(self, session_id: str, batch: Sequence[LoggedEvent]) -> None:
        if self.session_events:
            await self._channel.send_session_events(session_id, batch)
        else:
            await self._streams.caught_up(session_id, batch[-1].seq)
