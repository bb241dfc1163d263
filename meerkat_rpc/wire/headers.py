"""The header section of the ``Content-Length`` framing: bounded, and only the length is kept.

Strict where two readings are possible, because a length misread once puts every later message out of step: a missing,
doubtful or contradictory length is an error, never a guess.
"""

from __future__ import annotations

from typing import Final

MAX_CONTENT_LENGTH: Final = 1024 * 1024 * 1024
"""Largest length believed, in bytes. One beyond it is a misread header more likely than a message, and no client would
wait for it to be skipped."""

MAX_HEADER_BYTES: Final = 8 * 1024
"""Bound of one header section. Real ones have 25 to 90 bytes."""

MAX_HEADER_LINES: Final = 64
"""Bound of the lines in one header section."""

_NAME_BYTES: Final = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class HeaderError(Exception):
    """The section can't be read. Its text is one sentence for a person, without any of the input in it."""


class HeaderSection:
    """The headers of one message, a line at a time. ``lines`` counts those seen."""

    def __init__(self) -> None:
        self.lines = 0
        self._bytes = 0
        self._length: int | None = None

    def count(self, size: int) -> None:
        """Note that ``size`` more bytes belong to the section, whether or not they end a line.

        Raises:
            HeaderError: they are too many.
        """
        self._bytes += size
        if self._bytes > MAX_HEADER_BYTES:
            raise HeaderError(f"a header section is longer than {MAX_HEADER_BYTES} bytes")

    def add(self, line: bytes) -> None:
        """Take a header line, without its line end.

        Raises:
            HeaderError: it is not ``name: value``, it is one too many, or its length is no length.
        """
        self.lines += 1
        if self.lines > MAX_HEADER_LINES:
            raise HeaderError(f"a header section has more than {MAX_HEADER_LINES} lines")
        name, colon, value = line.partition(b":")
        # Nothing but these in a name (RFC 9110 section 5.6.2), so a message where headers were due is noticed at once.
        if not colon or not name or name.translate(None, _NAME_BYTES):
            raise HeaderError("a header line is not a name, a colon and a value")
        if name.lower() == b"content-length":
            self._set_length(_number(value.strip(b" \t")))

    def finish(self) -> int:
        """Return the length that the section announced, in bytes.

        Raises:
            HeaderError: it announced none.
        """
        if self._length is None:
            raise HeaderError("a header section has no Content-Length")
        return self._length

    def _set_length(self, length: int) -> None:
        if self._length is not None and self._length != length:
            raise HeaderError("a header section has two Content-Lengths that differ")
        self._length = length


def _number(digits: bytes) -> int:
    if not digits.isdigit():  # ASCII digits only: no sign, no list, no underscore
        raise HeaderError("Content-Length is not a number of bytes")
    # Compared as text first: int() of thousands of digits is an error of its own.
    significant = digits.lstrip(b"0") or b"0"
    if len(significant) > len(str(MAX_CONTENT_LENGTH)) or int(significant) > MAX_CONTENT_LENGTH:
        raise HeaderError(f"Content-Length is above {MAX_CONTENT_LENGTH} bytes")
    return int(significant)
