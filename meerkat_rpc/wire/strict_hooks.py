"""Hooks for cattrs that take the very thing or refuse it: no text becomes a number, no truth a count, no text a list.

A hook is called with the value and the type it is to become, returns the value, or raises ``Mismatch``. ``convert.py``
decides which type gets which.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from meerkat_rpc.ids import canonical_id
from meerkat_rpc.wire.types import Bounds, NullResult

Hook = Callable[[Any, Any], Any]

ECHO_CHARS: Final = 40
"""How much of a refused value its message repeats: enough to know it by, too little to put a document into a log."""


class Mismatch(Exception):
    """A value is not what it should be. ``expected`` goes on after the word "expected", ``value`` is what came."""

    def __init__(self, expected: str, value: Any) -> None:
        super().__init__(expected)
        self.expected = expected
        self.value = value


def shown(value: Any) -> str:
    """Return a scalar as JSON, cut short; of anything larger only what kind of thing it is."""
    match value:
        case dict():
            return "an object"
        case list():
            return "an array"
        case str() if len(value) > ECHO_CHARS:
            return _quoted(value[: ECHO_CHARS - 1] + "…")
        case _:
            return _quoted(value)


def _quoted(scalar: Any) -> str:
    return json.dumps(scalar, ensure_ascii=False)


def exactly(kind: type, expected: str) -> Hook:
    """Take what ``kind`` makes and nothing that only derives from it: to Python True is an int, to JSON it isn't."""

    def hook(value: Any, _: Any) -> Any:
        if type(value) is kind:
            return value
        raise Mismatch(expected, value)

    return hook


def guarded(container: type, expected: str, inner: Hook) -> Hook:
    """Let ``inner``, which cattrs made and which takes whatever can be iterated, see a ``container`` or nothing."""

    def hook(value: Any, kind: Any) -> Any:
        if type(value) is container:
            return inner(value, kind)
        raise Mismatch(expected, value)

    return hook


def number(value: Any, _: Any) -> float:
    """Take any number of JSON's; 80 and 80.0 are the same to it."""
    if type(value) is float or type(value) is int:
        return float(value)
    raise Mismatch("a number", value)


def null(value: Any, _: Any) -> NullResult:
    """Take null, the result of a request that has none."""
    if value is None:
        return NullResult()
    raise Mismatch("null", value)


def uuid(value: Any, _: Any) -> str:
    """Take a UUID in any spelling, return it hyphenated and lower-case."""
    try:
        return canonical_id(value)
    except (TypeError, ValueError):
        raise Mismatch("a UUID", value) from None


def integer_within(bounds: Bounds) -> Hook:
    """Take an integer within ``bounds``."""
    low, high = bounds.minimum, bounds.maximum
    expected = "an integer" + _limits(bounds)

    def hook(value: Any, _: Any) -> Any:
        if type(value) is int and (low is None or value >= low) and (high is None or value <= high):
            return value
        raise Mismatch(expected, value)

    return hook


def text_within(bounds: Bounds) -> Hook:
    """Take a string whose length is within ``bounds``."""
    low, high = bounds.minimum, bounds.maximum
    expected = "a string of length" + _limits(bounds)

    def hook(value: Any, _: Any) -> Any:
        if type(value) is str and (low is None or len(value) >= low) and (high is None or len(value) <= high):
            return value
        raise Mismatch(expected, value)

    return hook


def _limits(bounds: Bounds) -> str:
    if bounds.minimum is None:
        return f" ≤ {bounds.maximum}"
    return f" ≥ {bounds.minimum}" if bounds.maximum is None else f" from {bounds.minimum} to {bounds.maximum}"


def choice(choices: Sequence[Any]) -> Hook:
    """Take one of ``choices``; a refusal names them."""
    kinds = {type(item) for item in choices}
    expected = _one_of([_quoted(item) for item in choices])

    def hook(value: Any, _: Any) -> Any:
        if type(value) in kinds and value in choices:
            return value
        raise Mismatch(expected, value)

    return hook


def any_of(kinds: Sequence[Any], hooks: Sequence[Hook]) -> Hook:
    """Take what one of ``hooks`` takes, asked in order; a refusal names what each would have taken."""

    def hook(value: Any, _: Any) -> Any:
        expected = []
        for kind, inner in zip(kinds, hooks, strict=True):
            try:
                return inner(value, kind)
            except Mismatch as error:
                expected.append(error.expected)
        raise Mismatch(_one_of(expected), value)

    return hook


def optional(kind: Any, inner: Hook) -> Hook:
    """Take null, or what ``inner`` takes."""

    def hook(value: Any, _: Any) -> Any:
        return None if value is None else inner(value, kind)

    return hook


def _one_of(names: list[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
