"""What changes in a text, as a unified diff that costs no more than it is worth."""

from __future__ import annotations

import difflib
import re
from typing import NamedTuple

MAX_DIFF_CHARS = 20_000
"""How much of a diff is shown: more than a person reads before saying yes."""

MAX_COMPARED = 4_000_000
"""Lines on the one side times lines on the other: up to here it is worked out which lines stayed, in less than a second
or so. Beyond, what lies between the first and the last change counts as replaced."""

CONTEXT_LINES = 3

_HUNK = re.compile(r"@@ -(\d+)(,\d+)? \+(\d+)(,\d+)? @@")


class Diff(NamedTuple):
    """``text``: the diff, perhaps cut; ``added`` and ``removed`` count all lines."""

    text: str
    added: int
    removed: int

    @property
    def counts(self) -> str:
        """How much changes, in short."""
        return f"+{self.added} -{self.removed}"


def diff(path: str, before: str | None, after: str) -> Diff:
    """Return what changes in the file at ``path``; ``before`` is None when there is none yet."""
    old, new = _lines(before or ""), _lines(after)
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    shown_from, shown_after = max(0, start - CONTEXT_LINES), max(0, end - CONTEXT_LINES)
    body = _body(old[shown_from : len(old) - shown_after], new[shown_from : len(new) - shown_after], shown_from)
    added = sum(line.startswith("+") for line in body)
    removed = sum(line.startswith("-") for line in body)
    head = [f"--- {'/dev/null' if before is None else 'a/' + path}", f"+++ b/{path}"]
    return Diff(_cut("\n".join([*head, *body])) if body else "", added, removed)


def _lines(text: str) -> list[str]:
    """Return the lines; where the last has no end, that is said as diff and git do."""
    lines = text.split("\n")
    last = lines.pop()
    return [*lines, f"{last}\n\\ No newline at end of file"] if last else lines


def _common(a: list[str], b: list[str]) -> int:
    """Return how many lines are the same at the beginning."""
    for count, (left, right) in enumerate(zip(a, b, strict=False)):
        if left != right:
            return count
    return min(len(a), len(b))


def _body(old: list[str], new: list[str], first: int) -> list[str]:
    if old == new:
        return []
    if len(old) * len(new) > MAX_COMPARED:
        replaced = [*(f"-{line}" for line in old), *(f"+{line}" for line in new)]
        return [f"@@ -{first + 1},{len(old)} +{first + 1},{len(new)} @@", *replaced]
    lines = list(difflib.unified_diff(old, new, lineterm="", n=CONTEXT_LINES))[2:]
    return [
        _HUNK.sub(lambda hunk: _shifted(hunk, first), line, count=1) if line[:2] == "@@" else line for line in lines
    ]


def _shifted(hunk: re.Match[str], by: int) -> str:
    """Return the hunk's header with lines counted from the file's beginning, not from that of the part."""
    return f"@@ -{int(hunk[1]) + by}{hunk[2] or ''} +{int(hunk[3]) + by}{hunk[4] or ''} @@"


def _cut(text: str) -> str:
    if len(text) <= MAX_DIFF_CHARS:
        return text
    shown = text[:MAX_DIFF_CHARS].rpartition("\n")[0] or text[:MAX_DIFF_CHARS]
    return f"{shown}\n… {text.count(chr(10)) - shown.count(chr(10))} more lines"
