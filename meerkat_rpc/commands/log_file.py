"""The file that ``--log-file`` names: private, bounded, and shared by whichever servers are told to use it."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from io import TextIOWrapper
from itertools import pairwise
from logging import LogRecord
from logging.handlers import WatchedFileHandler

LOG_FILE_BYTES = 10 << 20
"""Where a log file is put aside for a new one: some hundred thousand lines, which an editor still opens."""

OLD_LOG_FILES = 2
"""How many that were put aside are kept: enough to see what came before, and 30 MiB in all."""


class LogFile(WatchedFileHandler):
    """Appends to the file at ``path``, and renames it to ``path.1`` when it has ``limit`` bytes.

    The standard library's rotating handler doesn't notice that another process has put the file aside: each goes on
    writing into what the other one removes. This one looks before each record whether the file is still the one it has
    open, and puts it aside only while it holds the file's lock. A record is appended in one piece.

    Raises:
        OSError: the file can't be written.
    """

    def __init__(self, path: str, limit: int = LOG_FILE_BYTES, old: int = OLD_LOG_FILES) -> None:
        self._limit = limit
        self._old = old
        super().__init__(path)

    def emit(self, record: LogRecord) -> None:
        """Write ``record``, after putting the file aside if it is full."""
        try:
            if self._is_full():
                self._put_aside()
        except OSError:  # Windows doesn't rename a file that is open: there it goes on growing
            self.handleError(record)
        super().emit(record)

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        _make_private(descriptor)
        return open(descriptor, "a", encoding="utf-8", errors="backslashreplace")

    def _is_full(self) -> bool:
        self.reopenIfNeeded()
        found = os.fstat(self._descriptor())
        return found.st_size >= self._limit and stat.S_ISREG(found.st_mode)

    def _descriptor(self) -> int:
        assert self.stream is not None  # it isn't closed
        return self.stream.fileno()

    def _put_aside(self) -> None:
        with _locked(self._descriptor()):
            if _is_at(self._descriptor(), self.baseFilename):  # else another process was faster
                names = [self.baseFilename, *(f"{self.baseFilename}.{n}" for n in range(1, self._old + 1))]
                for newer, older in reversed(list(pairwise(names))):
                    with contextlib.suppress(FileNotFoundError):
                        os.replace(newer, older)


def _make_private(descriptor: int) -> None:
    """Give a plain file of ours mode 0600: it may have been there, and the umask may have taken more than it should."""
    found = os.fstat(descriptor)
    if hasattr(os, "geteuid") and stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
        os.fchmod(descriptor, 0o600)


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    """Hold the open file's lock, where the platform has such locks. It goes with the file, whatever that is called."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
