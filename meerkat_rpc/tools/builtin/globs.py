"""Patterns of file names: ``*.py`` for names anywhere, ``src/**/*.py`` for paths.

Standard library only: see ``__init__``.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence

MAX_GLOB_CHARS = 200
"""A longer pattern is a mistake, and matching costs the pattern's length for each file."""

ANYWHERE = "**"

_Part = re.Pattern[str] | None
"""What one part of a path must match; None stands for any number of parts."""


class Glob:
    """A pattern. One without ``/`` is compared with the name alone, any other with the whole path.

    Raises:
        ValueError: the pattern is too long.
    """

    def __init__(self, pattern: str) -> None:
        if len(pattern) > MAX_GLOB_CHARS:
            raise ValueError(f"expected at most {MAX_GLOB_CHARS} characters")
        parts = [part for part in pattern.split("/") if part not in ("", ".")]
        self._parts: list[_Part] = [None if part == ANYWHERE else re.compile(fnmatch.translate(part)) for part in parts]
        self._name_only = "/" not in pattern.rstrip("/")

    def matches(self, path: str) -> bool:
        """Return whether the path, relative and with ``/``, matches."""
        parts = path.split("/")
        return _match(self._parts, parts[-1:] if self._name_only else parts)


def _match(patterns: Sequence[_Part], parts: Sequence[str]) -> bool:
    """Compare without going back: ``reached`` is which pattern parts may come next, after each part of the path."""
    reached = _skip({0}, patterns)
    for part in parts:
        further: set[int] = set()
        for index in reached:
            if index == len(patterns):
                continue
            wanted = patterns[index]
            if wanted is None:
                further.add(index)
            elif wanted.match(part):
                further.add(index + 1)
        reached = _skip(further, patterns)
    return len(patterns) in reached


def _skip(reached: set[int], patterns: Sequence[_Part]) -> set[int]:
    """Add what follows each ``**``, which may stand for nothing."""
    for index in sorted(reached):
        following = index
        while following < len(patterns) and patterns[following] is None:
            following += 1
            reached.add(following)
    return reached
