"""Claiming standard input and output, and writing. Knows bytes only; ``input.py`` reads.

``claim`` takes the real descriptors away from everybody else: what a library prints goes to standard error. Writing
happens in a thread, not through the event loop's pipe transports, which Windows' and macOS' stdio don't offer for
every kind of descriptor and which would put the shared pipe of a terminal into non-blocking mode.

On the path to the first reply: light imports only.
"""

from __future__ import annotations

import os
import select
import stat
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

PIPE_BUF = 4096
"""What a pipe that polls as writable takes without blocking (POSIX; Linux' pages)."""

JOIN_BYTES = 1 << 18
"""Small messages are joined up to this size before they are written: a system call costs as much as 30 of them."""

PIPE_CAPACITY = 1 << 20
"""Asked for on Linux: with the default of 64 KiB a fast turn makes two processes take turns 16 times as often."""


class Stdio(NamedTuple):
    """The claimed descriptors."""

    input_fd: int
    output_fd: int
    error_fd: int


def claim() -> Stdio:
    """Take standard input and output away: 0 now reads nothing, 1 leads to standard error. Returns the real ones."""
    real = Stdio(os.dup(0), os.dup(1), os.dup(2))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    _widen(real.output_fd)
    return real


def _widen(fd: int) -> None:
    if sys.platform == "linux" and stat.S_ISFIFO(os.fstat(fd).st_mode):
        import fcntl

        try:
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_CAPACITY)
        except OSError:  # over the user's quota of pipe pages: the default works too
            return


def can_be_awaited(fd: int) -> bool:
    """Return whether the event loop can wait for ``fd``. A terminal it could, but others may read from that too."""
    mode = os.fstat(fd).st_mode
    return sys.platform != "win32" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


def nobody_reads(fd: int) -> bool:
    """Return whether the other end of ``fd``, for which the event loop can wait, is closed."""
    poll = select.poll()
    poll.register(fd, 0)
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))


class OutputThread:
    """Writes to ``fd`` in the order of ``write``, which never blocks.

    Args:
        fd: where to write.
        drained: called, in the writing thread, when what waits falls below ``low_water`` after having been above.
        broken: called, in the writing thread, once nobody can read any more; what is written then is dropped.
        low_water: bytes.
    """

    def __init__(self, fd: int, drained: Callable[[], None], broken: Callable[[], None], low_water: int) -> None:
        self._fd = fd
        self._drained = drained
        self._broken = broken
        self._low_water = low_water
        self._chunks: deque[bytes] = deque()
        self._waiting = 0
        self._was_above = False
        self._condition = threading.Condition()
        self._closing = False
        self._is_broken = False
        self._direct = _direct_poll(fd)
        self._thread = threading.Thread(target=self._run, name="stdout", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Bytes handed over and not written yet."""
        return self._waiting

    def write(self, data: bytes) -> None:
        """Hand ``data`` over. A small message goes out at once when nothing waits and the pipe has room."""
        if self._waiting == 0 and len(data) <= PIPE_BUF and self._direct is not None and self._direct.poll(0):
            data = self._write_now(data)
            if not data:
                return
        with self._condition:
            if self._is_broken:
                return
            self._chunks.append(data)
            self._waiting += len(data)
            self._was_above = self._was_above or self._waiting > self._low_water
            self._condition.notify()

    def close(self, timeout_s: float) -> None:
        """Wait until everything is written, for ``timeout_s`` at most."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join(timeout_s)

    def _write_now(self, data: bytes) -> bytes:
        """Write what goes; return the rest."""
        try:
            return data[os.write(self._fd, data) :]
        except BlockingIOError:
            return data
        except OSError:
            self._give_up()
            return b""

    def _run(self) -> None:
        while (data := self._take()) is not None:
            try:
                self._write_all(data)
            except OSError:
                self._give_up()
                return
            if self._took_away(len(data)):
                self._drained()

    def _took_away(self, size: int) -> bool:
        """Count what was written; return whether what waits has now fallen below the low water, having been above.

        It may have been above only while this was written: who looked then waits to be told.
        """
        with self._condition:
            self._waiting -= size
            fell = self._was_above and self._waiting <= self._low_water
            self._was_above = self._was_above and not fell
            return fell

    def _take(self) -> bytes | None:
        with self._condition:
            while not self._chunks:
                if self._closing:
                    return None
                self._condition.wait()
            parts = [self._chunks.popleft()]
            size = len(parts[0])
            while self._chunks and size + len(self._chunks[0]) <= JOIN_BYTES:
                parts.append(self._chunks.popleft())
                size += len(parts[-1])
        return b"".join(parts)

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:  # a parent made the descriptor non-blocking
                select.select([], [self._fd], [])

    def _give_up(self) -> None:
        with self._condition:
            already, self._is_broken = self._is_broken, True
            self._chunks.clear()
            self._waiting = 0
        if not already:
            self._broken()
            self._drained()


def _direct_poll(fd: int) -> select.poll | None:
    """Return what tells whether a small write to ``fd`` would not block; None where that can't be known.

    A pipe that polls as writable has a free page. Of sockets, terminals and files that can't be said.
    """
    if not hasattr(select, "poll") or not stat.S_ISFIFO(os.fstat(fd).st_mode):
        return None
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return poll
