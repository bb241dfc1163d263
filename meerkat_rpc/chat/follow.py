"""Following a turn to its end, with Ctrl-C at hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Protocol

from meerkat_rpc.chat.interrupts import on_interrupt

if TYPE_CHECKING:
    from meerkat_rpc.client import Event


class Followed(Protocol):
    """A turn: the client's own, or one that waits for an answer."""

    session_id: str

    def __aiter__(self) -> AsyncIterator[Event]:
        """Iterate over its events to the last."""
        ...

    async def interrupt(self) -> bool:
        """Stop it now. False when it had ended."""
        ...


class Following:
    """A turn that is being followed."""

    def __init__(self, turn: Followed) -> None:
        self._turn = turn
        self._watching: asyncio.Future[None] | None = None
        self._stopping: asyncio.Future[bool] | None = None
        self._gave_up = False

    async def run(self, show: Callable[[Event], None]) -> bool:
        """Pass the turn's events to ``show`` until it ends. Ctrl-C stops the turn, a second one ``give_up``.

        Returns whether the end was waited for. Raises what ``show`` raises, and ``ClientError`` for a turn that was
        not accepted.
        """
        self._watching = asyncio.ensure_future(_watch(self._turn, show))
        with on_interrupt(self._interrupted):
            try:
                await self._watching
            except asyncio.CancelledError:
                if not self._gave_up:
                    raise
        return not self._gave_up

    def give_up(self) -> None:
        """Wait no longer for the turn's end; it goes on without us."""
        if self._watching is not None and not self._watching.done():
            self._gave_up = True
            self._watching.cancel()

    def _interrupted(self) -> None:
        if self._stopping is None:
            self._stopping = asyncio.ensure_future(self._turn.interrupt())
            # It may fail with the server; the turn's own end tells of that.
            self._stopping.add_done_callback(lambda task: task.cancelled() or task.exception())
        else:
            self.give_up()


async def _watch(turn: Followed, show: Callable[[Event], None]) -> None:
    async for event in turn:
        show(event)
