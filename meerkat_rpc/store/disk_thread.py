"""The one thread that owns the store's connection, and the hop to it and back.

SQLite's transactions and diskcache's belong to a thread, and an fsync must not hold up the event loop: each piece of
work on the store is one synchronous function, run here from beginning to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from meerkat_rpc.errors import StoreError

T = TypeVar("T")


class StoreThread:
    """Runs jobs one after the other, in the order they came."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = SimpleQueue()
        # A daemon: a process that ends without closing the store must not hang on it. SQLite's log bears that.
        self._thread = threading.Thread(target=self._work, name="store", daemon=True)
        self._started = False
        self._last: asyncio.Future[None] | None = None

    async def run(self, job: Callable[[], T]) -> T:
        """Run ``job`` in the thread and return its result, or raise what it raised.

        When the caller is cancelled, the job runs all the same and its result is dropped.

        Raises:
            StoreError: ``stop`` was called.
        """
        return await self._submit(job)

    async def stop(self, last: Callable[[], None]) -> None:
        """Run what was handed over, then ``last``, then end the thread. A second call waits for the first's end."""
        if self._last is None:
            self._last = self._submit(last)
            self._jobs.put(None)
        await asyncio.shield(self._last)

    def _submit(self, job: Callable[[], T]) -> asyncio.Future[T]:
        if self._last is not None:
            raise StoreError("The store is closed.")
        if not self._started:
            self._started = True
            self._thread.start()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put((job, future))
        return future

    def _work(self) -> None:
        while (entry := self._jobs.get()) is not None:
            job, future = entry
            try:
                _deliver(future, job(), None)
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the caller's
                _deliver(future, None, error)
            del entry, job, future  # or they would live until the next job comes


def _deliver(future: asyncio.Future[T], result: Any, error: BaseException | None) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        future.get_loop().call_soon_threadsafe(_settle, future, result, error)


def _settle(future: asyncio.Future[T], result: Any, error: BaseException | None) -> None:
    if future.done():
        return  # its caller was cancelled
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
