"""Reads the rows of a table out of an SQLite database that SQLite itself may refuse. Changes nothing.

The format is SQLite's (sqlite.org/fileformat2.html): a database is an array of pages, a table a tree of them; what the
write-ahead log has of a page comes before what the database has. Where the tree is broken, every page that looks like
one of its leaves is read: who asks must be able to tell a true row from a stale or broken one.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

PAGE_SIZE = 4096
"""What SQLite makes pages of unless told otherwise, for a database whose header can't be read."""

INTERIOR, LEAF = 0x05, 0x0D
"""The first byte of a page of a table's tree."""

_MAGIC = b"SQLite format 3\0"
_FILE_HEADER = 100
_LOG_HEADER, _FRAME_HEADER = 32, 24

_INTEGERS = (0, 1, 2, 3, 4, 6, 8)
"""Bytes of an integer by its serial type; 0 is null."""

Row = tuple[int, list[Any]]
"""A row's number and its columns."""

Broken = (ValueError, IndexError, struct.error)
"""What reading a page raises that isn't what it looks like."""


class SQLiteFile:
    """The database at ``path``, with its write-ahead log as far as transactions were committed to it."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "rb")  # noqa: SIM115 - closed in __exit__
        header = self._file.read(_FILE_HEADER)
        self.page_size, self._usable = _sizes(header)
        self._log = open(f"{path}-wal", "rb") if os.path.exists(f"{path}-wal") else None  # noqa: SIM115 - likewise
        self._frames = dict(self._committed())
        size = self._file.seek(0, os.SEEK_END)
        self.count = max(size // self.page_size, *self._frames, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._file.close()
        if self._log is not None:
            self._log.close()

    def page(self, number: int) -> bytes:
        """Return a page; they count from 1. Raises ``ValueError`` when there is no such page."""
        if not 1 <= number <= self.count:
            raise ValueError(f"there is no page {number}")
        if self._log is not None and number in self._frames:
            self._log.seek(self._frames[number])
            content = self._log.read(self.page_size)
        else:
            self._file.seek((number - 1) * self.page_size)
            content = self._file.read(self.page_size)
        if len(content) < self.page_size:
            raise ValueError(f"page {number} is cut off")
        return content

    def leaves(self, table: str) -> tuple[list[int], bool]:
        """Return the pages that hold the rows of ``table``, and whether all of its tree could be read."""
        try:
            root = next(row[3] for page in self._tree(1) for _, row in self.rows(page) if row[:2] == ["table", table])
            return list(self._tree(root)), True
        except (StopIteration, *Broken):
            return [], False

    def possible_leaves(self) -> Iterator[int]:
        """Yield every page that looks like the leaf of a table, whether anything leads to it or not."""
        for number in range(1, self.count + 1):
            try:
                if self._kind(number) == LEAF:
                    yield number
            except ValueError:
                return

    def rows(self, number: int) -> Iterator[Row]:
        """Yield the rows of a leaf, with what lies in other pages. Raises one of ``Broken``."""
        for cell in range(self.cells(number)):
            yield self.row(number, cell)

    def cells(self, number: int) -> int:
        """Return how many rows a leaf has."""
        (count,) = struct.unpack_from(">H", self.page(number), _start(number) + 3)
        return int(count)

    def row(self, number: int, cell: int) -> Row:
        """Return a row of a leaf. Raises one of ``Broken``."""
        page = self.page(number)
        (at,) = struct.unpack_from(">H", page, _start(number) + 8 + 2 * cell)
        length, at = _varint(page, at)
        row_id, at = _varint(page, at)
        return row_id, _columns(self._payload(page, at, length))

    def _tree(self, root: int) -> Iterator[int]:
        """Yield the leaves of the tree with that root, in order. Raises one of ``Broken``."""
        pending, seen = [root], set()
        while pending:
            number = pending.pop()
            if number in seen:
                raise ValueError(f"page {number} is there twice")
            seen.add(number)
            match self._kind(number):
                case int(kind) if kind == LEAF:
                    yield number
                case int(kind) if kind == INTERIOR:
                    pending += reversed(self._children(number))
                case _:
                    raise ValueError(f"page {number} isn't a table's")

    def _children(self, number: int) -> list[int]:
        page, start = self.page(number), _start(number)
        count, last = struct.unpack_from(">3xH3xI", page, start)
        cells = struct.unpack_from(f">{count}H", page, start + 12)
        return [*(struct.unpack_from(">I", page, at)[0] for at in cells), last]

    def _kind(self, number: int) -> int:
        return self.page(number)[_start(number)]

    def _payload(self, page: bytes, at: int, length: int) -> bytes:
        """Return the content of a cell, of which only the beginning may lie in the page."""
        local = self._local(length)
        content = [page[at : at + local]]
        if len(content[0]) < local or length > self.count * self.page_size:
            raise ValueError("a cell is longer than there is room")
        left, following = length - local, 0
        if left:
            (following,) = struct.unpack_from(">I", page, at + local)
        while left > 0:
            overflow = self.page(following)
            content.append(overflow[4 : 4 + min(left, self._usable - 4)])
            left -= len(content[-1])
            (following,) = struct.unpack_from(">I", overflow)
        return b"".join(content)

    def _local(self, length: int) -> int:
        most, least = self._usable - 35, (self._usable - 12) * 32 // 255 - 23
        if length <= most:
            return length
        kept = least + (length - least) % (self._usable - 4)
        return kept if kept <= most else least

    def _committed(self) -> Iterator[tuple[int, int]]:
        """Yield the pages in the log, with where they lie there, up to the last commit."""
        if self._log is None:
            return
        pending: dict[int, int] = {}
        at, salt = _LOG_HEADER, None
        while True:
            self._log.seek(at)
            header = self._log.read(_FRAME_HEADER)
            if len(header) < _FRAME_HEADER or (salt is not None and header[8:16] != salt):
                return  # what follows is left from before the log began anew
            salt = header[8:16]
            number, committed = struct.unpack_from(">II", header)
            pending[number] = at + _FRAME_HEADER
            at += _FRAME_HEADER + self.page_size
            if committed:
                yield from pending.items()
                pending.clear()


def _sizes(header: bytes) -> tuple[int, int]:
    """Return the size of a page, and how much of it is used."""
    if len(header) < _FILE_HEADER or not header.startswith(_MAGIC):
        return PAGE_SIZE, PAGE_SIZE
    (size,) = struct.unpack_from(">H", header, 16)
    size = 1 << 16 if size == 1 else size
    if size < 512 or size & (size - 1):  # noqa: PLR2004 - the least there is
        return PAGE_SIZE, PAGE_SIZE
    return size, size - header[20]


def _start(number: int) -> int:
    return _FILE_HEADER if number == 1 else 0


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the integer at ``at``, of one to nine bytes, and where it ends."""
    value = 0
    for place in range(at, at + 8):
        byte = data[place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follows
            return value, place + 1
    return value << 8 | data[at + 8], at + 9


def _columns(record: bytes) -> list[Any]:
    """Return the values of a record."""
    end, at = _varint(record, 0)
    kinds = []
    while at < end:
        kind, at = _varint(record, at)
        kinds.append(kind)
    values = []
    for kind in kinds:
        value, at = _value(record, at, kind)
        values.append(value)
    return values


def _value(record: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in {8, 9}:
        return kind - 8, at
    if kind == 7:  # noqa: PLR2004 - the number of the format
        return struct.unpack_from(">d", record, at)[0], at + 8
    size = _INTEGERS[kind] if kind < len(_INTEGERS) else (kind - 12) // 2
    if kind in {10, 11} or len(content := record[at : at + size]) < size:
        raise ValueError("a value is longer than its record")
    if kind < len(_INTEGERS):
        return int.from_bytes(content, "big", signed=True) if kind else None, at + size
    return (content.decode() if kind % 2 else content), at + size
