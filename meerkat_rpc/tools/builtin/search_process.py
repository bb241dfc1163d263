"""The process that searches: ``search`` starts it, reads what it finds, and kills it when time is up.

A regular expression can take centuries, and holds the interpreter's lock while it does: neither a thread nor a deadline
in our own process would help. Reads one JSON object on stdin and writes one JSON array a match, ``[path, line number,
text]``, and at the end the number of files searched. The folder is the descriptor that the object names.

Standard library only, and started without site: it is there in some 20 ms.
"""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from typing import Any

from meerkat_rpc.tools.builtin.globs import Glob
from meerkat_rpc.tools.builtin.walking import walk

MAX_FILE_BYTES = 16 << 20
"""Larger files aren't searched: they are data, and each would hold up the rest."""

MAX_SHOWN_CHARS = 300
"""How much of a line is shown: the match with some text around it, not the whole of a minified file."""

AROUND_CHARS = 100
"""How much of it stands before the match."""

SNIFFED_BYTES = 8_192

_PLAIN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)

Find = Callable[[str], tuple[int, int] | None]
"""Returns where in a line the first match begins and ends."""


def main() -> None:
    """Search as stdin says."""
    wanted: dict[str, Any] = json.load(sys.stdin)
    find = finder(wanted["pattern"], literal=wanted["literal"], ignore_case=wanted["ignore_case"])
    searched = 0
    for path, content in _files(wanted):
        searched += 1
        for number, line in enumerate(content.splitlines(), 1):
            if (found := find(line)) is not None:
                _say([wanted["prefix"] + path, number, _around(line, found[0])])
    _say(searched)


def finder(pattern: str, *, literal: bool, ignore_case: bool) -> Find:
    """Return what finds ``pattern`` in a line. Raises ``re.error``."""
    if literal and not ignore_case:
        return lambda line: None if (start := line.find(pattern)) < 0 else (start, start + len(pattern))
    compiled = re.compile(re.escape(pattern) if literal else pattern, re.IGNORECASE if ignore_case else 0)
    return lambda line: None if (match := compiled.search(line)) is None else match.span()


def _files(wanted: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each file that is to be searched."""
    glob = Glob(wanted["glob"]) if wanted["glob"] else None
    if wanted["file"]:
        yield from _text(wanted["file"], wanted["file"], wanted["folder"])
        return
    for entry in walk(wanted["folder"], everything=wanted["everything"], stop=lambda: False):
        if entry.kind == "file" and (glob is None or glob.matches(entry.path)):
            yield from _text(entry.path, entry.name, entry.folder)


def _text(path: str, name: str, folder: int) -> Iterator[tuple[str, str]]:
    """Yield the file's text, unless it is binary, too large, or none that can be read."""
    try:
        with open(os.open(name, _PLAIN, dir_fd=folder), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
                return
            content = file.read(MAX_FILE_BYTES)
    except OSError:
        return
    if b"\0" not in content[:SNIFFED_BYTES]:
        yield path, content.decode("utf-8", "replace")


def _around(line: str, start: int) -> str:
    """Return the part of ``line`` that is shown of a match that begins at ``start``."""
    if len(line) <= MAX_SHOWN_CHARS:
        return line
    first = max(0, min(start - AROUND_CHARS, len(line) - MAX_SHOWN_CHARS))
    shown = line[first : first + MAX_SHOWN_CHARS]
    return ("…" if first else "") + shown + ("…" if first + MAX_SHOWN_CHARS < len(line) else "")


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()
