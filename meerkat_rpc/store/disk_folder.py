"""The directory a store lives in: private to its owner, on a local disk, and still the one that was opened.

store.json   the marker: format version and the store's id. Says that a database belongs here, so that one that was
             truncated or removed is noticed instead of being taken for an empty store.
cache.db     the database, with SQLite's own cache.db-wal and cache.db-shm beside it
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager

from attrs import define

from meerkat_rpc.errors import StoreCorrupt, StoreError
from meerkat_rpc.store.envelope import FORMAT, NEWEST, newer
from meerkat_rpc.store.private_files import HAS_OWNERS, OTHERS, open_private, refuse_odd_file, tighten_file

MARKER = "store.json"
DATABASE = "cache.db"
LOG = f"{DATABASE}-wal"
_BLOCK = 1 << 20
_FILES = (MARKER, DATABASE, LOG, f"{DATABASE}-shm")

NETWORK_FILESYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smb2", "smbfs", "ncpfs", "afs", "fuse.sshfs"})
"""As the kernel names them. SQLite's write-ahead log needs memory that all its users share."""

_NOT_SYNCED = {errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM}
"""What the system says where a directory can't be synced, or opened to be: file systems without that, Windows, a parent
that we may pass but not read."""

_SHARED_FIRST, _SHARED_SIZE = 0x4000_0002, 510


@define
class StoreFolder:
    """The directory at ``path``. Every method may raise ``StoreError``, saying what to do."""

    path: str
    _opened: tuple[int, int] | None = None

    @property
    def database(self) -> str:
        """The path of the database."""
        return os.path.join(self.path, DATABASE)

    def prepare(self) -> None:
        """Create the directory or check the one that is there, and make it private."""
        with explained(self.path):
            if not os.path.lexists(self.path):
                make_private(self.path)
        mode = self.examine()
        with explained(self.path):
            if mode & OTHERS and HAS_OWNERS:
                self._tighten(mode)
                self._refuse_odd_files()  # again: nobody can put another in its place from here on
            for name in _FILES:
                tighten_file(os.path.join(self.path, name))

    def examine(self) -> int:
        """Refuse a directory that a store can't be in; change nothing. Return its permissions."""
        with explained(self.path):
            found = os.lstat(self.path)
        if stat.S_ISLNK(found.st_mode):
            raise StoreError(f"The store's path {self.path} is a symbolic link. Name the directory itself.")
        if not stat.S_ISDIR(found.st_mode):
            raise StoreError(f"The store's path {self.path} is not a directory.")
        if HAS_OWNERS and found.st_uid != os.geteuid():
            raise StoreError(f"The store's directory {self.path} belongs to another user (uid {found.st_uid}).")
        if os.path.expandvars(self.path) != self.path:  # diskcache would expand it, and go elsewhere
            raise StoreError(f"The store's path {self.path} holds the name of an environment variable. Name another.")
        _refuse_network(self.path)
        self._refuse_odd_files()
        return stat.S_IMODE(found.st_mode)

    def sizes(self) -> dict[str, int]:
        """Return the size in bytes of each file that is there."""
        return {name: _size(path) for name in _FILES if os.path.exists(path := os.path.join(self.path, name))}

    def disk_free(self) -> int:
        """Return how many bytes are left on the directory's disk."""
        with explained(self.path):
            return shutil.disk_usage(self.path).free

    def marker(self) -> str | None:
        """Return the id of the store that belongs here; None when there is none yet.

        Raises:
            StoreCorrupt: the marker can't be read, or what it promises isn't there.
            StoreError: a newer version of the program wrote it.
        """
        try:
            with open(os.path.join(self.path, MARKER), encoding="utf-8") as file:
                marker = json.load(file)
            store_id, version = str(marker["store_id"]), int(marker["format"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise StoreCorrupt(f"{self.path}/{MARKER} can't be read: {error}", row=MARKER) from error
        if version > NEWEST:
            raise newer(f"The store in {self.path}", version)
        if _size(self.database) == 0:
            raise self.lost()
        return store_id

    def mark(self, store_id: str) -> None:
        """Write the marker, durably. The database must hold the same id already."""
        text = json.dumps({"made_by": "meerkat-rpc", "format": FORMAT, "store_id": store_id}) + "\n"
        path = os.path.join(self.path, MARKER)
        new = f"{path}.{os.getpid()}.new"  # of our own: another process may be creating the same store
        with explained(self.path):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(new)  # of a process that had our number and died
            with os.fdopen(open_private(new), "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            sync_way_to(self.path)  # first: a store that has its marker is taken to be whole
            os.replace(new, path)
            sync_directory(self.path)

    def make_database(self) -> None:
        """Create an empty, private database file unless there is one: SQLite would leave its mode to the umask."""
        with explained(self.path), contextlib.suppress(FileExistsError):
            os.close(open_private(self.database))

    def remember(self) -> None:
        """Take the database that is there now as the one that ``still_there`` means."""
        with explained(self.path):
            self._opened = _identity(self.database)

    def still_there(self) -> None:
        """Raise ``StoreError`` when the database is no longer the one that was opened.

        An open connection to a deleted file goes on "working", and everything written to it is lost.
        """
        try:
            found = _identity(self.database)
        except OSError:
            found = None
        if found != self._opened:
            raise StoreError(f"The store in {self.path} was deleted, moved or replaced while it was open.")

    def kept_from_others(self) -> AbstractContextManager[None]:
        """Keep other processes from opening the store; refuse when one has it open. See ``_locked``."""
        return _locked(self.database)

    def write_log_again(self) -> None:
        """Write the log's content over itself, durably, within a transaction: nobody else writes to it then.

        After an fsync that failed, the kernel takes what it could not write for written (fsync(2)), and only what is
        written anew will be covered by another one. Commits behind a gap in the log would be lost with the power.
        """
        with open(os.path.join(self.path, LOG), "r+b", buffering=0) as log:
            while block := log.read(_BLOCK):
                log.seek(-len(block), os.SEEK_CUR)
                log.write(block)
            os.fsync(log.fileno())

    def lost(self) -> StoreCorrupt:
        """Return the error that says that a store was here and its content is not."""
        return StoreCorrupt(
            f"The store in {self.path} has lost its content: {MARKER} says that there was one, but {DATABASE} is empty "
            f"or missing. Put the file back from a copy, or remove {MARKER} to begin an empty store.",
            row=DATABASE,
        )

    def _refuse_odd_files(self) -> None:
        for name in (*_FILES, f"{DATABASE}-journal"):  # SQLite's, until the database has its write-ahead log
            with explained(self.path):
                refuse_odd_file(os.path.join(self.path, name))

    def _tighten(self, mode: int) -> None:
        names = os.listdir(self.path)
        if names and MARKER not in names and DATABASE not in names:
            raise StoreError(
                f"{self.path} is open to others (mode {mode:04o}) and holds files that aren't a store's. "
                "Name an empty directory, or one that doesn't exist yet."
            )
        os.chmod(self.path, 0o700)


def make_private(path: str) -> None:
    """Create ``path`` and its missing parents, mode 0700 whatever the umask. Not durably: see ``sync_way_to``."""
    parent = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(parent):
        make_private(parent)
    with contextlib.suppress(FileExistsError):  # another process was faster
        os.mkdir(path, 0o700)
        os.chmod(path, 0o700)


@contextlib.contextmanager
def _locked(database: str) -> Iterator[None]:
    """Hold every byte on which a process that has the database open holds a lock; refuse where one does.

    The bytes are SQLite's (os.h: SHARED_FIRST, SHARED_SIZE). Where files have no such locks (Windows), one that is open
    can't be renamed or removed either.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        file = open(database, "r+b")  # noqa: SIM115 - closing it ends the lock
    except OSError:  # it isn't there, or can't be written: then nobody's writing is in the way
        yield
        return
    with file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
        except BlockingIOError:
            raise StoreError(f"{database} is in use. End the servers and the commands that use it first.") from None
        yield


def _identity(path: str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def sync_way_to(path: str) -> None:
    """Make the names that lead to the directory durable: any of them may be new, and nobody else does it."""
    path = os.path.realpath(path)
    device = os.stat(path).st_dev
    while os.stat(path).st_dev == device:
        sync_directory(path)
        if os.path.dirname(path) == path:
            return
        path = os.path.dirname(path)


def sync_directory(path: str) -> None:
    """Make the directory's names durable, where the system lets one."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NOT_SYNCED:
            raise


@contextlib.contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn ``OSError`` into ``StoreError``."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"The store's {path} can't be used: {error.strerror}.") from error


def _refuse_network(path: str) -> None:
    try:
        with open("/proc/mounts", encoding="utf-8", errors="surrogateescape") as mounts:
            kind = filesystem_of(os.path.realpath(path), mounts.read())
    except OSError:
        return  # not Linux
    if kind in NETWORK_FILESYSTEMS:
        raise StoreError(
            f"The store's directory {path} is on a network file system ({kind}), where SQLite's locks don't hold. "
            "Name a directory on a local disk."
        )


def filesystem_of(path: str, mounts: str) -> str | None:
    r"""Return the type of the file system that holds ``path``, an absolute path without links.

    Args:
        path: the path.
        mounts: the text of /proc/mounts (proc_mounts(5)): device, mount point, type, …; spaces as \040.
    """
    best, kind = -1, None
    for line in mounts.splitlines():
        _device, point, name, *_ = line.split(" ")
        point = point.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\").rstrip("/")
        if len(point) >= best and (path == point or path.startswith(point + "/")):
            best, kind = len(point), name
    return kind
