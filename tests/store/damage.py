"""Reaches into a store's database behind its back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from meerkat_rpc.store.disk import DiskStore
from meerkat_rpc.store.envelope import seal


def execute(store: Path, statement: str, *values: object) -> list[Any]:
    """Run one statement on the database of the store in that directory."""
    with closing(sqlite3.connect(store / "cache.db", isolation_level=None)) as connection:
        return connection.execute(statement, values).fetchall()


def row_of(store: Path, key: str) -> bytes:
    """Return the bytes under ``key``."""
    ((value,),) = execute(store, "SELECT value FROM Cache WHERE key = ?", key)
    assert isinstance(value, bytes)
    return value


def change_row(store: Path, key: str, change: Callable[[bytearray], object]) -> bytes:
    """Apply ``change`` to the bytes under ``key``; return what they are now."""
    value = bytearray(row_of(store, key))
    change(value)
    execute(store, "UPDATE Cache SET value = ? WHERE key = ?", bytes(value), key)
    return bytes(value)


def replace_row(store: Path, key: str, payload: bytes) -> None:
    """Put another payload under ``key``, sealed as the program does it."""
    execute(store, "UPDATE Cache SET value = ? WHERE key = ?", seal(key, payload), key)


def flip(at: int) -> Callable[[bytearray], None]:
    """Return a change that flips one bit of the byte at ``at``."""

    def change(value: bytearray) -> None:
        value[at] ^= 0x10

    return change


def keys(store: Path) -> list[str]:
    """Return the keys of all rows."""
    return [key for (key,) in execute(store, "SELECT key FROM Cache ORDER BY key")]


async def on_connection(store: DiskStore, statement: str) -> list[Any]:
    """Run one statement on the connection of an open store."""
    assert store._parts is not None
    cache: Any = store._parts.rows._cache
    return await store._thread.run(lambda: list(cache._con.execute(statement).fetchall()))
