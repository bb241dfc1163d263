"""Reading standard input: in a thread until the server is up, then in the event loop where that can be.

The thread works everywhere, and while the program is still loading. The event loop saves the hop from one thread to the
other, a third of a small request's round trip; it can wait for pipes and sockets, which is what editors give us.
On the path to the first reply: light imports only.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from meerkat_rpc.rpc.stdio import can_be_awaited

if TYPE_CHECKING:
    import asyncio

READ_BYTES = 1 << 15
"""Read at a time: some 300 requests, whose dispatch then holds the event loop for under 10 ms."""

CHUNKS_AHEAD = 4
"""How many chunks are read before the first of them has been taken in."""

Receive = Callable[[bytes], None]


class InputThread:
    """Reads ``fd`` until its end and hands each chunk to ``receive``; the end is an empty chunk.

    It never hands over more than ``CHUNKS_AHEAD`` chunks for which ``taken`` has not been called.
    """

    def __init__(self, fd: int, receive: Receive) -> None:
        self.fd = fd
        self._receive = receive
        self._relieve: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._room = threading.Semaphore(CHUNKS_AHEAD)

    def start(self) -> None:
        """Start reading. What is there already is handed over before this returns.

        A client asks as soon as it has spawned us, and its first question is answered several times sooner by a thread
        that needn't share the interpreter with the imports to come.
        """
        if can_be_awaited(self.fd) and select.select([self.fd], [], [], 0)[0]:
            self._step()
        threading.Thread(target=self._run, name="stdin", daemon=True).start()

    def taken(self) -> None:
        """Say that one chunk was dealt with."""
        self._room.release()

    def divert(self, receive: Receive, relieve: Callable[[], None] | None = None) -> None:
        """From now on hand chunks to ``receive``. When this returns, the one before it has had its last.

        With ``relieve``, read one chunk more, call it, and end: somebody else reads from there.
        """
        with self._lock:
            self._receive = receive
            self._relieve = relieve

    def _run(self) -> None:
        while self._step():
            pass

    def _step(self) -> bool:
        """Read a chunk and hand it over; return whether to go on."""
        self._room.acquire()
        chunk = _read(self.fd)
        with self._lock:
            self._receive(chunk)
            if chunk and self._relieve is not None:
                self._relieve()
                return False
        return bool(chunk)


class LoopInput:
    """Reads ``fd`` in the event loop and hands each chunk to ``receive``; the end is an empty chunk."""

    def __init__(self, fd: int, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        self._fd = fd
        self._receive = receive
        self._loop = loop

    def resume(self) -> None:
        """Read, or read on."""
        self._loop.add_reader(self._fd, self._ready)

    def pause(self) -> None:
        """Stop reading for now."""
        self._loop.remove_reader(self._fd)

    def _ready(self) -> None:
        chunk = _read(self._fd)
        if not chunk:
            self.pause()
        self._receive(chunk)


def _read(fd: int) -> bytes:
    while True:
        try:
            return os.read(fd, READ_BYTES)
        except BlockingIOError:  # a parent made its end and ours non-blocking
            select.select([fd], [], [])
        except OSError:
            return b""
