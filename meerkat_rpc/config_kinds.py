"""The kinds of values that only nested settings have. Those of ``serve``'s options are in ``config_keys.py``.

Apart, because these are needed only where a configuration file uses them, after a server's first reply mostly.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from meerkat_rpc import config_keys
from meerkat_rpc.config_keys import Key, is_integer
from meerkat_rpc.durations import duration_ms
from meerkat_rpc.errors import InvalidArgument

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
"""RFC 9110 section 5.6.2."""

_WORDS = {
    "flag": "true or false",
    "duration": "a duration such as 90s, 30min or 12h",
    "folder": "an absolute path, or one that begins with ~/",
    "folders": "a list of absolute paths (or such that begin with ~/)",
    "url": "an address that begins with http:// or https://",
    "variable": "the name of an environment variable that has the key (not the key itself)",
    "headers": "a table of header names and texts of one line",
}

KINDS = frozenset(_WORDS) | {"number", "texts"}


def check_value(key: Key, value: object, path: str) -> None:
    """Refuse a value that ``key``, of whichever kind, can't have. Raises ``InvalidArgument``."""
    if key.kind not in KINDS:
        config_keys.check_value(key, value, path)
    elif not _fits(key, value):
        raise InvalidArgument(config_keys.refusal(path, expected(key), key, value))


def expected(key: Key) -> str:
    """Return what a value of ``key`` must be, for people."""
    match key.kind:
        case "number":
            return "an integer ≥ 0" if key.most is None else f"an integer from 0 to {key.most}"
        case "texts":
            return "a list of " + (f"some of {', '.join(key.choices)}" if key.choices else "texts")
        case kind:
            return _WORDS.get(kind) or config_keys.expected(key)


def _fits(key: Key, value: object) -> bool:
    match key.kind:
        case "flag":
            return isinstance(value, bool)
        case "number":
            return is_integer(value, 0, key.most)
        case "texts":
            return isinstance(value, list) and all(_is_one(key, item) for item in value)
        case "folders":
            return isinstance(value, list) and all(_is_folder(item) for item in value)
        case "headers":
            return isinstance(value, Mapping) and all(_is_header(name, text) for name, text in value.items())
        case _:
            return isinstance(value, str) and _text_fits(key.kind, value)


def _text_fits(kind: str, value: str) -> bool:
    match kind:
        case "duration":
            return _is_duration(value)
        case "folder":
            return _is_folder(value)
        case "url":
            return _is_url(value)
        case _:
            return _VARIABLE.fullmatch(value) is not None


def _is_one(key: Key, item: object) -> bool:
    return isinstance(item, str) and "\0" not in item and (item in key.choices if key.choices else True)


def _is_folder(value: object) -> bool:
    """Whether ``value`` means the same folder wherever one stands."""
    return isinstance(value, str) and "\0" not in value and (os.path.isabs(value) or value[:2] in {"~", "~/"})


def _is_duration(text: str) -> bool:
    try:
        return duration_ms(text, "") > 0
    except InvalidArgument:
        return False


def _is_url(text: str) -> bool:
    scheme, _, rest = text.partition("://")
    return (
        scheme.lower() in {"http", "https"} and rest.strip("/") != "" and not any(c.isspace() or c < " " for c in text)
    )


def _is_header(name: object, text: object) -> bool:
    named = isinstance(name, str) and _HEADER.fullmatch(name) is not None
    return named and isinstance(text, str) and not any(c in "\r\n\0" for c in text)
