"""``list_files``: what is in a folder."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator, Sequence
from typing import ClassVar

from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.tools.builtin.args import Args
from meerkat_rpc.tools.builtin.definition import FileTool, JsonObject, Properties
from meerkat_rpc.tools.builtin.folder import open_folder, place
from meerkat_rpc.tools.builtin.globs import Glob
from meerkat_rpc.tools.builtin.walking import Entry, walk

DEFAULT_ENTRIES = 500
MAX_ENTRIES = 5_000
"""How many entries one call returns: what a model can read. More are asked for folder by folder."""

MAX_WALK_S = 10.0
"""How long a walk may take. A whole home directory takes longer, and is not what was meant."""


class ListFiles(FileTool):
    """Lists files and folders."""

    NAME = "list_files"
    DESCRIPTION = (
        "List files and folders (which end in /) in the working folder. Folders such as .git, node_modules and .venv "
        "are not entered unless `everything` is true."
    )
    PROPERTIES: ClassVar[Properties] = {
        "path": {"type": "string", "description": "Folder, relative to the working folder; default: the folder itself"},
        "glob": {"type": "string", "description": "Only what matches, such as *.py or src/**/*.ts; implies recursive"},
        "recursive": {"type": "boolean", "description": "Whether folders are entered; default false"},
        "everything": {"type": "boolean", "description": "Whether folders that are usually left out are entered too"},
        "limit": {"type": "integer", "minimum": 1, "maximum": MAX_ENTRIES, "description": "How many entries at most"},
    }

    def _work(self, args: Args) -> JsonObject:
        limit = args.integer("limit", DEFAULT_ENTRIES, 1, MAX_ENTRIES)
        ends = time.monotonic() + MAX_WALK_S
        with place(self._cwd, args.text("path", ".")) as at:
            folder = open_folder(at)
            try:
                found = _found(folder, prefix_of(at.parts), args, ends)
                shown = list(itertools.islice(found, limit))
                more = next(found, None) is not None
            finally:
                os.close(folder)
        about: JsonObject = {"path": at.path, "entries": shown}
        if time.monotonic() >= ends:
            return about | {"truncated": f"not everything was looked at within {MAX_WALK_S:.0f} s"}
        return about | ({"truncated": f"there are more than {limit} entries"} if more else {})


def _found(folder: int, prefix: str, args: Args, ends: float) -> Iterator[str]:
    glob = glob_of(args.maybe_text("glob"), "glob")
    recursive = args.flag("recursive", default=glob is not None)
    everything = args.flag("everything")
    for entry in walk(folder, recursive=recursive, everything=everything, stop=lambda: time.monotonic() >= ends):
        if glob is None or glob.matches(entry.path):
            yield _shown(prefix, entry)


def prefix_of(parts: Sequence[str]) -> str:
    """Return what paths in the folder begin with: paths are always given from the session's folder."""
    return "".join(f"{part}/" for part in parts)


def glob_of(pattern: str | None, path: str) -> Glob | None:
    """Return the pattern, if there is one. Raises ``InvalidArgument``, which names it by ``path``."""
    try:
        return None if pattern is None else Glob(pattern)
    except ValueError as error:
        raise InvalidArgument(f"{path}: {error}") from None


def _shown(prefix: str, entry: Entry) -> str:
    """Return the entry's path, marked as ``ls -F`` does."""
    return printable(prefix + entry.path) + {"folder": "/", "link": "@", "file": "", "other": "?"}[entry.kind]


def printable(path: str) -> str:
    """Return a file's name as text: bytes in it that aren't UTF-8 are replaced, for JSON has no place for them."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
