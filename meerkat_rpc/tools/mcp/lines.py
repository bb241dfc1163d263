"""Messages over a pipe: one JSON object a line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

MAX_LINE_BYTES = 64 << 20
"""The longest message that a server may send, as for our own clients. It is held in memory whole."""

READ_BYTES = 256 << 10


class LineTooLong(Exception):
    """The server sent a line longer than ``MAX_LINE_BYTES``."""


class _Source(Protocol):
    async def read(self, n: int) -> bytes: ...


async def lines(source: _Source) -> AsyncIterator[bytes]:
    """Yield each line that isn't empty, without its end.

    Raises:
        LineTooLong: one doesn't end.
    """
    held = bytearray()
    while data := await source.read(READ_BYTES):
        held += data
        if b"\n" in data:
            *whole, rest = bytes(held).split(b"\n")
            held = bytearray(rest)
            for line in whole:
                if line.strip():
                    yield line
        elif len(held) > MAX_LINE_BYTES:
            raise LineTooLong(f"a message of more than {MAX_LINE_BYTES >> 20} MiB")
