"""``read_file``: the lines of a text file, or that it is none."""

from __future__ import annotations

import os
from typing import BinaryIO, ClassVar, NamedTuple

from meerkat_rpc.tools.builtin.args import Args
from meerkat_rpc.tools.builtin.definition import FileTool, JsonObject, Properties
from meerkat_rpc.tools.builtin.folder import open_file, place

MAX_BYTES = 128 << 10
"""How much of a file one call returns: some 30,000 tokens. More is read in further calls."""

DEFAULT_LINES = 2_000
MAX_LINES = 100_000
"""How many lines one call returns: by default enough for nearly any source file."""

MAX_OFFSET = 2**31
SNIFFED_BYTES = 8_192
"""How much is looked at for the NUL by which binary files are told, as git does."""


class ReadFile(FileTool):
    """Reads a text file."""

    NAME = "read_file"
    DESCRIPTION = (
        "Read a text file in the working folder. Returns at most 2,000 lines and 128 KiB; "
        "next_offset, where given, is where to go on."
    )
    PROPERTIES: ClassVar[Properties] = {
        "path": {"type": "string", "description": "Path of the file, relative to the working folder"},
        "offset": {"type": "integer", "minimum": 1, "description": "First line, counted from 1"},
        "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LINES, "description": "How many lines at most"},
        "line_numbers": {"type": "boolean", "description": "Whether each line begins with its number and a tab"},
    }
    REQUIRED = ("path",)

    def _work(self, args: Args) -> JsonObject:
        offset = args.integer("offset", 1, 1, MAX_OFFSET)
        limit = args.integer("limit", DEFAULT_LINES, 1, MAX_LINES)
        with place(self._cwd, args.text("path")) as at, os.fdopen(open_file(at), "rb") as file:
            about: JsonObject = {"path": at.path, "size": os.fstat(file.fileno()).st_size}
            if b"\0" in file.read(SNIFFED_BYTES):
                return about | {"binary": True, "note": "a binary file; its content isn't shown"}
            file.seek(0)
            return about | _shown(_read(file, offset, limit), offset, numbered=args.flag("line_numbers"))


class _Lines(NamedTuple):
    """``cut``: whether the last line is only the beginning of one. ``more``: whether the file goes on."""

    lines: list[str]
    cut: bool
    more: bool


def _read(file: BinaryIO, offset: int, limit: int) -> _Lines:
    for _ in range(offset - 1):
        if not _skip_line(file):
            return _Lines([], cut=False, more=False)
    lines: list[bytes] = []
    room = MAX_BYTES
    while len(lines) < limit and room > 0 and (line := file.readline(room)):
        lines.append(line)
        room -= len(line)
    at_end = not file.read(1)
    cut = bool(lines) and not at_end and not lines[-1].endswith(b"\n")
    more = _skip_line(file) and bool(file.read(1)) if cut else not at_end
    return _Lines([line.decode("utf-8", "replace") for line in lines], cut=cut, more=more)


def _skip_line(file: BinaryIO) -> bool:
    """Read to the end of a line, however long; return whether there was one."""
    read = False
    while piece := file.readline(MAX_BYTES):
        read = True
        if piece.endswith(b"\n"):
            break
    return read


def _shown(read: _Lines, offset: int, *, numbered: bool) -> JsonObject:
    lines = [f"{number}\t{line}" for number, line in enumerate(read.lines, offset)] if numbered else read.lines
    shown: JsonObject = {"first_line": offset, "lines": len(lines), "content": "".join(lines)}
    if read.cut:
        shown["note"] = f"line {offset + len(lines) - 1} is longer than what is shown of it"
    elif not lines and offset > 1:
        shown["note"] = "the file ends before that line"
    return shown | ({"next_offset": offset + len(lines)} if read.more else {})
