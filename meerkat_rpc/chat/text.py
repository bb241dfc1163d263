"""Text on its way to a terminal: made harmless, made short."""

from __future__ import annotations

import os
import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters but tab and line feed. A model, a title or a tool could otherwise send the terminal commands."""

_MISLEADING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""Control characters, and what Unicode has to make text look like other text: invisible characters, and changes of
direction. What a person decides on must not look like something else."""

_AGES = ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"))
"""Below how many seconds an age is given in which unit, and that unit's seconds."""


def printable(text: str) -> str:
    """Return ``text`` without control characters."""
    return _CONTROL.sub("", text.replace("\r\n", "\n"))


def revealed(text: str) -> str:
    """Return ``text`` with every character that can't be seen, or that changes how others are seen, as its escape."""
    return _MISLEADING.sub(lambda found: ascii(found[0])[1:-1], text.replace("\r\n", "\n"))


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


def size(count: int) -> str:
    """Return a number of bytes as a person says it: ``812 bytes``, ``34 kB``, ``5.2 MB``."""
    if count < 1000:  # noqa: PLR2004 - what kilo says
        return f"{count} byte{'' if count == 1 else 's'}"
    return f"{count / 1000:.0f} kB" if count < 10**6 else f"{count / 10**6:.1f} MB"


def short_path(path: str) -> str:
    """Return ``path`` with the user's home directory as ``~``."""
    home = os.path.expanduser("~")
    return f"~{path[len(home) :]}" if path == home or path.startswith(home + os.sep) else path
