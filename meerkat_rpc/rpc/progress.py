"""Waiting for something that goes on step by step."""

from __future__ import annotations

import asyncio


class Progress:
    """Wakes everybody who waits, at each step."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    def step(self) -> None:
        """Wake those who wait."""
        waiting, self._waiting = self._waiting, []
        for change in waiting:
            if not change.done():
                change.set_result(None)

    async def next(self) -> None:
        """Wait for the next step."""
        change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(change)
        await change
