"""The store's rows: payloads by key, in transactions, on an open database. Belongs to the store thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from attrs import define, field

from meerkat_rpc.clock import now_ms
from meerkat_rpc.errors import StoreCorrupt, StoreError
from meerkat_rpc.ids import new_id
from meerkat_rpc.store.codec import dump, read
from meerkat_rpc.store.disk_cache import (
    BUSY_AGAIN_TIMEOUT,
    BUSY_TIMEOUT,
    FAILURES,
    FULL,
    NORMAL,
    Cache,
    ForeignRow,
    check_whole,
    explain,
    open_cache,
    peek,
    refuse_unwritable,
    undo_cut_off,
)
from meerkat_rpc.store.disk_folder import MARKER, StoreFolder
from meerkat_rpc.store.disk_log import refuse_shortened
from meerkat_rpc.store.envelope import FORMAT, NEWEST, corrupt, newer, seal, unseal

T = TypeVar("T")
IDENTITY = "identity"

DATA_VERSION_BITS = 32
"""How many bits SQLite's number of others' commits has. It is only good for one connection."""

STEP_ROWS = 128
STEP_BYTES = 1 << 20
"""How much is removed at once: a turn of another session waits for it. Some milliseconds; a larger row goes alone."""


@define
class Rows:
    """Rows of the database in ``folder``. Work on them goes through ``run``, writing happens in a ``transaction``.

    ``_in_force`` has the settings of the connection that were made here: what the database says of them is not relied
    on, for another process may be opening it. ``_locked``: the last transaction waited in vain.
    ``_connections`` counts those that were given up before this one.
    ``_unsynced``: an fsync failed, and the next one that works says nothing about what that one should have covered.
    """

    folder: StoreFolder
    _cache: Cache
    _in_force: dict[str, int] = field(factory=dict)
    _locked: bool = False
    _unsynced: bool = False
    _connections: int = 0
    _damage: StoreCorrupt | None = None
    read_only: bool = False

    def run(self, job: Callable[[], T]) -> T:
        """Return what ``job`` returns.

        Raises:
            StoreError: the database refused, or isn't the one that was opened any more.
        """
        self.folder.still_there()
        try:
            return job()
        except FAILURES as error:
            self.close()  # and with the connection whatever transaction was left open; the next use opens another
            self._in_force.clear()
            self._connections += 1
            explained = explain(error, self.folder.path)
            self._locked = explained.data.get("reason") == "SQLITE_BUSY"
            self._unsynced |= explained.data.get("reason") == "SQLITE_IOERR_FSYNC"
            if isinstance(explained, StoreCorrupt):
                self._damage = explained
            raise explained from error

    @contextmanager
    def transaction(self, *, durable: bool) -> Iterator[None]:
        """Begin a transaction, which commits at the end of the block unless that raises.

        When it has committed it survives the death of the process and, if ``durable``, the loss of power, together
        with every one before it: the write-ahead log is synced as a whole.

        Raises:
            StoreCorrupt: the database turned out to be damaged. What is written into such a one may destroy more of it.
        """
        if self._damage is not None:
            raise StoreCorrupt(self._damage.message, **self._damage.data)
        self._sync(FULL if durable else NORMAL)
        self._wait_at_most(BUSY_AGAIN_TIMEOUT if self._locked else BUSY_TIMEOUT)
        with self._cache.transact(retry=False):
            if durable and self._unsynced:
                self.folder.write_log_again()
                self._unsynced = False
            yield
        self._locked = False

    def snapshot(self) -> AbstractContextManager[None]:
        """Have what is read in the block be as of one moment: another process may delete a session amid its rows."""
        return self._cache.snapshot()

    def _sync(self, level: int) -> None:
        self._set("sqlite_synchronous", level)

    def _wait_at_most(self, seconds: float) -> None:
        self._set("sqlite_busy_timeout", int(seconds * 1000))

    def _set(self, setting: str, value: int) -> None:
        if self._in_force.get(setting) != value:
            self._cache.reset(setting, value, update=False)
            self._in_force[setting] = value

    def others_version(self) -> int:
        """Return a number that changes whenever another process commits, and seldom without that."""
        return self._cache.data_version() + (self._connections << DATA_VERSION_BITS)

    def get(self, key: str) -> bytes | None:
        """Return the payload under ``key``, or None. Raises ``StoreCorrupt``."""
        try:
            row = self._cache.get(key)
        except ForeignRow:
            raise corrupt(key, "it isn't one of this program's") from None
        return None if row is None else unseal(key, row)

    def put(
        self, key: str, payload: bytes, *, tag: int | str | None = None, compress: bool = False, version: int = FORMAT
    ) -> int:
        """Store ``payload`` under ``key``; return the size of the row. ``tag``: what it goes with, mostly the number of
        its session."""
        row = seal(key, payload, compress=compress, version=version)
        self._cache.set(key, row, tag=tag, retry=False)
        return len(row)

    def size(self, key: str) -> int:
        """Return the size of the row under ``key``, 0 when there is none."""
        try:
            return len(self._cache.get(key) or b"")
        except ForeignRow:
            return 0

    def drop(self, key: str) -> None:
        """Remove the row under ``key``, if any."""
        self._cache.delete(key, retry=False)

    def has(self, key: str) -> bool:
        """Return whether there is a row under ``key``, whatever it holds."""
        return key in self._cache

    def has_tag(self, tag: int | str) -> bool:
        """Return whether there is a row with ``tag``."""
        return self._cache.has_tag(tag)

    def keys_from(self, prefix: str, limit: int = -1) -> list[str]:
        """Return the keys that begin with ``prefix``, in order; at most ``limit`` if that isn't negative."""
        return self._cache.keys_from(prefix, limit)

    def drop_some(self, tag: int | str) -> bool:
        """Remove as many rows with ``tag`` as take milliseconds; return whether any are left."""
        return self._cache.evict_some(tag, STEP_ROWS, STEP_BYTES)

    def refuse_unsound(self) -> None:
        """Raise SQLite's error when the database is damaged, in its indexes too. Reads all of it: for repairs only."""
        check_whole(self.folder.database)

    def every_key(self) -> Iterator[str]:
        """Yield every key. Reads the whole index: for repairs only."""
        return self._cache.iterkeys()

    def free_pages(self) -> int:
        """Return how many pages of the database hold nothing."""
        return self._cache.free_pages()

    def free_bytes(self) -> int:
        """Return how many bytes of the database hold nothing."""
        return self._cache.free_pages() * self._cache.page_bytes

    def give_back(self, pages: int) -> None:
        """Make the database smaller by at most ``pages`` pages, in a transaction of its own that needn't be durable."""
        self._sync(NORMAL)
        self._wait_at_most(BUSY_AGAIN_TIMEOUT)
        self._cache.give_back(pages)

    def empty_log(self) -> None:
        """Cut the write-ahead log, and the database's file, to what they hold, unless somebody is reading.

        Nobody is waited for: who reads or writes now would hold up whatever comes next here.
        """
        self._wait_at_most(0)
        self._cache.empty_log()

    def close(self) -> None:
        """Let go of the connection."""
        self._cache.close()


def open_rows(folder: StoreFolder, begin: Callable[[Rows], None]) -> Rows:
    """Open the store in ``folder``, or begin one there with what ``begin`` writes. One that is refused isn't changed.

    Raises:
        StoreError: it can't be used; the message says why.
    """
    folder.prepare()
    promised = folder.marker()
    folder.make_database()
    try:
        refuse_shortened(folder.database)
        undo_cut_off(folder.database)
        recognise(folder, promised, "ro")
        refuse_unwritable(folder.database)
        rows = Rows(folder, open_cache(folder.path))
    except FAILURES as error:
        raise explain(error, folder.path) from error
    folder.remember()
    if promised is None:
        folder.mark(rows.run(lambda: _identify(rows, begin)))
    return rows


def identity(database: str, mode: str) -> tuple[str | None, bool]:
    """Return the id of the store in ``database``, None if it is none, and whether there are any rows at all.

    ``mode``: see ``disk_cache.connect``.
    """
    row, any_rows = peek(database, IDENTITY, mode)
    if row is None:
        return None, any_rows
    store_id, version = read(
        IDENTITY, unseal(IDENTITY, row), lambda found: (str(found["store_id"]), int(found["format"]))
    )
    if version > NEWEST:
        raise newer(f"The store in {database}", version)
    return store_id, any_rows


def recognise(folder: StoreFolder, promised: str | None, mode: str) -> None:
    """Refuse a database that isn't the store that the marker promises, or isn't a store at all.

    ``mode``: see ``disk_cache.connect``.
    """
    store_id, any_rows = identity(folder.database, mode)
    if store_id is None:
        if promised is not None:
            raise folder.lost()
        if any_rows:
            raise StoreError(f"{folder.path} holds another program's data. Name another directory for the store.")
        return
    if promised not in {None, store_id}:
        raise StoreError(
            f"The database in {folder.path} belongs to another store than {MARKER} beside it. "
            "Put back the one of the two that belongs here."
        )


def _identify(rows: Rows, begin: Callable[[Rows], None]) -> str:
    """Return the store's id, from now on; write the first rows unless another process was faster."""
    with rows.transaction(durable=True):
        if (payload := rows.get(IDENTITY)) is None:
            payload = dump({"store_id": new_id(), "format": FORMAT, "created_ms": now_ms()})
            rows.put(IDENTITY, payload)
            begin(rows)
    return read(IDENTITY, payload, lambda found: str(found["store_id"]))
