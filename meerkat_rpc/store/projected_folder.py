"""One session's folder of projected files: what stands in it, and how it is written."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from typing import BinaryIO, NamedTuple

from meerkat_rpc.store.private_files import make_directory, open_as_it_is, open_private
from meerkat_rpc.store.projection import MADE_BY

SESSION, EVENTS, SUMMARY = "session.json", "events.jsonl", "summary.txt"

_BLOCK = 1 << 16
"""Bytes read at a time when the last line is looked for."""


class Origin(NamedTuple):
    """What ``session.json`` says of the session it was made from."""

    session_id: str
    store: str | None
    revision: int


class ProjectedFolder:
    """The folder at ``path``. Its methods may raise ``OSError``."""

    def __init__(self, path: str) -> None:
        self.path = path

    def origin(self) -> Origin | None:
        """Return what the files were made from; None when they aren't all there, or aren't ours."""
        try:
            with open_as_it_is(self._file(SESSION), "rb") as file:
                document = json.load(file)
            if document["made_by"] != MADE_BY or not os.path.exists(self._file(SUMMARY)):
                return None
            return Origin(document["session_id"], document["store"], document["revision"])
        except (FileNotFoundError, NotADirectoryError, ValueError, LookupError, TypeError):
            return None

    def last_event(self) -> tuple[int, bytes] | None:
        """Return the sequence number of the last event written, and its line; None when there is no file to go on with.

        0 and b"" when the file is empty. What an interrupted writer left of a line is cut off.
        """
        try:
            with open_as_it_is(self._file(EVENTS), "r+b") as file:
                line = _cut_to_last_line(file)
            return (int(json.loads(line)["seq"]), line) if line else (0, b"")
        except (FileNotFoundError, ValueError, LookupError, TypeError):
            return None

    def append(self, lines: Iterable[bytes], *, afresh: bool) -> None:
        """Write lines at the end of ``events.jsonl``, or from its beginning."""
        make_directory(self.path)  # what people said is theirs
        with os.fdopen(open_private(self._file(EVENTS), os.O_TRUNC if afresh else os.O_APPEND), "wb") as file:
            file.writelines(lines)

    def replace(self, name: str, content: bytes) -> None:
        """Write a file, so that a reader sees the old one or the new one."""
        make_directory(self.path)
        path = self._file(name)
        with os.fdopen(open_private(f"{path}.new", os.O_TRUNC), "wb") as file:
            file.write(content)
        os.replace(f"{path}.new", path)

    def remove(self) -> None:
        """Remove the files, and the folder unless something else is in it."""
        for name in (SUMMARY, EVENTS, SESSION):  # the one that says the folder is ours goes last
            with contextlib.suppress(FileNotFoundError):
                os.remove(self._file(name))
        with contextlib.suppress(OSError):
            os.rmdir(self.path)

    def _file(self, name: str) -> str:
        return os.path.join(self.path, name)


def _cut_to_last_line(file: BinaryIO) -> bytes:
    """Cut the file to its last newline, and return the line that ends there; b"" when there is none."""
    at, tail = file.seek(0, os.SEEK_END), b""
    while at > 0 and tail.count(b"\n") < 2:  # noqa: PLR2004 - the one that ends the line, and the one before it
        start = max(0, at - _BLOCK)
        file.seek(start)
        tail, at = file.read(at - start) + tail, start
    whole = tail[: tail.rfind(b"\n") + 1]
    if len(whole) < len(tail):
        file.truncate(at + len(whole))
    return whole[whole.rfind(b"\n", 0, -1) + 1 :]
