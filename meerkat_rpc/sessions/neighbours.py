"""Looking for what other processes over the same store did, while there is a reason to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from attrs import frozen

from meerkat_rpc.errors import StoreError
from meerkat_rpc.store.base import Store

LOOK_S = 0.25
"""How often others' commits are looked for: soon enough for a person, and where nobody commits a look reads one number,
however many turns run."""


@frozen
class Concern:
    """Something that others' commits may bear on: whether there is a reason to look, and what is done then."""

    needed: Callable[[], bool]
    look: Callable[[], Awaitable[None]]


class Neighbours:
    """Looks after ``concerns`` whenever others have committed. A process without a reason to look does nothing."""

    def __init__(self, store: Store, *concerns: Concern) -> None:
        self._store = store
        self._concerns = concerns
        self._watching: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Note that there is a reason to look."""
        if self._watching is None:
            self._watching = asyncio.get_running_loop().create_task(self._watch(), name="neighbours")

    def close(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        seen: int | None = None
        while any(concern.needed() for concern in self._concerns):
            await asyncio.sleep(LOOK_S)
            with suppress(StoreError):  # said to whoever next uses the store; the watch goes on when the store does
                if (version := await self._store.others_version()) != seen:
                    await self._look()
                    seen = version
        self._watching = None

    async def _look(self) -> None:
        for concern in self._concerns:
            if concern.needed():
                await concern.look()
