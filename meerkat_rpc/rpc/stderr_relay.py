"""Keeping standard error from ever blocking the program.

A parent may spawn a server and never read its standard error. The pipe fills at 64 KiB, and whoever writes next, a
library's stray ``print`` perhaps, stops for good. So file descriptors 1 and 2 lead into a pipe of our own, and a thread
passes on what the real standard error takes, and drops the rest.
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque

KEPT_BYTES = 1 << 20
"""How much a standard error that nobody reads may hold back before the oldest is dropped."""

CHUNK = 4096
"""At most this much is written at a time: a pipe that polls as writable takes as much without blocking (POSIX
PIPE_BUF)."""

FLUSH_S = 0.2
"""How long the end of the program waits for what is left to be read."""


class StderrRelay:
    """Passes on to ``real_fd`` what is written to ``write_fd``, without ever letting the writer wait for long."""

    def __init__(self, real_fd: int) -> None:
        self._real_fd = real_fd
        self._read_fd, self.write_fd = os.pipe()
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0
        self._closing = threading.Event()
        self._done = threading.Event()
        self._readable = select.poll()
        self._readable.register(self._read_fd, select.POLLIN)
        self._both = select.poll()
        self._both.register(self._read_fd, select.POLLIN)
        self._both.register(real_fd, select.POLLOUT)

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="stderr relay", daemon=True).start()

    def flush(self) -> None:
        """Give what is left a moment to be passed on. For the very end of the program."""
        self._closing.set()
        os.write(self.write_fd, b"\n" if self._kept else b"\0")
        self._done.wait(FLUSH_S)

    def _run(self) -> None:
        try:
            while not (self._closing.is_set() and not self._kept and not self._readable.poll(0)):
                self._step()
        except OSError:  # nobody will ever read it; go on swallowing so that writers don't stop
            self._swallow()
        finally:
            self._done.set()

    def _step(self) -> None:
        ready = {fd for fd, event in (self._both if self._kept else self._readable).poll() if event}
        if self._read_fd in ready:
            self._keep(os.read(self._read_fd, 1 << 16).rstrip(b"\0"))
        if self._real_fd in ready:
            self._pass_on()

    def _keep(self, data: bytes) -> None:
        for start in range(0, len(data), CHUNK):
            self._kept.append(data[start : start + CHUNK])
        self._kept_bytes += len(data)
        while self._kept_bytes > KEPT_BYTES:
            self._kept_bytes -= len(self._kept.popleft())

    def _pass_on(self) -> None:
        chunk = self._kept.popleft()
        self._kept_bytes -= len(chunk)
        written = os.write(self._real_fd, chunk)
        if written < len(chunk):
            self._kept.appendleft(chunk[written:])
            self._kept_bytes += len(chunk) - written

    def _swallow(self) -> None:
        self._kept.clear()
        while not self._closing.is_set():
            os.read(self._read_fd, 1 << 16)
