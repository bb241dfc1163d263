"""Following a turn to its end, with Ctrl-C at hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from meerkat_rpc.chat.interrupts import on_interrupt

if TYPE_CHECKING:
    from meerkat_rpc.client import Event, Turn


async def follow(turn: Turn, show: Callable[[Event], None]) -> bool:
    """Pass the turn's events to ``show`` until it ends. Ctrl-C stops the turn, a second one the waiting for its end.

    Returns whether the end was waited for. Raises what ``show`` raises, and ``ClientError`` for a turn not accepted.
    """
    watching = asyncio.ensure_future(_watch(turn, show))
    stopper = _Stopper(turn, watching)
    with on_interrupt(stopper):
        try:
            await watching
        except asyncio.CancelledError:
            if not stopper.gave_up:
                raise
    return not stopper.gave_up


async def _watch(turn: Turn, show: Callable[[Event], None]) -> None:
    async for event in turn:
        show(event)


class _Stopper:
    """What Ctrl-C does to a turn."""

    def __init__(self, turn: Turn, watching: asyncio.Future[None]) -> None:
        self._turn = turn
        self._watching = watching
        self._stopping: asyncio.Future[bool] | None = None
        self.gave_up = False

    def __call__(self) -> None:
        if self._stopping is None:
            self._stopping = asyncio.ensure_future(self._turn.interrupt())
            # It may fail with the server; the turn's own end tells of that.
            self._stopping.add_done_callback(lambda task: task.cancelled() or task.exception())
        elif not self._watching.done():
            self.gave_up = True
            self._watching.cancel()
