"""Ways to damage a store that nobody has open, behind its back."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.store.damage import change_row, execute, flip, keys, row_of

PAGE = 4096
"""Bytes of a page of SQLite's."""

WAL_HEADER, FRAME = 32, 24 + PAGE
"""Bytes of the write-ahead log's header, and of a frame: its header and a page (sqlite.org/fileformat2.html)."""

WITNESS = "executed"
"""The file that a planted pickle makes if it is loaded."""

PICKLE = b"cos\nsystem\n(S'touch %s'\ntR."


class Damage(NamedTuple):
    """One way. ``row``: the key of the row that it damages, where it is one."""

    name: str
    inflict: Callable[[Path], object]
    row: str | None = None


# -- Rows ----------------------------------------------------------------------------------------------------------

KINDS = ("head", "config", "log", "e/", "m/", "e+/", "m+/", "t/")
"""The parts of a session that have a row."""

_BLOB_KINDS = (r"b/[^/]*", r"b/[^/]*/0", r"r/.*")
"""A blob, a part of its content, a reference to it."""

_INDEX = ("identity", "changes", "pages", "leases", "c/0", "c/1")


def rows_of_each_kind(store: Path) -> list[str]:
    """Return the keys of one row of each kind that there is."""
    found = keys(store)
    ours = [next((key for key in found if key.startswith("s/") and key.split("/", 2)[2].startswith(kind)), None)
            for kind in KINDS]  # fmt: skip
    first_turn = next((key for key in found if key.startswith("t/")), None)
    blobs = (next(filter(re.compile(kind).fullmatch, found), None) for kind in _BLOB_KINDS)
    return [key for key in (*ours, *blobs, first_turn, *(key for key in _INDEX if key in found)) if key is not None]


def row_damages(store: Path) -> Iterator[Damage]:
    """Yield everything that can be wrong with a row, for each kind of row in ``store``."""
    for key in rows_of_each_kind(store):
        for what, change in _ROW_CHANGES.items():
            yield Damage(f"row {key}: {what}", partial(change, key=key), key)


def _pickled(store: Path, key: str) -> None:
    pickle = PICKLE % bytes(store.parent / WITNESS)
    execute(store, "UPDATE Cache SET mode = 4, value = ? WHERE key = ?", pickle, key)


def _pickled_key(store: Path, key: str) -> None:
    pickle = PICKLE % bytes(store.parent / WITNESS)
    execute(store, "UPDATE Cache SET raw = 0, key = ? WHERE key = ?", pickle, key)


def _file(store: Path, key: str) -> None:
    (store.parent / "planted.val").write_bytes(row_of(store, key))
    execute(store, "UPDATE Cache SET mode = 2, value = NULL, filename = '../planted.val' WHERE key = ?", key)


def _beside(store: Path, key: str) -> None:
    execute(store, "UPDATE Cache SET filename = '../planted.val' WHERE key = ?", key)


def _gone(store: Path, key: str) -> None:
    execute(store, "DELETE FROM Cache WHERE key = ?", key)


def _expired(store: Path, key: str) -> None:
    execute(store, "UPDATE Cache SET expire_time = 1 WHERE key = ?", key)


def _anothers(store: Path, key: str) -> None:
    other = next(other for other in reversed(keys(store)) if other != key)
    execute(store, "UPDATE Cache SET value = ? WHERE key = ?", row_of(store, other), key)


def _newer(store: Path, key: str) -> None:
    change_row(store, key, lambda value: value.__setitem__(2, 9))


def _shorter(store: Path, key: str) -> None:
    change_row(store, key, lambda value: value.__delitem__(slice(len(value) // 2, None)))


def _empty(store: Path, key: str) -> None:
    execute(store, "UPDATE Cache SET value = x'' WHERE key = ?", key)


def _text(store: Path, key: str) -> None:
    execute(store, "UPDATE Cache SET value = 'text' WHERE key = ?", key)


_ROW_CHANGES: dict[str, Callable[..., object]] = {
    "a pickle": _pickled,
    "a pickle for a key": _pickled_key,
    "in a file": _file,
    "with a file name": _beside,
    "gone": _gone,
    "expired": _expired,
    "another's": _anothers,
    "of a newer version": _newer,
    "cut short": _shorter,
    "empty": _empty,
    "text": _text,
    "a bit flipped in its header": partial(change_row, change=flip(3)),
    "a bit flipped in its content": partial(change_row, change=flip(-1)),
}


# -- Files ---------------------------------------------------------------------------------------------------------

DATABASE, LOG, INDEX, MARKER = "cache.db", "cache.db-wal", "cache.db-shm", "store.json"


def file_damages(store: Path, other: Path) -> Iterator[Damage]:
    """Yield what can be wrong with whole files; ``other`` is another store."""
    size = (store / DATABASE).stat().st_size
    for length in (0, 1, 100, PAGE, PAGE * 3 // 2, size // 2, size // 2 // PAGE * PAGE, size - PAGE, size - 1):
        yield _cut(DATABASE, length)
    for length in (16, 100):
        yield _overwritten(DATABASE, 0, b"\xa5" * length, f"{length} bytes of garbage at its beginning")
    yield _removed(DATABASE)
    yield Damage(f"{DATABASE}: no rows", _drop_rows)
    yield Damage(f"{DATABASE}: no tables", _drop_tables)
    for name in (DATABASE, MARKER):
        yield _replaced(name, (other / name).read_bytes(), "another store's")
    for content in (b"", b"{", b"[]", bytes(92)):
        yield _replaced(MARKER, content, f"{content[:2]!r}")
    newer = json.loads((store / MARKER).read_text()) | {"format": 9}
    yield _replaced(MARKER, json.dumps(newer).encode(), "a newer version")


def page_damages(store: Path, seed: int) -> Iterator[Damage]:
    """Yield every page of the database overwritten, in each of several ways."""
    content = (store / DATABASE).read_bytes()
    pages = [content[at : at + PAGE] for at in range(0, len(content), PAGE)]
    for page in range(len(pages)):
        random = Random(f"{seed} {page}")
        other = random.choice([number for number in range(1, len(pages)) if number != page])
        fillings = {
            "zeros": bytes(PAGE),
            "ones": b"\xff" * PAGE,
            "noise": random.randbytes(PAGE),
            f"page {other}": pages[other],
        }
        for what, filling in fillings.items():
            yield _overwritten(DATABASE, page * PAGE, filling, f"page {page} overwritten with {what}")


def flips(store: Path, name: str, random: Random) -> Iterator[Damage]:
    """Yield a bit flipped somewhere in the file ``name``, without end."""
    content = (store / name).read_bytes()
    while True:
        at, bit = random.randrange(len(content)), random.randrange(8)
        yield _overwritten(name, at, bytes([content[at] ^ 1 << bit]), f"bit {bit} of byte {at} flipped")


def log_damages(store: Path) -> Iterator[Damage]:
    """Yield what can be wrong with a write-ahead log that a killed server left."""
    size = (store / LOG).stat().st_size
    frames = (size - WAL_HEADER) // FRAME
    for frame in (0, 1, frames // 4, frames // 2, frames * 3 // 4, frames - 1):
        for more in (0, 12, FRAME // 2):
            yield _cut(LOG, WAL_HEADER + frame * FRAME + more)
    yield _cut(LOG, 0)
    yield _removed(LOG)
    yield _overwritten(LOG, 0, b"\xa5" * size, "garbage")


def index_damages(store: Path) -> Iterator[Damage]:
    """Yield what can be wrong with the index of the log, which is made anew anyway."""
    size = (store / INDEX).stat().st_size
    yield _overwritten(INDEX, 0, b"\xa5" * size, "garbage")
    yield _overwritten(INDEX, 0, bytes(size), "zeros")
    yield _removed(INDEX)
    yield _cut(INDEX, 7)


def _cut(name: str, length: int) -> Damage:
    return Damage(f"{name}: cut to {length} bytes", lambda store: os.truncate(store / name, length))


def _removed(name: str) -> Damage:
    return Damage(f"{name}: removed", lambda store: (store / name).unlink())


def _replaced(name: str, content: bytes, what: str) -> Damage:
    return Damage(f"{name}: {what}", lambda store: (store / name).write_bytes(content))


def _overwritten(name: str, at: int, content: bytes, what: str) -> Damage:
    def overwrite(store: Path) -> None:
        with (store / name).open("r+b") as file:
            file.seek(at)
            file.write(content)

    return Damage(f"{name}: {what}", overwrite)


def _drop_rows(store: Path) -> None:
    execute(store, "DELETE FROM Cache")


def _drop_tables(store: Path) -> None:
    with closing(sqlite3.connect(store / DATABASE)) as connection:
        for name in ("Cache", "Settings"):
            connection.execute(f"DROP TABLE {name}")
