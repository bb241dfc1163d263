"""The folder that file tools are confined to.

A path is followed part by part through descriptors, links included, so that where it leads is settled while it is
walked: a link or a folder that is exchanged at that moment leads nowhere else. (``realpath`` and a look at its result
would leave a gap between the look and the opening.)
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

from meerkat_rpc.errors import InvalidArgument, cut
from meerkat_rpc.tools.builtin.walking import FOLDER

MAX_LINKS = 40
"""How many links one path may lead through, as in Linux."""

PROTECTED_FOLDER = ".git"
PROTECTED_FILE = (".meerkat", "config.toml")
"""What no tool writes, whatever the approval: by a hook or a rule in them a later command would run unasked."""

IS_SUPPORTED = os.open in os.supports_dir_fd
"""Whether this system can follow a path through descriptors. Windows can't: there are no file tools there."""

OUTSIDE = "leads out of the session's folder"

_PLAIN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
"""Follow no link, and wait for nobody at the other end of a pipe."""


Missing = Literal["refuse", "make", "name"]
"""What becomes of folders that are missing on the way: an error, a folder, or only the name that it would have."""


class Place(NamedTuple):
    """Where a path leads: an open descriptor of the folder, the name in it, and the path from the root without links.

    ``name`` is empty when the path leads to the root itself.
    """

    folder: int
    name: str
    parts: tuple[str, ...]

    @property
    def path(self) -> str:
        """The path from the root, as people write it."""
        return "/".join(self.parts) or "."


@contextmanager
def place(root: str, path: str, *, missing: Missing = "refuse") -> Iterator[Place]:
    """Follow ``path``, relative to ``root`` or absolute and in it, to what it names, which need not be there.

    Args:
        root: the session's folder.
        path: what was asked for.
        missing: what to do where folders on the way are missing. With ``name``, the place has the first missing
            one's name: nothing is found there either.

    Raises:
        InvalidArgument: it leads out, through something that is no folder, or to a folder that is missing.
    """
    if not IS_SUPPORTED:
        raise InvalidArgument("path: this system can't confine a path to a folder, so there are no file tools")
    walker = _Walker(root, path, missing)
    try:
        yield walker.follow()
    except OSError as error:
        raise InvalidArgument(f"path: {cut(path)}: {error.strerror or error}") from error
    finally:
        walker.close()


def open_file(at: Place) -> int:
    """Open a plain file for reading and return its descriptor.

    Raises:
        InvalidArgument: it is something else: a folder, a device, a pipe.
        OSError: it is not there, or may not be read.
    """
    if not at.name:
        raise InvalidArgument("path: . is a folder, not a file")
    descriptor = os.open(at.name, os.O_RDONLY | _PLAIN, dir_fd=at.folder)
    if stat.S_ISREG(mode := os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise InvalidArgument(f"path: {at.path} is {kind_of(mode)}, not a file")


def open_folder(at: Place) -> int:
    """Open a folder and return its descriptor. Raises ``OSError``."""
    return os.open(at.name or ".", FOLDER, dir_fd=at.folder)


def kind_of(mode: int) -> str:
    """Return what a file mode says of a file that isn't a plain one."""
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def refuse_protected(at: Place) -> None:
    """Raise ``InvalidArgument`` for what may not be written. Case doesn't count, as on some disks it doesn't."""
    parts = tuple(part.casefold() for part in at.parts)
    if PROTECTED_FOLDER in parts or parts[-2:] == PROTECTED_FILE:
        raise InvalidArgument(f"path: {at.path} can't be written by a tool: what stands there decides what may run")


class _Walker:
    """One walk. ``_open`` are the descriptors of the folders from the root to where it is, ``_parts`` their names."""

    def __init__(self, root: str, path: str, missing: Missing) -> None:
        if "\0" in path or not path:
            raise InvalidArgument("path: expected the path of a file or a folder, without NUL")
        self._root = os.path.realpath(root)
        self._spellings = (self._root, root)  # the folder may itself have been named through a link
        self._path = path
        self._missing = missing
        self._links = 0
        self._open: list[int] = []
        self._parts: list[str] = []

    def follow(self) -> Place:
        """Walk to the end. Raises ``OSError`` and ``InvalidArgument``."""
        self._open.append(os.open(self._root, FOLDER))
        left = self._inside(self._path)
        while left:
            name = left.pop(0)
            if name == "..":
                self._up()
            elif (target := self._link(name)) is not None:
                left[:0] = self._inside(target)
            elif left and self._missing == "name" and not self._is_there(name):
                return self._would_be(name, left)
            elif left:
                self._down(name)
            else:
                return Place(self._open[-1], name, (*self._parts, name))
        return Place(self._open[-1], "", tuple(self._parts))

    def close(self) -> None:
        """Close what was opened on the way."""
        while self._open:
            os.close(self._open.pop())

    def _inside(self, path: str) -> list[str]:
        """Return the parts of ``path`` from where the walk is; an absolute one begins anew at the root."""
        if not path.startswith("/"):
            return _split(path)
        for root in self._spellings:
            if (below := _below(path, root)) is not None:
                self._back_to_root()
                return below
        raise self._outside()

    def _back_to_root(self) -> None:
        while len(self._open) > 1:
            os.close(self._open.pop())
        self._parts.clear()

    def _up(self) -> None:
        if not self._parts:
            raise self._outside()
        os.close(self._open.pop())
        self._parts.pop()

    def _down(self, name: str) -> None:
        try:
            folder = os.open(name, FOLDER, dir_fd=self._open[-1])
        except FileNotFoundError:
            if self._missing != "make":
                raise
            refuse_protected(Place(self._open[-1], name, (*self._parts, name)))
            os.mkdir(name, dir_fd=self._open[-1])
            folder = os.open(name, FOLDER, dir_fd=self._open[-1])
        self._open.append(folder)
        self._parts.append(name)

    def _is_there(self, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self._open[-1], follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _would_be(self, name: str, left: list[str]) -> Place:
        if ".." in left:
            raise InvalidArgument(f"path: {cut(self._path)}: there is no folder {name} to go back from")
        return Place(self._open[-1], name, (*self._parts, name, *left))

    def _link(self, name: str) -> str | None:
        """Return where a link leads, None for anything else."""
        try:
            target = os.readlink(name, dir_fd=self._open[-1])
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOENT):
                return None
            raise
        self._links += 1
        if self._links > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        return target

    def _outside(self) -> InvalidArgument:
        return InvalidArgument(f"path: {cut(self._path)} {OUTSIDE}, {self._root}")


def _split(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _below(path: str, root: str) -> list[str] | None:
    parts, above = _split(path), _split(root)
    return parts[len(above) :] if parts[: len(above)] == above else None
