"""Examines a store without changing it, whether it opens or not. Never mends anything."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, cast

from attrs import evolve, field, frozen

from meerkat_rpc.errors import StoreError
from meerkat_rpc.store.disk_audit import audit
from meerkat_rpc.store.disk_cache import (
    FAILURES,
    RAW,
    SETTINGS,
    Cache,
    ForeignRow,
    connect,
    explain,
    reading_mode,
    strange_settings,
)
from meerkat_rpc.store.disk_folder import StoreFolder
from meerkat_rpc.store.disk_log import refuse_shortened
from meerkat_rpc.store.disk_parts import parts_of
from meerkat_rpc.store.disk_rows import Rows, identity, recognise


@frozen
class StoreReport:
    """What was found. ``problems`` are sentences for people, none when all is well; sizes are bytes."""

    path: str
    sqlite_version: str
    store_id: str | None = None
    files: Mapping[str, int] = field(factory=dict)
    settings: Mapping[str, Any] = field(factory=dict)
    rows: int = 0
    sessions: int = 0
    problems: Sequence[str] = ()


def check_store(path: str) -> StoreReport:
    """Examine the store in the directory ``path``: database, settings, and every row, read as the store reads it."""
    folder = StoreFolder(os.path.abspath(path))
    report = StoreReport(folder.path, sqlite3.sqlite_version)
    try:
        folder.examine()
        report = evolve(report, files=folder.sizes())
        report = evolve(report, store_id=folder.marker())
        if report.store_id is None and _is_unfinished(folder):
            return report
        refuse_shortened(folder.database)
        recognise(folder, report.store_id, reading_mode(folder.database))
        with _snapshot(folder.database) as connection:
            return _examined(report, connection)
    except FAILURES as error:
        return evolve(report, problems=[explain(error, folder.path).message])
    except StoreError as error:
        return evolve(report, problems=[error.message])


def check_copy(database: str) -> StoreReport:
    """Examine a store's database that lies by itself, without the store's directory: a backup."""
    report = StoreReport(database, sqlite3.sqlite_version)
    try:
        store_id, _ = identity(database, "ro&immutable=1")
        if store_id is None:
            return evolve(report, problems=[f"{database} isn't a store's database."])
        report = evolve(report, store_id=store_id, files={database: os.stat(database).st_size})
        with closing(connect(database, "ro&immutable=1")) as connection:
            return _examined(report, connection)
    except FAILURES as error:
        return evolve(report, problems=[f"{database} isn't a whole database of a store ({error})."])
    except StoreError as error:
        return evolve(report, problems=[error.message])


def _is_unfinished(folder: StoreFolder) -> bool:
    """Return whether the process that began to make a store died before it held anything. The next start goes on."""
    # The rollback journal is used only until the database has its write-ahead log, which it gets before its first row.
    if not os.path.exists(folder.database) or os.path.exists(f"{folder.database}-journal"):
        return True
    return identity(folder.database, reading_mode(folder.database)) == (None, False)


@contextmanager
def _snapshot(database: str) -> Iterator[sqlite3.Connection]:
    """Yield a connection that sees the database as it is now, whatever others write meanwhile."""
    with closing(connect(database, reading_mode(database))) as connection:
        connection.execute("BEGIN")
        yield connection


def _examined(report: StoreReport, connection: sqlite3.Connection) -> StoreReport:
    settings = dict(connection.execute("SELECT key, value FROM Settings"))
    problems = [f"SQLite: {text}." for (text,) in connection.execute("PRAGMA integrity_check(10)") if text != "ok"]
    problems += _unset(settings)
    problems += [f"The setting {name} is none of diskcache's." for name in strange_settings(connection)]
    keys, foreign = _keys(connection)
    problems += [f"The row {key} isn't one of this program's." for key in foreign]
    rows = Rows(StoreFolder(report.path), cast("Cache", _Frozen(connection)), read_only=True)
    problems += audit(parts_of(rows), keys)
    sessions = sum(key.startswith("s/") and key.endswith("/head") for key in keys)
    return evolve(report, settings=settings, rows=len(keys), sessions=sessions, problems=problems)


def _unset(settings: Mapping[str, Any]) -> Iterator[str]:
    """Tell of settings that are wrong. A connection's own ("sqlite_…") say nothing about what lies in the database."""
    lasting = {key: wanted for key, wanted in SETTINGS.items() if not key.startswith("sqlite_")}
    for key, wanted in {**lasting, "sqlite_journal_mode": "wal"}.items():
        if settings.get(key) != wanted:
            yield f"The setting {key} is {settings.get(key)!r}; the next start makes it {wanted!r}."


def _keys(connection: sqlite3.Connection) -> tuple[list[str], list[str]]:
    """Return the keys of the rows that may be ours, and what names the others."""
    ours, foreign = [], []
    select = "SELECT key, raw, mode, filename, expire_time, typeof(value) FROM Cache ORDER BY rowid"
    for key, *rest in connection.execute(select):
        if isinstance(key, str) and rest == [1, RAW, None, None, "blob"]:
            ours.append(key)
        else:
            foreign.append(key if isinstance(key, str) else repr(key)[:60])
    return ours, foreign


class _Frozen:
    """The reading half of a cache, over a connection that can't write."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, key: str) -> bytes | None:
        """Return the value under ``key``, or None. Raises ``ForeignRow``."""
        select = "SELECT mode, filename, value FROM Cache WHERE key = ? AND raw = 1"
        if (row := self._connection.execute(select, (key,)).fetchone()) is None:
            return None
        mode, filename, value = row
        if mode != RAW or filename is not None or not isinstance(value, bytes):
            raise ForeignRow
        return value

    def __contains__(self, key: str) -> bool:
        """Return whether there is a row under ``key``."""
        return self._connection.execute("SELECT 1 FROM Cache WHERE key = ? AND raw = 1", (key,)).fetchone() is not None
