"""Clearing up after deleted sessions, a few milliseconds at a time between others' work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

from meerkat_rpc.errors import StoreError

log = logging.getLogger(__name__)


class Tidying:
    """Does one step after the other as long as there is something to do.

    Args:
        step: does one, and returns whether there was anything to do.
        finish: is called when there is nothing left.
    """

    def __init__(self, step: Callable[[], Awaitable[bool]], finish: Callable[[], Awaitable[None]]) -> None:
        self._step = step
        self._finish = finish
        self._task: asyncio.Task[None] | None = None
        self._again = False

    def begin(self) -> None:
        """Begin, unless it goes on already."""
        self._again = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work(), name="tidying")

    async def done(self) -> None:
        """Wait until there is nothing to do."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Stop after the present step; whoever opens the store next goes on."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _work(self) -> None:
        try:
            while self._again:
                self._again = False
                if await self._steps():
                    await self._finish()
        except StoreError as error:
            log.warning("clearing up after deleted sessions stopped, until the next start: %s", error.message)

    async def _steps(self) -> bool:
        """Do what there is to do; return whether there was anything."""
        worked = False
        begun = time.monotonic()
        while await self._step():
            worked = True
            await asyncio.sleep(time.monotonic() - begun)  # half the time is others', in other processes too
            begun = time.monotonic()
        return worked
