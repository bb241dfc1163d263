"""Cutting the server's output into messages, in both framings.

The peer is a server that this process started itself, so there is no recovery here: what is not a message ends the
connection. The strict reader, for input from anywhere, is the server's (``wire/framing.py``).
"""

from __future__ import annotations

from typing import Protocol


class Frames(Protocol):
    """One framing, one direction of state: what has come of a message so far."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the messages that ``chunk`` completes.

        Raises:
            ValueError: this is not the framing that was agreed on.
        """
        ...

    def wrap(self, message: bytes) -> bytes:
        """Return ``message`` as it goes over the pipe."""
        ...


class Lines:
    """One message a line."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the messages that ``chunk`` completes; blank lines are nothing."""
        first, *rest = chunk.split(b"\n")
        self._parts.append(first)
        if not rest:
            return []
        lines = [b"".join(self._parts), *rest[:-1]]
        self._parts = [rest[-1]]
        return [line for line in lines if line and not line.isspace()]

    def wrap(self, message: bytes) -> bytes:
        """Return ``message`` as a line."""
        return message + b"\n"


class Headers:
    """``Content-Length`` headers before each message."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._wanted = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the messages that ``chunk`` completes."""
        buffer = self._buffer
        buffer += chunk
        messages = []
        while len(buffer) >= self._wanted and (head := buffer.find(b"\r\n\r\n")) >= 0:
            begin = head + 4
            self._wanted = begin + _content_length(bytes(buffer[:head]))
            if len(buffer) < self._wanted:
                break
            messages.append(bytes(buffer[begin : self._wanted]))
            del buffer[: self._wanted]
            self._wanted = 0
        return messages

    def wrap(self, message: bytes) -> bytes:
        """Return ``message`` behind its header."""
        return b"Content-Length: %d\r\n\r\n%b" % (len(message), message)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    raise ValueError("headers without Content-Length")


FRAMINGS: dict[str, type[Lines | Headers]] = {"jsonl": Lines, "content-length": Headers}
"""The framings by the names that ``--framing`` has for them."""
