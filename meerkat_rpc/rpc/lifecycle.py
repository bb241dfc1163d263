"""How the server ends: end of input, a signal, ``exit``, nobody left to talk to, a parent that is gone.

why it ends            running turns                              exit code
---------------------  -----------------------------------------  ---------------------------------
end of input           finish, for the drain timeout at most      0
SIGTERM, SIGINT, …     are interrupted and saved as such          0
closed output          are interrupted and saved as such          0
parent gone            are interrupted and saved as such          0
``exit``               are interrupted and saved as such          0 after ``shutdown``, else 1 (as language servers)
unreadable framing     are interrupted and saved as such          1

Whatever happens while turns finish after the end of input, a parent that is gone for good above all, interrupts them.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

PARENT_POLL_S = 1.0
"""How often the parent named by ``initialize`` is looked for: its death is noticed well within 3 s."""


class Lifecycle:
    """Waits for a reason to end.

    Args:
        shut_down: interrupts and saves what runs, and refuses new requests.
    """

    def __init__(self, shut_down: Callable[[], Awaitable[None]]) -> None:
        self._shut_down = shut_down
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[tuple[bool, int]] = loop.create_future()
        self.hurried: asyncio.Future[None] = loop.create_future()
        """Done once there is a reason not to let running turns finish."""
        self._was_shut_down = False
        self._parent_watch: asyncio.Task[None] | None = None

    async def wait(self) -> tuple[bool, int]:
        """Wait for the end; return whether running turns may finish, and the exit code."""
        return await self._ended

    def end(self, exit_code: int = 0, *, drain: bool = False) -> None:
        """End the server. The first reason counts, except that draining gives way to anything."""
        if not self._ended.done():
            self._ended.set_result((drain, exit_code))
        if not drain and not self.hurried.done():
            self.hurried.set_result(None)

    def catch_signals(self, again: Callable[[], None]) -> None:
        """End on SIGTERM, SIGINT and SIGHUP; call ``again`` if one comes when turns are being interrupted already."""
        loop = asyncio.get_running_loop()

        def caught() -> None:
            if self.hurried.done():
                again()
            self.end()

        for name in ("SIGTERM", "SIGINT", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is None:
                continue
            if sys.platform == "win32":
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(caught))
            else:
                loop.add_signal_handler(number, caught)

    def watch_parent(self, process_id: int) -> None:
        """End when the process ``process_id`` does."""
        if self._parent_watch is not None:
            self._parent_watch.cancel()
        self._parent_watch = asyncio.get_running_loop().create_task(self._watch(process_id), name="parent watch")

    async def shut_down(self) -> None:
        """Do as ``shutdown`` asks."""
        self._was_shut_down = True
        await self._shut_down()

    def exit(self) -> None:
        """Do as ``exit`` asks."""
        self.end(0 if self._was_shut_down else 1)

    async def _watch(self, process_id: int) -> None:
        import psutil

        try:
            parent = psutil.Process(process_id)
            while parent.is_running() and parent.status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110 - nothing to wait for
                await asyncio.sleep(PARENT_POLL_S)
        except psutil.NoSuchProcess:
            pass
        self.end()
