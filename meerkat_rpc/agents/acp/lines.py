"""From the bytes an agent writes to messages, however it writes them.

An agent is somebody else's program: it may print a greeting to stdout, split an emoji between two messages, or put a
picture of megabytes on one line. Whatever is no message is kept aside, to be shown if the agent fails.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

MAX_LINE_BYTES = 64 * 1024 * 1024
"""Longest message that is taken: what our own clients may send in one. Beyond it the agent is taken for broken."""

Message = dict[str, Any]


class LineTooLong(Exception):
    """An agent wrote ``MAX_LINE_BYTES`` without ending the line."""


class Lines:
    """Cuts a stream of bytes into lines. A long line costs its own length, not the square of it."""

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._pending: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes; return the lines that they end.

        Raises:
            LineTooLong: the line is longer than is taken.
        """
        *ended, rest = chunk.split(b"\n")
        if ended:
            ended[0] = b"".join([*self._pending, ended[0]])
            self._pending, self._size = [], 0
        if rest:
            self._pending.append(rest)
            self._size += len(rest)
        if self._size > self._max_bytes or (ended and len(ended[0]) > self._max_bytes):
            raise LineTooLong
        return ended


def message_of(line: bytes) -> Message | None:
    """Return the JSON-RPC message on ``line``, or None where there is none."""
    message = _parsed(line)
    if not isinstance(message, dict) or not isinstance(message.get("id"), int | str | None):
        return None
    if isinstance(message.get("method"), str):
        return message
    return message if "method" not in message and "id" in message else None


def _parsed(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        pass
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        return orjson.loads(_mended(json.loads(line.decode("utf-8", "replace"), parse_constant=lambda _: None)))
    except (ValueError, RecursionError):
        return None


def _mended(value: Any) -> bytes:
    """Return ``value`` as JSON that can be kept: half an emoji, which JavaScript writes gladly, becomes U+FFFD."""
    text = json.dumps(value, ensure_ascii=False)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
