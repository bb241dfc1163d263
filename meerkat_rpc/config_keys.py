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


class Key(NamedTuple):
    """A setting. ``kind``: text, path, count (an integer ≥ 1), seconds (a number ≥ 0), age (a duration, or "never"),
    choice, table (of text)."""

    name: str
    kind: str
    doc: str
    choices: tuple[str, ...] = ()
    environment: str | None = None
    default: Any = None


KEYS: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key("store", "path", "directory of the session store", environment="MEERKAT_STORE"),
        Key("model", "text", "model of sessions that name none", environment="MEERKAT_MODEL"),
        Key("contract", "text", "contract version to speak", environment="MEERKAT_CONTRACT"),
        Key("max_sessions", "count", "live sessions at most", default=MAX_SESSIONS),
        Key("framing", "choice", "how messages are framed", FRAMINGS, default="auto"),
        Key("drain_timeout", "seconds", "time for requests in flight at the end of input", default=DRAIN_TIMEOUT_S),
        Key("max_frame_bytes", "count", "largest inbound message", default=MAX_FRAME_BYTES),
        Key("fold_after", "age", "how long ago a turn ended whose deltas are folded", default=FOLD_AFTER),
        Key("log_level", "choice", "least severe message to log", LOG_LEVELS, default="warning"),
        Key("log_file", "path", "file to log to instead of stderr"),
        Key("env", "table", "environment variables to set where they are not set, for agents' keys"),
    )
}


def check_config(config: Mapping[str, Any], path: str) -> None:
    """Refuse what a configuration may not hold.

    Args:
        config: name → value, as read from TOML or JSON.
        path: where ``config`` stands, for the message: ``params.config`` gives ``params.config.model: …``.

    Raises:
        InvalidArgument: a key is unknown (the nearest known one is named) or a value is of the wrong type.
    """
    for name, value in config.items():
        check_value(known_key(name, path), value, f"{path}.{name}" if path else name)


def known_key(name: str, path: str = "") -> Key:
    """Return the key called ``name``. Raises ``InvalidArgument`` naming the nearest one."""
    if key := KEYS.get(name):
        return key
    from difflib import get_close_matches

    shown = cut(name)
    nearest = get_close_matches(shown.replace("-", "_"), KEYS, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"known settings: {', '.join(KEYS)}"
    raise InvalidArgument(f"{path + '.' if path else ''}{shown}: no such setting; {hint}")


def check_value(key: Key, value: object, path: str) -> None:
    """Refuse a value that ``key`` can't have. Raises ``InvalidArgument``."""
    if not _fits(key, value):
        shown = type(value).__name__ if key.kind == "table" else _shown(value)  # keys stand in the table
        raise InvalidArgument(f"{path}: expected {_expected(key)}, got {shown}")


def _fits(key: Key, value: object) -> bool:
    match key.kind:
        case "text" | "path":
            return isinstance(value, str) and value != "" and "\0" not in value
        case "age":
            return isinstance(value, str) and _is_age(value)
        case "choice":
            return value in key.choices
        case "count":
            return isinstance(value, int) and not isinstance(value, bool) and value >= 1
        case "seconds":
            return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")
        case _:
            return isinstance(value, Mapping) and all(_is_variable(name, text) for name, text in value.items())


def age_ms(age: str, path: str) -> int | None:
    """Return the milliseconds of a setting that is an age; None for never. Raises ``InvalidArgument``."""
    return None if age == NEVER else duration_ms(age, path)


def _is_age(text: str) -> bool:
    try:
        age_ms(text, "")
    except InvalidArgument:
        return False
    return True


def _is_variable(name: object, text: object) -> bool:
    """Whether an environment variable can be called ``name`` and hold ``text``."""
    named = isinstance(name, str) and name != "" and "=" not in name and "\0" not in name
    return named and isinstance(text, str) and "\0" not in text


def _expected(key: Key) -> str:
    match key.kind:
        case "text" | "path":
            return "text"
        case "choice":
            return "one of " + ", ".join(key.choices)
        case "count":
            return "an integer ≥ 1"
        case "seconds":
            return "a number of seconds ≥ 0"
        case "age":
            return 'a duration such as 12h or 7d, or "never"'
        case _:
            return "a table of variable names and texts"


def _shown(value: object) -> str:
    """Return what a message may say of a refused value: a scalar itself, of the rest (secrets, perhaps) the type."""
    if isinstance(value, str):
        return f'"{cut(value)}"'
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value) if isinstance(value, int | float) else type(value).__name__
