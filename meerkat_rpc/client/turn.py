"""A turn as its caller sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from meerkat_rpc.client.errors import ClientError, InvalidParams, ServerDied, SessionBusy, SessionNotFound
from meerkat_rpc.client.events import Event, Position
from meerkat_rpc.client.feed import EventFeed, Routes
from meerkat_rpc.client.link import TRIES, Link
from meerkat_rpc.client.stream import follow, logged

if TYPE_CHECKING:
    from meerkat_rpc.client import results


class Turn:
    """A running turn: ``async for event in turn`` streams it, ``await turn`` (or ``result()``) waits for its end.

    It has its id before it is sent, so it runs once however often the server dies meanwhile. Not iterating is fine,
    iterating slowly too: what is not fetched in time is read from the server's log later. Giving up on the result
    does not stop the turn; ``interrupt()`` does.
    """

    def __init__(self, link: Link, routes: Routes, method: str, params: Mapping[str, Any]) -> None:
        self.session_id: str = params["session_id"]
        self.turn_id: str = params["turn_id"]
        self._link = link
        self._feed = EventFeed(Position(), one_turn=True)
        self._iterated = False
        routes.turns.setdefault(self.turn_id, self._feed)
        self.ended: asyncio.Task[results.RunResult] = asyncio.get_running_loop().create_task(
            self._run(routes, method, params)
        )
        # The caller may only want the events: a failure that nobody asks for is not an unhandled one.
        self.ended.add_done_callback(lambda task: task.cancelled() or task.exception())

    def __await__(self) -> Generator[Any, None, results.RunResult]:
        return self.result().__await__()

    async def result(self) -> results.RunResult:
        """Wait for the end.

        Raises:
            TurnInterrupted: it was interrupted, or died with its server; ``text`` has what it had said.
            SessionNotFound, SessionBusy, InvalidParams: it was not accepted.
            RpcError: it failed; ``name`` says how.
            ServerDied: the server went away for good.
        """
        return await asyncio.shield(self.ended)

    async def interrupt(self) -> bool:
        """Stop this turn now, and no other. False when it had ended."""
        answer = await self._link.request("turn/interrupt", {"session_id": self.session_id, "turn_id": self.turn_id})
        return cast(bool, answer["interrupted"])

    async def _run(self, routes: Routes, method: str, params: Mapping[str, Any]) -> results.RunResult:
        """Send the turn, to the next server again if this one dies: its id sees to it that it runs once."""
        try:
            for attempt in range(1, TRIES + 1):
                connection = await self._link.connection()
                try:
                    return cast("results.RunResult", await connection.request(method, params))
                except ServerDied:
                    if attempt == TRIES or not self._link.keeps:
                        raise
            raise AssertionError
        finally:
            if routes.turns.get(self.turn_id) is self._feed:
                del routes.turns[self.turn_id]
            self._feed.end()

    # -- events ------------------------------------------------------------------------------------------------

    def __aiter__(self) -> AsyncIterator[Event]:
        """Iterate, once, from ``run_started`` to the last event. Raises what kept the turn from being accepted."""
        if self._iterated:
            raise RuntimeError("a turn's events can be iterated over once; Client.events reads them again")
        self._iterated = True
        return self._events()

    async def _events(self) -> AsyncGenerator[Event, None]:
        async for event in self._feed:
            yield event
        if self._feed.complete:
            return
        position = self._feed.position
        if position.rewound and not self._link.keeps:
            await self.result()  # raises: what it was is gone with the server
        rest = follow(self._link, self.session_id, position) if position.seen_any else self._replay()
        async with aclosing(rest):
            async for event in rest:
                if event.turn_id == self.turn_id:
                    yield event
                    if event.is_terminal:
                        return

    async def _replay(self) -> AsyncGenerator[Event, None]:
        """The turn has ended, and none of its events came: it was refused, or an earlier server ran it."""
        failure = self.ended.exception() if self.ended.done() else None
        if isinstance(failure, (InvalidParams, SessionNotFound, SessionBusy)):
            raise failure
        found = False
        async for event in logged(self._link, self.session_id):
            found = found or event.turn_id == self.turn_id
            yield event
        if not found and isinstance(failure, ClientError):
            raise failure
