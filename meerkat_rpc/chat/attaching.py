"""Files that a prompt names with ``@``: they go with it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from meerkat_rpc.client import blocks

if TYPE_CHECKING:
    from meerkat_rpc.client.blocks import Prompt

MENTION = re.compile(r'(?<![^\s([{"\'])@(?:"([^"\n]+)"|([^\s"]+))')
"""A mention begins a word: neither an address, ``a@b``, nor anything else with the sign inside is one."""

TRAILING = ".,;:!?)]}'\""
"""What may stand behind a name without being part of it."""


class Attached(NamedTuple):
    """A file. ``kind``: image or file; ``path`` is absolute, ``size`` in bytes."""

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


def content(prompt: str, files: Sequence[Attached]) -> Prompt:
    """Return what to send: the text alone, or blocks with the text first."""
    if not files:
        return prompt
    return [blocks.text(prompt), *(blocks.attached(file.path) for file in files)]


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
                block = blocks.attached(path)
                return Attached(block["type"], block["name"], block["path"], os.path.getsize(path))
        except (OSError, ValueError):  # gone this moment, or no name for a file at all
            continue
    return None
