"""Reading a database's pages gives what SQLite gives, and something still where SQLite gives nothing."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from meerkat_rpc.store.sqlite_file import Broken, SQLiteFile

VALUES = [
    None,
    0,
    1,
    -1,
    127,
    -128,
    2**15,
    -(2**23),
    2**31,
    2**40,
    -(2**55),
    2**62,
    0.5,
    -1e300,
    "",
    "naïve 🦡",
    b"",
    b"\0",
]


def rows_of(path: Path) -> dict[int, list[Any]]:
    with SQLiteFile(str(path)) as file:
        leaves, whole = file.leaves("t")
        assert whole
        return {row_id: columns for leaf in leaves for row_id, columns in file.rows(leaf)}


@pytest.fixture(params=[512, 4096, 65536])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, sqlite3.Connection]]:
    """Make a database with rows of every kind and size, open and with a log."""
    path, random = tmp_path / "db", Random(1)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {request.param}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE other (x)")
        connection.execute("CREATE TABLE t (a, b)")
        for size in [*range(1, 2000, 37), 4050, 4060, 4070, 10_000, 300_000]:
            connection.execute("INSERT INTO t VALUES (?, ?)", (random.choice(VALUES), random.randbytes(size)))
        for value in VALUES:
            connection.execute("INSERT INTO t VALUES (?, ?)", (value, value))
        connection.execute("INSERT INTO t (rowid, a) VALUES (?, 'far')", (2**61,))
        connection.execute("DELETE FROM t WHERE rowid % 5 = 0")
        yield path, connection


def stored(connection: sqlite3.Connection) -> dict[int, list[Any]]:
    return {row_id: values for row_id, *values in connection.execute("SELECT rowid, a, b FROM t")}


def test_every_row_is_read_as_sqlite_reads_it(made: tuple[Path, sqlite3.Connection]) -> None:
    path, connection = made
    assert rows_of(path) == stored(connection)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert rows_of(path) == stored(connection)
    connection.execute("UPDATE t SET a = 'changed' WHERE rowid < 20")  # begins the log anew, over what was there
    assert rows_of(path) == stored(connection)


def test_what_was_not_committed_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript("PRAGMA journal_mode = WAL; PRAGMA cache_size = 1; CREATE TABLE t (a)")
        connection.execute("INSERT INTO t VALUES ('old')")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO t VALUES (?)", [("x" * 3000,)] * 100)  # more than the cache: it spills
        assert rows_of(path) == {1: ["old"]}


def test_rows_are_found_where_the_tree_is_broken(made: tuple[Path, sqlite3.Connection]) -> None:
    path, connection = made
    expected = stored(connection)
    ((root,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 't'")
    ((size,),) = connection.execute("PRAGMA page_size")
    connection.close()
    with SQLiteFile(str(path)) as file:
        leaves, _ = file.leaves("t")
    with path.open("r+b") as file_:
        file_.seek((root - 1) * size)
        file_.write(b"\xff" * size)
    with SQLiteFile(str(path)) as file:
        assert file.leaves("t") == ([], False)
        found = {row_id: row for leaf in file.possible_leaves() for row_id, row in file.rows(leaf) if len(row) == 2}
    assert found == {} if leaves == [root] else found.items() >= expected.items()


def test_a_file_of_noise_raises_nothing_else_than_it_says(tmp_path: Path) -> None:
    path, random = tmp_path / "db", Random(2)
    for _ in range(200):
        page = bytearray(random.randbytes(4096))
        page[0] = 0x0D
        page[3:5] = random.randrange(60).to_bytes(2, "big")
        path.write_bytes(random.randbytes(4096) + page)
        with SQLiteFile(str(path)) as file:
            assert file.leaves("t") == ([], False)
            for leaf in file.possible_leaves():
                for cell in range(file.cells(leaf)):
                    with contextlib.suppress(*Broken):
                        file.row(leaf, cell)
