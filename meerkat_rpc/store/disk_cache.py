"""diskcache, tamed: how the database is opened, what may lie in it, and what its failures mean.

diskcache is made for caches, which may lose and forget; a store may not. Each setting here undoes one default that
drops, defers or executes something.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from typing import Any, Protocol
from urllib.parse import quote

import diskcache

from meerkat_rpc.errors import StoreCorrupt, StoreError
from meerkat_rpc.store.disk_folder import DATABASE

BUSY_TIMEOUT = 10.0
"""Seconds to wait for another process's transaction; ours take milliseconds."""

NORMAL, FULL = 1, 2
"""``PRAGMA synchronous``: a commit survives the death of the process, or also the loss of power."""

WAL_KEPT_BYTES = 16 << 20
"""What is kept of a write-ahead log that has grown beyond it, behind a long reader or a large commit, once SQLite can
begin it anew. It does so after every 4 MB, so a log that nobody holds up never comes near."""

SETTINGS: dict[str, Any] = {
    "eviction_policy": "none",  # the default drops the oldest rows beyond 1 GiB
    "cull_limit": 0,
    "size_limit": 2**62,
    "disk_min_file_size": 2**62,  # values in files of their own lie outside the transaction and aren't synced
    "sqlite_cache_size": 1024,  # pages: 4 MiB
    "sqlite_journal_size_limit": WAL_KEPT_BYTES,
    "sqlite_mmap_size": 0,  # a truncated file that is mapped kills the process
    "statistics": 0,
    "tag_index": 1,  # rows are tagged with their session's number, and deleted by it
}
"""What the database is opened with; ``sqlite_synchronous`` apart, which ``open_cache`` raises to FULL last."""

RAW = 1
"""diskcache's mode of a value that lies in its row as it is. The others are pickles, or files."""


class ForeignRow(Exception):
    """A row holds something that this program doesn't write."""


class Cache(Protocol):
    """The part of ``diskcache.Cache`` that is used; the package has no types of its own."""

    def get(self, key: str) -> bytes | None:
        """Return the value under ``key``, or None."""
        ...

    def set(self, key: str, value: bytes, *, tag: int | None, retry: bool) -> bool:
        """Store ``value``."""
        ...

    def delete(self, key: str, *, retry: bool) -> bool:
        """Remove the row under ``key``, if any."""
        ...

    def evict(self, tag: int, *, retry: bool) -> int:
        """Remove the rows with ``tag``."""
        ...

    def iterkeys(self) -> Iterator[str]:
        """Yield every key, in order."""
        ...

    def transact(self, *, retry: bool) -> AbstractContextManager[None]:
        """Begin a transaction; it ends with the block."""
        ...

    def reset(self, key: str, value: Any, *, update: bool) -> Any:
        """Change a setting, in the database too if ``update``."""
        ...

    def close(self) -> None:
        """Close the thread's connection. The next use opens another."""
        ...


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


def open_cache(directory: str) -> Cache:
    """Return the database in ``directory``, created if it is empty, every setting in force.

    diskcache writes its forty settings one commit at a time: they are written unsynced, and only then does the
    database become as durable as a store must be.
    """
    cache: Cache = diskcache.Cache(
        directory, timeout=BUSY_TIMEOUT, disk=PlainDisk, sqlite_synchronous=NORMAL, **SETTINGS
    )
    cache.reset("sqlite_synchronous", FULL, update=True)
    return cache


def peek(path: str, key: str) -> tuple[bytes | None, bool]:
    """Return the row under ``key`` in the database at ``path``, and whether there are any rows; change nothing."""
    with closing(connect(path, "ro")) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'Cache'").fetchone():
            return None, False
        found = connection.execute("SELECT value FROM Cache WHERE key = ? AND raw = 1", (key,)).fetchone()
        (any_rows,) = connection.execute("SELECT EXISTS (SELECT 1 FROM Cache)").fetchone()
    return (bytes(found[0]) if found and isinstance(found[0], bytes) else None), bool(any_rows)


def refuse_unwritable(path: str) -> None:
    """Raise SQLite's error unless the database at ``path`` can be written now: diskcache would retry for a minute."""
    with closing(connect(path, "rw")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


def connect(path: str, mode: str) -> sqlite3.Connection:
    """Return a connection of its own to the database at ``path``; ``mode``: "ro" or "rw"."""
    return sqlite3.connect(f"file:{quote(path)}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT, isolation_level=None)


FAILURES = (sqlite3.Error, diskcache.Timeout, OSError, OverflowError)
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


def explain(error: BaseException, directory: str) -> StoreError:
    """Return ``error``, one of ``FAILURES``, as what it means for the store in ``directory``."""
    if isinstance(error, diskcache.Timeout):
        error = error.__context__ or error  # diskcache hides SQLite's reason there
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreCorrupt(
            f"The database of the store in {directory} is damaged ({error}). Copy the directory before anything else; "
            "`meerkat-rpc doctor` says what can still be read.",
            row=DATABASE,
        )
    known = (reason for prefix, reason in _REASONS.items() if name.startswith(prefix))
    return StoreError(f"The store in {directory} can't be used: {next(known, f'{error}.')}", reason=name or None)
