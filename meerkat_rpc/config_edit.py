"""Editing TOML that people edit too: comments, order and line ends stay as they are."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, MutableMapping
from typing import Any


def edited(content: bytes, new: Mapping[str, Any]) -> bytes:
    """Return the TOML of ``new``, made by editing ``content``, which must be valid."""
    text = content.decode()
    crlf = "\r\n" in text
    result = _edited(text.replace("\r\n", "\n"), new)
    return (result.replace("\n", "\r\n") if crlf else result).encode()


def _edited(text: str, new: Mapping[str, Any]) -> str:
    """Layout comes second: nothing is returned that reads back as something else."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        _edit(document, new)
        result = tomlkit.dumps(document)
        if _same(tomllib.loads(result), new):
            return result
    except (
        TOMLKitError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ):  # tables in odd orders are too much for it
        pass
    return tomlkit.dumps(new)


def _edit(table: MutableMapping[str, Any], new: Mapping[str, Any]) -> None:
    for name in [name for name in table if name not in new]:
        del table[name]
    for name, value in new.items():
        current = table.get(name)
        if isinstance(current, MutableMapping) and isinstance(value, Mapping):
            _edit(current, value)
        elif isinstance(current, list) and isinstance(value, list):
            _edit_list(current, value)
        elif not _same(current, value):
            table[name] = value


def _edit_list(current: list[Any], new: list[Any]) -> None:
    """Take out of ``current`` what isn't in ``new``, and add what is new, each where it belongs."""
    position = 0
    for item in new:
        while position < len(current) and current[position] != item and current[position] not in new[position:]:
            del current[position]
        if position == len(current) or current[position] != item:
            current.insert(position, item)
        position += 1
    while len(current) > position:
        del current[-1]


def _same(a: Any, b: Any) -> bool:
    """Return whether two values are the same in TOML, where 1 is neither true nor 1.0."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool) and isinstance(a, float) == isinstance(b, float)
