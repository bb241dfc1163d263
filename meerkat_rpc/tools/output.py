"""What a process writes, of which beginning and end are kept."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

HEAD_BYTES = 16 << 10
"""How much of the beginning is kept: what a build says first."""

TAIL_BYTES = 48 << 10
"""How much of the end is kept: where errors stand."""

READ_BYTES = 64 << 10


class Output:
    """A pipe's content, read as it comes so that nobody waits to write.

    Args:
        head_bytes: how much of the beginning is kept.
        tail_bytes: how much of the end is kept.
    """

    def __init__(self, *, head_bytes: int = HEAD_BYTES, tail_bytes: int = TAIL_BYTES) -> None:
        self._head_bytes = head_bytes
        self._tail_bytes = tail_bytes
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._read_end, self._read)

    def started(self) -> None:
        """Close our own copy of the writing end: the process has its own, or there is none."""
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    async def ended(self, within_s: float) -> bool:
        """Wait until nobody can write any more, for at most that many seconds; return whether that is so."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), within_s)
        return self._ended.is_set()

    def close(self) -> None:
        """Read no more."""
        self.started()
        if self._read_end >= 0:
            asyncio.get_running_loop().remove_reader(self._read_end)
            os.close(self._read_end)
            self._read_end = -1
        self._ended.set()

    @property
    def dropped(self) -> int:
        """How many bytes of the middle weren't kept."""
        return self._dropped

    def text(self) -> str:
        """Return what was kept; what isn't UTF-8 in it is replaced."""
        if not self._dropped:
            return (self._head + self._tail).decode("utf-8", "replace")
        if not self._head:
            return "…" + self._tail.decode("utf-8", "replace")
        head, tail = self._head.decode("utf-8", "replace"), self._tail.decode("utf-8", "replace")
        return f"{head}\n[… {self._dropped} bytes left out …]\n{tail}"

    def _read(self) -> None:
        try:
            data = os.read(self._read_end, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._keep(data)
        else:
            self.close()

    def _keep(self, data: bytes) -> None:
        room = self._head_bytes - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        if (over := len(self._tail) - self._tail_bytes) > 0:
            del self._tail[:over]
            self._dropped += over
