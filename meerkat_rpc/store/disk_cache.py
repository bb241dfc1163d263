"""diskcache, tamed: how the database is opened, what may lie in it, and what its failures mean.

diskcache is made for caches, which may lose and forget; a store may not. Each setting here undoes one default that
drops, defers or executes something.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import accumulate
from typing import Any, Protocol
from urllib.parse import quote

import diskcache

from meerkat_rpc.errors import StoreCorrupt, StoreError
from meerkat_rpc.store.disk_folder import DATABASE

BUSY_TIMEOUT = 4.0
"""Seconds to wait for another process's transaction; ours take milliseconds. Nobody is to wait longer than 5 s."""

BUSY_AGAIN_TIMEOUT = 0.05
"""The same after that wait was in vain, until a transaction succeeds: whoever comes next is told at once, in place of
all waiting their time one behind the other."""

NORMAL, FULL = 1, 2
"""``PRAGMA synchronous``: a commit survives the death of the process, or also the loss of power."""

WAL_KEPT_BYTES = 16 << 20
"""What is kept of a write-ahead log that has grown beyond it, behind a long reader or a large commit, once SQLite can
begin it anew. It does so after every 4 MB, so a log that nobody holds up never comes near."""

INCREMENTAL = 2
"""``PRAGMA auto_vacuum``: freed pages are given back when asked. The default, FULL, moves pages in every commit that
frees some, and made whoever deleted a session of 500 MB wait for two seconds, and everybody else with them."""

SETTINGS: dict[str, Any] = {
    "eviction_policy": "none",  # the default drops the oldest rows beyond 1 GiB
    "cull_limit": 0,
    "size_limit": 2**62,
    "disk_min_file_size": 2**62,  # values in files of their own lie outside the transaction and aren't synced
    "sqlite_auto_vacuum": INCREMENTAL,
    "sqlite_cache_size": 1024,  # pages: 4 MiB
    "sqlite_journal_size_limit": WAL_KEPT_BYTES,
    "sqlite_synchronous": NORMAL,  # the settings are written one commit at a time; each transaction says what it needs
    "sqlite_mmap_size": 0,  # a truncated file that is mapped kills the process
    "statistics": 0,
    "tag_index": 1,  # rows are tagged with their session's number, and deleted by it
}
"""What the database is opened with."""

RAW = 1
"""diskcache's mode of a value that lies in its row as it is. The others are pickles, or files."""


class ForeignRow(Exception):
    """A row holds something that this program doesn't write."""


class Cache(Protocol):
    """The part of ``diskcache.Cache`` that is used; the package has no types of its own."""

    def get(self, key: str) -> bytes | None:
        """Return the value under ``key``, or None."""
        ...

    def set(self, key: str, value: bytes, *, tag: int | str | None, retry: bool) -> bool:
        """Store ``value``."""
        ...

    def delete(self, key: str, *, retry: bool) -> bool:
        """Remove the row under ``key``, if any."""
        ...

    def __contains__(self, key: str) -> bool:
        """Return whether there is a row under ``key``."""
        ...

    def has_tag(self, tag: int | str) -> bool:
        """Return whether there is a row with ``tag``."""
        ...

    def keys_from(self, prefix: str, limit: int) -> list[str]:
        """Return the keys that begin with ``prefix``, in order; at most ``limit`` if that isn't negative."""
        ...

    def evict_some(self, tag: int | str, rows: int, size: int) -> bool:
        """Remove at most ``rows`` rows with ``tag``, of ``size`` bytes or one; return whether any are left."""
        ...

    @property
    def page_bytes(self) -> int:
        """The size of a page."""
        ...

    def free_pages(self) -> int:
        """Return how many pages of the database hold nothing."""
        ...

    def give_back(self, pages: int) -> None:
        """Cut at most ``pages`` pages off the end of the database, after moving what they hold into free ones."""
        ...

    def empty_log(self) -> None:
        """Write the log into the database and cut it, and the database, to what they hold."""
        ...

    def data_version(self) -> int:
        """Return a number that changes when another connection has committed, and with this connection."""
        ...

    def iterkeys(self) -> Iterator[str]:
        """Yield every key, in order."""
        ...

    def transact(self, *, retry: bool) -> AbstractContextManager[None]:
        """Begin a transaction; it ends with the block."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Have what is read in the block be as of one moment, whatever others commit meanwhile."""
        ...

    def reset(self, key: str, value: Any, *, update: bool) -> Any:
        """Change a setting, in the database too if ``update``."""
        ...

    def close(self) -> None:
        """Close the thread's connection. The next use opens another."""
        ...


class StoreCache(diskcache.Cache):  # type: ignore[misc]  # the package has no types
    """The database, with what diskcache has no method for. Fulfils ``Cache``."""

    def has_tag(self, tag: int | str) -> bool:
        """See ``Cache``."""
        ((found,),) = self._sql("SELECT EXISTS (SELECT 1 FROM Cache WHERE tag = ?)", (tag,)).fetchall()
        return bool(found)

    def keys_from(self, prefix: str, limit: int) -> list[str]:
        """See ``Cache``. The index over the keys has them next to each other."""
        select = "SELECT key FROM Cache WHERE key >= ? AND key < ? AND raw = 1 ORDER BY key LIMIT ?"
        return [key for (key,) in self._sql(select, (*key_range(prefix), limit)).fetchall()]

    def evict_some(self, tag: int | str, rows: int, size: int) -> bool:
        """See ``Cache``. The length of a value is in its row's header: the value itself isn't read for it."""
        select = "SELECT rowid, LENGTH(value) FROM Cache WHERE tag = ? ORDER BY rowid LIMIT ?"
        with self._transact() as (sql, _):
            found = sql(select, (tag, rows + 1)).fetchall()
            sizes = accumulate(length or 0 for _, length in found)
            fitting = sum(total <= size for total in sizes)
            chosen = [rowid for rowid, _ in found[: max(1, min(rows, fitting))]]
            sql(f"DELETE FROM Cache WHERE rowid IN ({','.join(map(str, chosen))})")  # noqa: S608 - numbers of SQLite's
        return len(chosen) < len(found)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See ``Cache``. Nobody is kept waiting, and nobody waits: readers have the write-ahead log to themselves."""
        self._sql("BEGIN")
        try:
            yield
        finally:
            if self._con.in_transaction:  # SQLite ends it itself on the worst of errors
                self._sql("ROLLBACK")

    @property
    def page_bytes(self) -> int:
        """See ``Cache``."""
        return int(self._page_size)

    def data_version(self) -> int:
        """See ``Cache``. SQLite looks into the head of the log's index, which is in memory."""
        ((version,),) = self._sql("PRAGMA data_version").fetchall()
        return int(version)

    def free_pages(self) -> int:
        """See ``Cache``."""
        ((pages,),) = self._sql("PRAGMA freelist_count").fetchall()
        return int(pages)

    def give_back(self, pages: int) -> None:
        """See ``Cache``. A transaction of its own.

        The pragma does one page a step and returns no rows; of Python's ways to run a statement only this one steps
        such a statement to its end.
        """
        self._con.executescript(f"PRAGMA incremental_vacuum({pages})")

    def empty_log(self) -> None:
        """See ``Cache``."""
        self._sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def key_range(prefix: str) -> tuple[str, str]:
    """Return the first key that may begin with ``prefix``, and the first after it that can't."""
    return prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)


class PlainDisk(diskcache.Disk):  # type: ignore[misc]  # the package has no types
    """Text keys, bytes values, in the row. Never unpickles, and never touches a file.

    ``JSONDisk`` doesn't keep a planted pickle from being executed (CVE-2025-69872); this does.
    """

    def put(self, key: object) -> tuple[str, bool]:
        """Return ``key`` for the database."""
        if type(key) is not str:
            raise TypeError("keys are text")
        return key, True

    def get(self, key: object, raw: object) -> str:
        """Return a key found in the database; "" for one that isn't ours."""
        return key if raw and isinstance(key, str) else ""

    def store(self, value: object, read: bool, key: object = None) -> tuple[int, int, None, bytes]:  # noqa: FBT001 - diskcache's signature
        """Return the columns for ``value``."""
        if read or type(value) is not bytes:
            raise TypeError("values are bytes")
        return 0, RAW, None, value

    def fetch(self, mode: object, filename: object, value: object, read: object) -> bytes:
        """Return the value in the columns of a row."""
        if mode != RAW or filename is not None or not isinstance(value, bytes):
            raise ForeignRow
        return value

    def remove(self, file_path: object) -> None:
        """Do nothing: no row of ours names a file, and one that does must not choose what is removed."""


def strange_settings(connection: sqlite3.Connection) -> list[str]:
    """Return the names of stored settings that diskcache doesn't have: it takes each for a parameter or a pragma."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'Settings'").fetchone():
        return []
    known = {*diskcache.DEFAULT_SETTINGS, *diskcache.core.METADATA, *SETTINGS}
    rows = connection.execute("SELECT key FROM Settings NOT INDEXED")  # diskcache reads the table, not the index
    return [repr(key) for (key,) in rows if key not in known]


def open_cache(directory: str) -> Cache:
    """Return the database in ``directory``, created if it is empty, every setting in force."""
    database = os.path.join(directory, DATABASE)
    with closing(connect(database, "ro")) as connection:
        if strange := strange_settings(connection):
            raise damaged(directory, f"strange settings: {', '.join(strange)}")
    cache: Cache = StoreCache(directory, timeout=BUSY_TIMEOUT, disk=PlainDisk, **SETTINGS)
    return cache


def peek(path: str, key: str, mode: str) -> tuple[bytes | None, bool]:
    """Return the row under ``key`` in the database at ``path``, and whether there are any rows; change nothing."""
    with closing(connect(path, mode)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'Cache'").fetchone():
            return None, False
        found = connection.execute("SELECT value FROM Cache WHERE key = ? AND raw = 1", (key,)).fetchone()
        (any_rows,) = connection.execute("SELECT EXISTS (SELECT 1 FROM Cache)").fetchone()
    return (bytes(found[0]) if found and isinstance(found[0], bytes) else None), bool(any_rows)


def undo_cut_off(path: str) -> None:
    """Undo what was being written to the database at ``path`` when a process or the power went as the store was made.

    From then on there is a write-ahead log, which needs no undoing, in place of the journal that this is done from.
    """
    if os.path.exists(f"{path}-journal"):
        with closing(connect(path, "rw")) as connection:
            connection.execute("PRAGMA schema_version")  # the first read undoes


def check_whole(path: str) -> None:
    """Raise SQLite's error unless the database at ``path`` holds together, every page of it."""
    with closing(connect(path, "ro")) as connection:
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        error = sqlite3.DatabaseError(found)
        error.sqlite_errorname = "SQLITE_CORRUPT"
        raise error


def refuse_unwritable(path: str) -> None:
    """Raise SQLite's error unless the database at ``path`` can be written now: diskcache would retry for a minute."""
    with closing(connect(path, "rw")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


def reading_mode(path: str) -> str:
    """Return the mode in which the database at ``path`` is read without so much as an empty file made beside it."""
    # Without a write-ahead log nobody has the database open; "immutable" keeps SQLite from beginning a log for us.
    return "ro" if os.path.exists(f"{path}-wal") else "ro&immutable=1"


def connect(path: str, mode: str) -> sqlite3.Connection:
    """Return a connection of its own to the database at ``path``; ``mode``: "ro", "rw" or a ``reading_mode``."""
    return sqlite3.connect(f"file:{quote(path)}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT, isolation_level=None)


FAILURES = (sqlite3.Error, diskcache.Timeout, OSError, OverflowError, UnicodeDecodeError)
"""What work on the database may raise besides our own errors."""

_REASONS = {
    "SQLITE_FULL": "the disk is full. Free some space and try again.",
    "SQLITE_READONLY": "it is read-only.",
    "SQLITE_PERM": "permission was denied.",
    "SQLITE_CANTOPEN": "its files can't be opened: is the disk read-only, or full?",
    "SQLITE_BUSY": f"another process has kept it locked for {BUSY_TIMEOUT:.0f} s.",
    "SQLITE_LOCKED": "it is locked.",
    "SQLITE_IOERR": "the disk reported an error.",
    "SQLITE_TOOBIG": "the value is larger than a row can be (about 1 GB).",
}


def damaged(directory: str, why: str) -> StoreCorrupt:
    """Return the error that says that the database of the store in ``directory`` is damaged."""
    return StoreCorrupt(
        f"The database of the store in {directory} is damaged ({why}). Copy the directory before anything else; "
        "`meerkat-rpc doctor` says what is wrong, `meerkat-rpc sessions salvage` exports what can be read.",
        row=DATABASE,
    )


def _is_unreadable(error: BaseException) -> bool:
    """Return whether the database's tables aren't those that diskcache made, or text in it is none."""
    return isinstance(error, UnicodeDecodeError) or str(error).startswith("no such ")


def explain(error: BaseException, directory: str) -> StoreError:
    """Return ``error``, one of ``FAILURES``, as what it means for the store in ``directory``."""
    if isinstance(error, diskcache.Timeout):
        error = error.__context__ or error  # diskcache hides SQLite's reason there
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or _is_unreadable(error):
        return damaged(directory, str(error))
    known = (reason for prefix, reason in _REASONS.items() if name.startswith(prefix))
    return StoreError(f"The store in {directory} can't be used: {next(known, f'{error}.')}", reason=name or None)
