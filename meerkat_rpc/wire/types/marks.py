"""What wire types are made with: the class decorator, limits, and the scalars that have names."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar, dataclass_transform

from attrs import field, frozen

JSON = Any

T = TypeVar("T", bound=type)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def message(kind: T) -> T:
    """Make ``kind`` an attrs class with no more than a constructor: it is made once and read once. What else attrs
    would generate (representation, comparison, slots) took two thirds of this module's import."""
    return frozen(kind, repr=False, eq=False, slots=False)


@frozen
class Bounds:
    """Limits of an integer (inclusive) or, for text, of its length in characters."""

    minimum: int | None = None
    maximum: int | None = None


@frozen
class Format:
    """A named form of a string: ``uuid``."""

    name: str


Uuid = Annotated[str, Format("uuid")]
"""A UUID in any spelling; answered hyphenated and lower-case."""

Count = Annotated[int, Bounds(minimum=0)]
MAX_PAGE = 1000
"""Entries in a page: a second's reading, and far below what a message may hold."""

PageLimit = Annotated[int, Bounds(minimum=1, maximum=MAX_PAGE)]
Positive = Annotated[int, Bounds(minimum=1)]
Text = Annotated[str, Bounds(minimum=1)]
Labels = dict[str, str]
Digest = str
"""The SHA-256 of an attachment's content, hexadecimal."""


@message
class NoParams:
    """Takes nothing."""


@message
class NullResult:
    """Answers ``null``."""
