"""Text on its way to a terminal: made harmless, made short."""

from __future__ import annotations

import os
import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters but tab and line feed. A model, a title or a tool could otherwise send the terminal commands."""

_AGES = ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"))
"""Below how many seconds an age is given in which unit, and that unit's seconds."""


def printable(text: str) -> str:
    """Return ``text`` without control characters."""
    return _CONTROL.sub("", text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """Return ``text`` as a single printable line."""
    return " ".join(printable(text).split())


def age(seconds: float) -> str:
    """Return how long ago something was, as a person says it: ``42 s``, ``3 h``, ``12 d``."""
    seconds = max(seconds, 0)
    for limit, unit, name in _AGES:
        if seconds < limit:
            return f"{int(seconds // unit)} {name}"
    return f"{int(seconds // 86400)} d"


def short_path(path: str) -> str:
    """Return ``path`` with the user's home directory as ``~``."""
    home = os.path.expanduser("~")
    return f"~{path[len(home) :]}" if path == home or path.startswith(home + os.sep) else path
