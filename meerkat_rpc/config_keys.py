"""The settings that exist, and what a value of each must be.

One table serves the options of ``serve``, the environment, the configuration file and ``config/set``. Loaded before the
first reply, so it imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from meerkat_rpc.durations import duration_ms
from meerkat_rpc.errors import InvalidArgument, cut

MAX_SESSIONS = 1000
"""Live sessions by default: at some 50 KB each they stay below 50 MB. Stored sessions at rest don't count."""

DRAIN_TIMEOUT_S = 30.0
"""How long requests in flight may take after the end of input before their turns are interrupted (contract 1)."""

MAX_FRAME_BYTES = 64 * 1024 * 1024
"""The largest inbound message by default (contract 1): a prompt with a few large files in it, and far below memory."""

FOLD_AFTER = "7d"
"""How long ago a turn ended whose deltas are folded, by default: nobody watches it any more, nor comes back to it after
a lost connection."""

NEVER = "never"

LOG_LEVELS = ("debug", "info", "warning", "error")
FRAMINGS = ("auto", "jsonl", "content-length")

SECRET_KINDS = ("table", "headers", "variable", "url", "texts")
"""Kinds whose values messages don't repeat: they hold secrets, or are where people put one by mistake."""

_TYPES: Mapping[type, str] = {str: "text", list: "a list", dict: "a table"}


class Key(NamedTuple):
    """A setting.

    ``kind``: text, path, count (an integer ≥ 1), number (an integer ≥ 0), seconds (a number ≥ 0), age (a duration, or
    "never"), duration, flag, choice, texts (a list of ``choices``, where there are any), folders (a list of absolute
    paths), url (of a server), variable (the name of one), table (of variables), headers (a table).
    ``live``: a change holds from the next turn on; else from the next start.
    ``project``: who may say it for a project: ``no`` project file, a ``trusted`` one, or ``any``.
    ``most``: the largest number.
    """

    name: str
    kind: str
    doc: str
    choices: tuple[str, ...] = ()
    environment: str | None = None
    default: Any = None
    live: bool = False
    project: str = "no"
    most: int | None = None


KEYS: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key("store", "path", "directory of the session store", environment="MEERKAT_STORE"),
        Key("model", "text", "model of sessions that name none", environment="MEERKAT_MODEL", live=True, project="any"),
        Key("contract", "text", "contract version to speak", environment="MEERKAT_CONTRACT"),
        Key("max_sessions", "count", "live sessions at most", default=MAX_SESSIONS),
        Key("framing", "choice", "how messages are framed", FRAMINGS, default="auto"),
        Key("drain_timeout", "seconds", "time for requests in flight at the end of input", default=DRAIN_TIMEOUT_S),
        Key("max_frame_bytes", "count", "largest inbound message", default=MAX_FRAME_BYTES),
        Key("fold_after", "age", "how long ago a turn ended whose deltas are folded", default=FOLD_AFTER),
        Key("log_level", "choice", "least severe message to log", LOG_LEVELS, default="warning"),
        Key("log_file", "path", "file to log to instead of stderr"),
        Key("env", "table", "environment variables to set where they are not set, for agents' keys", live=True),
    )
}
"""Those that a server starts with. ``config_schema.py`` has the rest."""


def check_value(key: Key, value: object, path: str) -> None:
    """Refuse a value that ``key`` can't have. Raises ``InvalidArgument``."""
    if not fits(key, value):
        raise InvalidArgument(refusal(path, expected(key), key, value))


def fits(key: Key, value: object) -> bool:
    """Return whether ``value`` is one that ``key`` can have."""
    match key.kind:
        case "text" | "path":
            return isinstance(value, str) and value != "" and "\0" not in value
        case "age":
            return isinstance(value, str) and _is_age(value)
        case "choice":
            return value in key.choices
        case "count":
            return is_integer(value, 1, key.most)
        case "seconds":
            most = float("inf") if key.most is None else key.most
            return (
                isinstance(value, int | float)
                and not isinstance(value, bool)
                and 0 <= value < float("inf")
                and value <= most
            )
        case _:
            return isinstance(value, Mapping) and all(_is_variable(name, text) for name, text in value.items())


def expected(key: Key) -> str:
    """Return what a value of ``key`` must be, for people."""
    match key.kind:
        case "text" | "path":
            return "text"
        case "choice":
            return "one of " + ", ".join(key.choices)
        case "count":
            return "an integer ≥ 1" if key.most is None else f"an integer from 1 to {key.most}"
        case "seconds":
            return "a number of seconds ≥ 0" if key.most is None else f"a number of seconds from 0 to {key.most}"
        case "age":
            return 'a duration such as 12h or 7d, or "never"'
        case _:
            return "a table of variable names and texts"


def age_ms(age: str, path: str) -> int | None:
    """Return the milliseconds of a setting that is an age; None for never. Raises ``InvalidArgument``."""
    return None if age == NEVER else duration_ms(age, path)


def _is_age(text: str) -> bool:
    try:
        age_ms(text, "")
    except InvalidArgument:
        return False
    return True


def is_integer(value: object, least: int, most: int | None) -> bool:
    """Return whether ``value`` is an integer from ``least`` to ``most`` (None: however large), and no flag."""
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return value >= least and (most is None or value <= most)


def _is_variable(name: object, text: object) -> bool:
    """Whether an environment variable can be called ``name`` and hold ``text``."""
    named = isinstance(name, str) and name != "" and "=" not in name and "\0" not in name
    return named and isinstance(text, str) and "\0" not in text


def refusal(path: str, wanted: str, key: Key, value: object) -> str:
    """Return the message about a ``value`` that ``key`` can't have."""
    return f"{path}: expected {wanted}, got {_shown(key, value)}"


def _shown(key: Key, value: object) -> str:
    """Return what a message may say of a refused value: a scalar itself, of the rest (secrets, perhaps) the type."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, str) and key.kind not in SECRET_KINDS:
        return f'"{cut(value)}"'
    return cut(str(value)) if isinstance(value, int | float) else _TYPES.get(type(value), type(value).__name__)
