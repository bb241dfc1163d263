"""Files that only their owner may read, and that are what they seem to be.

Another user may have had the directory to himself for a while and left something there under a name of ours: a symbolic
link, a second name of somebody's file, a pipe that blocks whoever opens it.
"""

from __future__ import annotations

import os
import stat
from typing import BinaryIO

from meerkat_rpc.errors import StoreError

OTHERS = 0o077
HAS_OWNERS = hasattr(os, "geteuid")  # not on Windows, where a profile's directories are private already

_AS_IT_IS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Follow no link, and wait for nobody at the other end of a pipe."""


def open_private(path: str, flags: int = os.O_EXCL) -> int:
    """Open a file for writing, created if it isn't there; mode 0600 whatever the umask. Raises ``OSError``."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | _AS_IT_IS | flags, 0o600)
    if HAS_OWNERS:
        os.fchmod(descriptor, 0o600)  # the umask may have taken more away than it should
    return descriptor


def open_as_it_is(path: str, mode: str) -> BinaryIO:
    """Open a file that is there. Raises ``OSError`` for a symbolic link."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags | _AS_IT_IS))  # type: ignore[return-value]


def make_directory(path: str) -> None:
    """Make a directory unless it is there, mode 0700 whatever the umask. Raises ``OSError`` for a symbolic link."""
    try:
        os.mkdir(path, 0o700)
        os.chmod(path, 0o700)
    except FileExistsError:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise


def refuse_odd_file(path: str) -> None:
    """Raise ``StoreError`` for what is neither a plain file of ours nor missing."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(f"{path} is not a plain file, as a store's must be.")
    if HAS_OWNERS and found.st_uid != os.geteuid():
        raise StoreError(f"{path} belongs to another user (uid {found.st_uid}).")
    if found.st_nlink > 1:
        raise StoreError(f"{path} is a hard link: what is written to it would change a file somewhere else.")


def tighten_file(path: str) -> None:
    """Make a plain file, if it is there, its owner's only. Raises ``OSError``."""
    if HAS_OWNERS and os.path.lexists(path) and os.lstat(path).st_mode & OTHERS:
        os.chmod(path, 0o600)
