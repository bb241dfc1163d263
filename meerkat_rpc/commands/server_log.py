"""The server's own log: where it goes, and what it doesn't say.

What an exception says is whatever somebody put into it: a prompt, an answer, a key. So the log names its kind and the
places it came through, which tell a developer what to look at. ``--log-level debug`` adds the words.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import sys
import threading
import traceback
from collections.abc import Iterator
from io import TextIOWrapper
from types import TracebackType
from typing import Any

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

LOG_FILE_BYTES = 10 << 20
"""Where a log file is put aside for a new one; two old ones are kept."""

OLD_LOG_FILES = 2

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

logger = logging.getLogger(__name__)


def start_log(level: str, file: str | None) -> None:
    """Log from ``level`` on to ``file``, or to standard error if it can't be written or none is named.

    What nobody catches is logged, too.
    """
    handler, obstacle = _handler(file)
    handler.setFormatter(logging.Formatter(LOG_FORMAT) if level == "debug" else PlacesFormatter(LOG_FORMAT))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    if obstacle is not None:
        logger.warning("the log file %s can't be written: %s", file, obstacle.strerror)
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # it logs whole payloads
    logging.raiseExceptions = False  # a log that can't be written, on a full disk, would print what it was to say
    threading.excepthook = lambda hooked: _uncaught(hooked.exc_value)
    sys.unraisablehook = lambda hooked: _uncaught(hooked.exc_value)


def log_unhandled(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what the event loop was left with. asyncio's own handler shows tasks and callbacks with their arguments."""
    if (error := context.get("exception")) is not None:
        _uncaught(error)
    else:
        logger.error("the event loop: %s", context["message"])


def _uncaught(error: BaseException | None) -> None:
    logger.error("nobody caught this", exc_info=error)


class PlacesFormatter(logging.Formatter):
    """Shows of an exception, and of those that led to it, the kind and the places, and nothing that it says."""

    def formatException(self, ei: ExceptionInfo) -> str:  # noqa: N802 - logging's name
        """Return the lines under the message."""
        return "\n".join(line for error in _chain(ei[1]) for line in _places(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield ``error``, what it was raised because of, and so on."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _places(error: BaseException) -> Iterator[str]:
    yield type(error).__qualname__
    for frame in traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), lookup_lines=False):
        yield f"  {frame.filename}:{frame.lineno} in {frame.name}"


def _handler(file: str | None) -> tuple[logging.Handler, OSError | None]:
    """Return what writes the log, and why it isn't to ``file``."""
    if file is not None:
        try:
            return _file_handler(file), None
        except OSError as error:
            return logging.StreamHandler(sys.stderr), error
    return logging.StreamHandler(sys.stderr), None


def _file_handler(path: str) -> logging.Handler:
    from logging.handlers import RotatingFileHandler

    class PrivateFile(RotatingFileHandler):
        """A log file that only its owner may read, and its predecessors."""

        def _open(self) -> TextIOWrapper:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            _make_private(descriptor)
            return open(descriptor, "a", encoding="utf-8", errors="backslashreplace")

    return PrivateFile(path, maxBytes=LOG_FILE_BYTES, backupCount=OLD_LOG_FILES)


def _make_private(descriptor: int) -> None:
    """Give a plain file of ours mode 0600: it may have been there, and the umask may have taken more than it should."""
    found = os.fstat(descriptor)
    if hasattr(os, "fchmod") and stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
        os.fchmod(descriptor, 0o600)
