"""What framing should make of a stream, said a second time and simply: the whole stream at once, nothing held.

It shares no code with ``meerkat_rpc/wire/framing.py`` but the constants; where the two differ, one of them is wrong.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from meerkat_rpc.wire.framing import FrameTooLarge, Framing, Style
from meerkat_rpc.wire.headers import MAX_CONTENT_LENGTH, MAX_HEADER_BYTES, MAX_HEADER_LINES

WHITE_SPACE = b" \t\r\n"

HEADER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:.*", re.DOTALL)

Rest = Literal["nothing", "line", "body", "header", "broken"]
"""Where a stream leaves off: between two messages, within one, or where nobody can tell what comes next."""


class Reading(NamedTuple):
    """What a stream holds: its frames, including one that the end of input completes, and where it leaves off."""

    style: Style
    frames: list[bytes | FrameTooLarge]
    rest: Rest


def reading(data: bytes, framing: Framing, limit: int) -> Reading:
    """Return what ``data`` holds."""
    if framing == "auto":
        data = data.lstrip(WHITE_SPACE)
        framing = "content-length" if data[:1] in (b"C", b"c") else "jsonl"
    return _lines(data, limit) if framing == "jsonl" else _messages(data, limit)


def _lines(data: bytes, limit: int) -> Reading:
    frames: list[bytes | FrameTooLarge] = []
    for line in data.split(b"\n"):
        if len(line) > limit:
            frames.append(FrameTooLarge(limit, None))
        elif line.strip(WHITE_SPACE):
            frames.append(line.strip(WHITE_SPACE))
    return Reading("jsonl", frames, "line" if data and not data.endswith(b"\n") else "nothing")


def _messages(data: bytes, limit: int) -> Reading:
    frames: list[bytes | FrameTooLarge] = []
    while data:
        section = _section(data)
        lines = [line.removesuffix(b"\r") for line in section.split(b"\n")[:-1]]
        ended = bool(lines) and not lines[-1]
        if len(section) > MAX_HEADER_BYTES or not _readable(lines) or (ended and lines[:-1] and not _lengths(lines)):
            return Reading("content-length", frames, "broken")
        if not ended:
            return Reading("content-length", frames, "header")
        data = data[len(section) :]
        if lengths := _lengths(lines):
            length = lengths.pop()
            body, data = data[:length], data[length:]
            frames += _body(body, length, limit)
            if len(body) < length:
                return Reading("content-length", frames, "body")
    return Reading("content-length", frames, "nothing")


def _section(data: bytes) -> bytes:
    """Return the header section that ``data`` begins with, with the empty line that ends it, if it is there."""
    ending = re.search(rb"^\r?\n", data, re.MULTILINE)
    return data[: ending.end()] if ending else data


def _readable(lines: list[bytes]) -> bool:
    known = all(HEADER.fullmatch(line) for line in lines if line)
    return known and len(lines) <= MAX_HEADER_LINES + 1 and -1 not in _lengths(lines) and len(_lengths(lines)) < 2


def _lengths(lines: list[bytes]) -> set[int]:
    """Return the lengths that header ``lines`` announce; -1 for what is no length."""
    named = (line.partition(b":") for line in lines)
    return {_length(value.strip(b" \t")) for name, _, value in named if name.lower() == b"content-length"}


def _length(digits: bytes) -> int:
    significant = re.fullmatch(rb"0*([0-9]{1,10})", digits)
    return int(significant[1]) if significant and int(significant[1]) <= MAX_CONTENT_LENGTH else -1


def _body(body: bytes, length: int, limit: int) -> list[bytes | FrameTooLarge]:
    if length > limit:
        return [FrameTooLarge(limit, length)]
    if len(body) == length:
        return [body]
    return [cut] if (cut := body.strip(WHITE_SPACE)) else []
