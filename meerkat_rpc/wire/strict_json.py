"""JSON that can be kept: what ``parse`` accepts can be stored, logged and sent again without a change of meaning.

orjson does the work and refuses most of what contract section 1 refuses: invalid UTF-8, a byte order mark, NaN,
Infinity, numbers beyond a double, lone surrogates. Two things it lets through are refused here, each behind a test that
costs next to nothing for an ordinary message:

- an integer beyond 64 bits becomes a float without a word;
- nesting is allowed 1024 deep, where other JSON readers, and recursive code behind us, give up much earlier.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson

MAX_DEPTH: Final = 100
"""Deepest nesting of arrays and objects, the message itself included."""

_TO_ZERO: Final = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER: Final = b"0" * 19  # the shortest integer beyond 64 bits has 19 digits, after its sign
_LONGEST_INTEGER: Final = len(str(-(2**63)))


class ParseError(Exception):
    """The frame is not JSON that can be kept. ``message`` is for a person and holds none of the frame."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def parse(frame: bytes) -> Any:
    """Return the value that ``frame`` holds.

    Raises:
        ParseError: it is not JSON, or breaks a rule above.
    """
    try:
        value = orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        raise ParseError(f"invalid JSON: {error.msg} (at character {error.pos})") from None
    if frame.count(b"[") + frame.count(b"{") > MAX_DEPTH and _is_too_deep(value):
        raise ParseError(f"invalid JSON: nested more than {MAX_DEPTH} deep")
    if _LONG_NUMBER in frame.translate(_TO_ZERO):
        _check_integers(frame)
    return value


def _is_too_deep(value: Any) -> bool:
    level = _containers([value])
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        level = [item for container in level for item in _containers(container)]
    return bool(level)


def _containers(values: Iterable[Any]) -> list[Any]:
    items = values.values() if isinstance(values, dict) else values
    return [item for item in items if type(item) is dict or type(item) is list]


def _check_integers(frame: bytes) -> None:
    """Read the frame again with a reader that shows each number as it is written: the digits may be part of a text."""
    import json

    json.loads(frame, parse_int=_check_integer)


def _check_integer(digits: str) -> int:
    # Measured as text first: int() of thousands of digits is an error of its own.
    if len(digits) > _LONGEST_INTEGER or not -(2**63) <= int(digits) < 2**64:
        raise ParseError("invalid JSON: an integer is beyond 64 bits")
    return 0
