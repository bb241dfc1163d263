"""Going through a folder by descriptors, so that nothing that is moved meanwhile can lead out of it.

Standard library only: see ``__init__``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

SKIPPED = frozenset({
    ".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache",
    ".pytest_cache", ".tox", ".nox", ".cache", ".gradle", ".next", ".idea",
})  # fmt: skip
"""Folders that are left out unless asked for: what is in them was made by programs, and there is much of it."""

MAX_DEPTH = 40
"""How deep is looked. No tree that people made is deeper, and each level holds a descriptor."""

FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)

Kind = Literal["file", "folder", "link", "other"]


class Entry(NamedTuple):
    """Something in a folder. ``path`` is relative to where the walk began, ``folder`` an open descriptor of its folder,
    valid until the next entry is asked for."""

    path: str
    name: str
    kind: Kind
    folder: int


def walk(
    folder: int, *, prefix: str = "", recursive: bool = True, everything: bool = False, stop: Callable[[], bool]
) -> Iterator[Entry]:
    """Yield what is in ``folder``, in order of names, each folder before what is in it. Follows no link.

    Args:
        folder: a descriptor; stays open.
        prefix: what the paths begin with, empty or with a ``/`` at the end.
        recursive: whether what is in the folders is yielded too.
        everything: whether the ``SKIPPED`` folders are entered.
        stop: asked at each entry; the walk ends when it returns True.
    """
    for name, kind in _entries(folder):
        if stop():
            return
        yield Entry(prefix + name, name, kind, folder)
        if kind != "folder" or not recursive or (name in SKIPPED and not everything) or prefix.count("/") >= MAX_DEPTH:
            continue
        try:
            inner = os.open(name, FOLDER, dir_fd=folder)
        except OSError:  # gone, replaced or not readable: it was yielded, and that is all there is to say
            continue
        try:
            yield from walk(inner, prefix=f"{prefix}{name}/", everything=everything, stop=stop)
        finally:
            os.close(inner)


def _entries(folder: int) -> list[tuple[str, Kind]]:
    try:
        with os.scandir(folder) as found:
            return sorted((entry.name, _kind(entry)) for entry in found)
    except OSError:
        return []


def _kind(entry: os.DirEntry[str]) -> Kind:
    try:
        if entry.is_symlink():
            return "link"
        if entry.is_dir(follow_symlinks=False):
            return "folder"
        return "file" if entry.is_file(follow_symlinks=False) else "other"
    except OSError:
        return "other"
