"""Names of tools as every provider takes them, one for each tool of each server."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

MAX_NAME_CHARS = 64
"""Longest name that every provider takes."""

SEPARATOR = "__"

_DIGEST_CHARS = 6
"""How much of a digest tells names apart that would else be the same."""

_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_-]")


def tool_names(tools: Iterable[tuple[str, str]]) -> list[str]:
    """Return a name for each (server, tool): ``server__tool`` where that is allowed and free.

    Where characters had to be replaced or cut, a digest stands at the end: so the name of a tool depends on nothing but
    itself, except where two of them are the same as they are.
    """
    taken: set[str] = set()
    names = []
    for server, tool in tools:
        name = _name(server, tool)
        if name in taken:
            name = _with_digest(name, server, tool)
        taken.add(name)
        names.append(name)
    return names


def _name(server: str, tool: str) -> str:
    wished = f"{server}{SEPARATOR}{tool}"
    allowed = _FORBIDDEN.sub("_", wished)
    return allowed if allowed == wished and len(wished) <= MAX_NAME_CHARS else _with_digest(allowed, server, tool)


def _with_digest(name: str, server: str, tool: str) -> str:
    digest = hashlib.sha256(f"{server}\0{tool}".encode("utf-8", "replace")).hexdigest()[:_DIGEST_CHARS]
    return f"{name[: MAX_NAME_CHARS - _DIGEST_CHARS - 1]}_{digest}"
