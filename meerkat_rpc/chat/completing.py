"""What Tab completes: commands, and the paths of files behind an ``@``."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator, Sequence

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

MAX_ENTRIES = 5000
"""Entries of a folder that are looked at: a key must not wait for a folder of millions."""

MAX_OFFERED = 100
"""Paths that are offered: more than anybody reads; another letter narrows them."""

_TYPED = re.compile(r'(?<![^\s([{"\'])@(?:"([^"\n]*)|([^\s"]*))$')


class ChatCompleter(Completer):
    """Completes what a person types."""

    def __init__(self, commands: Sequence[str]) -> None:
        self._commands = commands

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """See ``Completer``."""
        typed = document.text_before_cursor
        mention = _TYPED.search(typed)
        if mention is not None:
            quoted = mention[1] is not None
            yield from _paths(mention[1] if quoted else mention[2], quoted=quoted)
        elif typed.startswith("/") and typed == document.text:
            matching = (command for command in self._commands if command.startswith(typed))
            yield from (Completion(command, start_position=-len(typed)) for command in matching)


def _paths(typed: str, *, quoted: bool) -> Iterator[Completion]:
    folder, begun = os.path.split(typed)
    entries = _entries(os.path.expanduser(folder) or os.curdir, begun)
    for name, is_folder in itertools.islice(entries, MAX_OFFERED):
        path = os.path.join(folder, name) + ("/" if is_folder else "")
        needs_quotes = quoted or any(character.isspace() for character in path)
        text = f'"{path}{"" if is_folder else chr(34)}' if needs_quotes else path
        yield Completion(text, start_position=-len(typed) - quoted, display=name + ("/" if is_folder else ""))


def _entries(folder: str, begun: str) -> list[tuple[str, bool]]:
    """Return the names in ``folder`` that begin so, and whether they are folders; hidden ones only after a dot."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (entry.name, entry.is_dir())
                for entry in itertools.islice(entries, MAX_ENTRIES)
                if entry.name.startswith(begun) and (begun or not entry.name.startswith(".")) and _is_plain(entry.name)
            )
    except (OSError, ValueError):
        return []


def _is_plain(name: str) -> bool:
    """Return whether a name can be typed, and shown, as it is."""
    return '"' not in name and name.isprintable()
