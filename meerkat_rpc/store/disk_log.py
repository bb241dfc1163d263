"""Whether SQLite's write-ahead log still has what was written to it.

SQLite takes the first frame whose checksum doesn't match for the end of the log: after a loss of power that is what it
is. A log that was damaged or cut off later would end there too, and lose acknowledged commits without a word. But a
process that was killed leaves the log's index, which says how many frames there were. The formats:
sqlite.org/walformat.html.
"""

from __future__ import annotations

import os
import struct
import sys
from array import array
from typing import NamedTuple

from meerkat_rpc.errors import StoreCorrupt
from meerkat_rpc.processes import booted_ms

_INDEX = struct.Struct("=III BBH II 2I 8s 2I")
"""The index's header, in the byte order of the machine: version, unused, changes, initialised, big-endian checksums,
page size, frames, pages, checksum of the last frame, salt, checksum of all this. It is there twice."""

_BACKFILLED = 2 * _INDEX.size
"""Where the index says how many frames lie in the database already."""

_HEADER, _FRAME = 32, 24
"""Bytes of the log's header, and of a frame's, which a page follows."""

_looked: set[str] = set()
"""The databases that this process has looked at."""


class _Index(NamedTuple):
    frames: int
    page_size: int
    salt: bytes
    big_endian: bool


def refuse_shortened(database: str) -> None:
    """Raise ``StoreCorrupt`` when the log of ``database`` has lost frames that it had.

    Looks once in the life of a process, before its first connection: closing a file drops the locks that the process
    has on it through any other descriptor (fcntl_locking(2)), those of SQLite's too.
    """
    if database in _looked:
        return
    index = _index(database)
    if index is not None and _since_boot(database):
        _compare(database, index)
    _looked.add(database)


def _compare(database: str, index: _Index) -> None:
    left = _whole_frames(f"{database}-wal", index)
    if left < index.frames and _index(database) == index:  # else somebody is alive, and began the log anew
        raise StoreCorrupt(
            f"The write-ahead log of {database} is damaged: it had {index.frames} frames, and {left} can be read. "
            "Opening the store would lose the newest commits for good. Copy the directory before anything else; "
            "`meerkat-rpc sessions salvage` exports what can be read; "
            f"removing {os.path.basename(database)}-shm accepts the loss.",
            row=f"{os.path.basename(database)}-wal",
        )


def _index(database: str) -> _Index | None:
    """Return what the log's index says; None where it says nothing that matters."""
    try:
        with open(f"{database}-shm", "rb") as file:
            data = file.read(_BACKFILLED + 4)
    except FileNotFoundError:
        return None
    first = data[: _INDEX.size]
    if len(data) < _BACKFILLED + 4 or first != data[_INDEX.size : _BACKFILLED]:
        return None
    _version, _, _, initialised, big_endian, size, frames, _pages, _, _, salt, *checksum = _INDEX.unpack(first)
    if not initialised or _checksum(first[:-8], (0, 0), sys.byteorder) != tuple(checksum):
        return None
    (backfilled,) = struct.unpack_from("=I", data, _BACKFILLED)
    page_size = size & 0xFE00 | (size & 1) << 16  # 65,536 doesn't fit, and is written as 1
    return _Index(frames, page_size, salt, bool(big_endian)) if backfilled < frames else None


def _since_boot(database: str) -> bool:
    """Return whether the log was written by a process of this boot: after a loss of power its index proves nothing."""
    try:
        return os.stat(f"{database}-shm").st_mtime * 1000 > booted_ms()
    except FileNotFoundError:
        return False


def _whole_frames(log: str, index: _Index) -> int:
    """Return how many frames from the log's beginning on are what was written, at most as many as there were."""
    order = "big" if index.big_endian else "little"
    try:
        with open(log, "rb") as file:
            header = file.read(_HEADER)
            checksum = _checksum(header[:24], (0, 0), order) if len(header) == _HEADER else None
            if checksum is None or checksum != struct.unpack(">2I", header[24:]) or header[16:24] != index.salt:
                return 0
            for number in range(index.frames):
                frame = file.read(_FRAME + index.page_size)
                if len(frame) < _FRAME + index.page_size or frame[8:16] != index.salt:
                    return number
                checksum = _checksum(frame[:8] + frame[_FRAME:], checksum, order)
                if checksum != struct.unpack_from(">2I", frame, 16):
                    return number
    except FileNotFoundError:
        return 0
    return index.frames


def _checksum(data: bytes, start: tuple[int, int], order: str) -> tuple[int, int]:
    """Return SQLite's checksum of ``data``, which goes on from ``start``; ``order`` is that of the bytes of a word."""
    words = array("I", data)
    if order != sys.byteorder:
        words.byteswap()
    first, second = start
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
