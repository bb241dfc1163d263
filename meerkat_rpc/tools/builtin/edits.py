"""Replacing a piece of a text that must be there exactly once, and saying what is there instead."""

from __future__ import annotations

import difflib
import re

from meerkat_rpc.errors import InvalidArgument

MAX_LOOKED_AT = 20_000
"""How many lines are compared to find the nearest: a second's work or so."""

MIN_LIKENESS = 0.5
"""How like a line must be to be shown as the nearest, from 0 to 1."""

MAX_NAMED = 10
"""How many occurrences are named."""

MAX_SHOWN_CHARS = 400
"""How much of the nearest text is shown: what was changed since is seen in its first lines."""


def edited(text: str, old: str, new: str, *, everywhere: bool) -> str:
    """Return ``text`` with ``new`` in place of ``old``. Line ends of a file from Windows are kept as they are there.

    Raises:
        InvalidArgument: ``old`` isn't there (the message shows the nearest), or more than once (it names the lines).
    """
    if not old:
        raise InvalidArgument("old_text: empty; expected the text that is to be replaced")
    if old == new:
        raise InvalidArgument("new_text: the same as old_text, so nothing would change")
    if old not in text and "\r\n" in text:
        old, new = _with_windows_ends(old), _with_windows_ends(new)
    count = text.count(old)
    if not count:
        raise InvalidArgument(f"old_text: not in the file as given. {_nearest(text, old)}")
    if count > 1 and not everywhere:
        raise InvalidArgument(f"old_text: {count} times in the file, at {_places(text, old)}; give more of the text")
    return text.replace(old, new)


def _with_windows_ends(text: str) -> str:
    return re.sub(r"\r?\n", "\r\n", text)


def _places(text: str, old: str) -> str:
    lines: list[str] = []
    at = text.find(old)
    while at >= 0 and len(lines) < MAX_NAMED:
        lines.append(str(text.count("\n", 0, at) + 1))
        at = text.find(old, at + len(old))
    return f"line {', '.join(lines)}{' …' if at >= 0 else ''}"


def _nearest(text: str, old: str) -> str:
    """Return a sentence with the part of ``text`` that is most like ``old``: known by its first line that says much."""
    wanted = old.strip("\n").splitlines() or [old]
    offset = max(range(len(wanted)), key=lambda index: (len(wanted[index].strip()) > 3, -index))  # noqa: PLR2004
    lines = text.splitlines()
    number = _most_like(lines[:MAX_LOOKED_AT], wanted[offset].strip())
    if number is None:
        return "Nothing in it is like that; read the file again."
    start = max(0, number - offset)
    shown = "\n".join(lines[start : start + len(wanted)])
    return f"The nearest is at line {start + 1}:\n{shown[:MAX_SHOWN_CHARS]}{'…' if shown[MAX_SHOWN_CHARS:] else ''}"


def _most_like(lines: list[str], wanted: str) -> int | None:
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(wanted[:MAX_SHOWN_CHARS])
    best, found = MIN_LIKENESS, None
    for number, line in enumerate(lines):
        matcher.set_seq1(line.strip()[:MAX_SHOWN_CHARS])
        if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best and (like := matcher.ratio()) > best:
            best, found = like, number
    return found
