"""Copies of a store: taken while it is in use, and made into a store again.

A backup is one file: the database, as it was at one moment. What a restored store may not share with the original, its
id and the leases of processes that use the original, it gets anew.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

from meerkat_rpc.clock import now_ms
from meerkat_rpc.errors import StoreError
from meerkat_rpc.ids import new_id
from meerkat_rpc.store.codec import dump
from meerkat_rpc.store.disk_cache import FAILURES, connect, explain
from meerkat_rpc.store.disk_check import StoreReport, check_copy
from meerkat_rpc.store.disk_folder import StoreFolder, explained, make_private, sync_directory
from meerkat_rpc.store.disk_leases import LEASES
from meerkat_rpc.store.disk_log import refuse_shortened
from meerkat_rpc.store.disk_rows import IDENTITY, recognise
from meerkat_rpc.store.disk_stops import STOPS
from meerkat_rpc.store.envelope import FORMAT, seal
from meerkat_rpc.store.private_files import open_private

STEP_PAGES = 1024
"""Pages copied between two reports of progress: 4 MiB."""

SHOWN_PROBLEMS = 3

Progress = Callable[[int, int], None]
"""Called with how many pages are done, and how many there are."""


def back_up(store: str, target: str, progress: Progress | None = None) -> StoreReport:
    """Write what the store in the directory ``store`` holds now into the file ``target``; return what is in there.

    Processes may go on using the store: they neither wait nor are waited for. ``target`` is replaced, all at once, when
    the whole copy has been read back and is on the disk.

    Raises:
        StoreError: the store can't be read, or is damaged, or the file can't be written.
    """
    folder = StoreFolder(os.path.abspath(store))
    folder.examine()
    promised = folder.marker()
    try:
        refuse_shortened(folder.database)
        recognise(folder, promised, "ro")
        with _beside(target) as new:
            _copy(folder.database, new, progress)
            report = _refuse_damaged(new, "The store is damaged, and was not backed up")
            _put_in_place(new, target)
    except FAILURES as error:
        raise explain(error, folder.path) from error
    return report


def unpack(backup: str, path: str) -> StoreReport:
    """Make a store of its own out of ``backup``, in the directory ``path``, which must not exist; return what is in it.

    Raises:
        StoreError: the backup is damaged or none, or the directory can't be written.
    """
    report = _refuse_damaged(backup, "The backup can't be restored")
    folder = StoreFolder(path)
    make_private(path)
    with explained(path), open(backup, "rb") as source, os.fdopen(open_private(folder.database), "wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
    store_id = new_id()
    try:
        _make_own(folder.database, store_id)
    except FAILURES as error:
        raise explain(error, path) from error
    folder.mark(store_id)
    return report


@contextlib.contextmanager
def _beside(target: str) -> Iterator[str]:
    """Yield the path of a new, private file beside ``target``, which is removed unless it was put in place."""
    new = f"{target}.{os.getpid()}.new"
    with _writing(target):
        os.close(open_private(new))
    try:
        yield new
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(new)


def _copy(database: str, target: str, progress: Progress | None) -> None:
    def report(_status: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress(total - remaining, total)

    with closing(connect(database, "ro")) as source, closing(connect(target, "rw")) as copy:
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")  # it is synced as a whole, before it is put in place
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM sqlite_master").fetchone()  # from here on it sees this moment's database
        with _writing(target):
            source.backup(copy, pages=STEP_PAGES, progress=report)


def _refuse_damaged(database: str, what: str) -> StoreReport:
    report = check_copy(database)
    if report.problems:
        shown, rest = report.problems[:SHOWN_PROBLEMS], len(report.problems) - SHOWN_PROBLEMS
        more = f" And {rest} more." if rest > 0 else ""
        raise StoreError(
            f"{what}: {' '.join(shown)}{more} `meerkat-rpc sessions salvage` exports what can be read of a store."
        )
    return report


def _put_in_place(new: str, target: str) -> None:
    with _writing(target):
        with open(new, "rb") as file:
            os.fsync(file.fileno())
        os.replace(new, target)
        sync_directory(os.path.dirname(os.path.abspath(target)))


@contextlib.contextmanager
def _writing(target: str) -> Iterator[None]:
    """Explain what keeps ``target`` from being written."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"The backup {target} can't be written: {error.strerror}.") from error
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_FULL":
            raise
        raise StoreError(f"The backup {target} can't be written: the disk is full.") from error


def _make_own(database: str, store_id: str) -> None:
    """Give the store another id, and forget who was using the original."""
    identity = dump({"store_id": store_id, "format": FORMAT, "created_ms": now_ms()})
    with closing(connect(database, "rw")) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE Cache SET value = ? WHERE key = ?", (seal(IDENTITY, identity), IDENTITY))
        connection.execute("DELETE FROM Cache WHERE key IN (?, ?)", (LEASES, STOPS))
        connection.execute("COMMIT")
