"""Files that a prompt names with ``@``: they go with it."""

from __future__ import annotations

import mimetypes
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""The images that every provider takes; another is a file like any."""

MENTION = re.compile(r'(?<![^\s([{"\'])@(?:"([^"\n]+)"|([^\s"]+))')
"""A mention begins a word: neither an address, ``a@b``, nor anything else with the sign inside is one."""

TRAILING = ".,;:!?)]}'\""
"""What may stand behind a name without being part of it."""


class Attached(NamedTuple):
    """A file. ``path`` is absolute, ``name`` what the person called it, ``size`` in bytes."""

    kind: str
    name: str
    path: str
    size: int


def attachments(prompt: str, cwd: str) -> list[Attached]:
    """Return the files that ``prompt`` mentions and that are there, each once. Relative names begin at ``cwd``.

    What is no file stays text: ``@pytest.mark`` means no file, and perhaps the person only talks of one.
    """
    found = (_file(names, cwd) for names in _mentions(prompt))
    return [*{file.path: file for file in found if file is not None}.values()]


def content(prompt: str, files: Sequence[Attached]) -> str | list[Mapping[str, Any]]:
    """Return what to send: the text alone, or blocks with the text first."""
    if not files:
        return prompt
    blocks = [{"type": file.kind, "path": file.path, "name": file.name} for file in files]
    return [{"type": "text", "text": prompt}, *blocks]


def _mentions(prompt: str) -> Iterator[list[str]]:
    """Yield what each mention may be the name of, the likeliest first."""
    for mention in MENTION.finditer(prompt):
        quoted, bare = mention.groups()
        yield [quoted] if quoted else [bare, *_without_trailing(bare)]


def _without_trailing(name: str) -> Iterator[str]:
    while name and name[-1] in TRAILING:
        name = name[:-1]
        if name:
            yield name


def _file(names: Sequence[str], cwd: str) -> Attached | None:
    for name in names:
        path = os.path.join(cwd, os.path.expanduser(name))
        try:
            if os.path.isfile(path):
                kind = "image" if mimetypes.guess_type(path)[0] in IMAGES else "file"
                return Attached(kind, os.path.basename(path), os.path.abspath(path), os.path.getsize(path))
        except (OSError, ValueError):  # gone this moment, or no name for a file at all
            continue
    return None
