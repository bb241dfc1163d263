"""The server's own log: where it goes, and what it doesn't say.

What an exception says is whatever somebody put into it: a prompt, an answer, a key. So the log names its kind and the
places it came through, which tell a developer what to look at. ``--log-level debug`` adds the words.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

TALKATIVE = (
    *("pygls", "anthropic", "google_genai", "openai", "pydantic_ai"),
    *("httpcore", "httpcore2", "httpx", "httpx2"),
)
"""Libraries that log what is sent and received, some of it as an error. Our log has no prompts and no keys."""

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
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
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
            from meerkat_rpc.commands.log_file import LogFile

            return LogFile(file), None
        except OSError as error:
            return logging.StreamHandler(sys.stderr), error
    return logging.StreamHandler(sys.stderr), None
