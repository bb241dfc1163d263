"""Reading a transcript: JSON lines, a header first and then a step a line.

Errors name the line. What the steps mean is the runner's business (``runner.py``); ``docs/transcripts.md`` is the
reference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from meerkat_rpc.wire.framing import Style

VERSION = 1
"""The version of the format, in the header's ``transcript``."""

VERBS = frozenset(
    {
        "send",
        "send_frame",
        "send_frame_base64",
        "send_raw",
        "send_base64",
        "expect",
        "expect_any_order",
        "expect_stderr",
        "events_until",
        "eof",
        "exit",
        "kill",
        "signal",
        "start",
        "note",
    }
)
"""What a step does. Each line has exactly one of them."""

MODIFIERS = frozenset({"on", "text", "types", "args"})
"""What a step may say beside its verb."""

_HEADER_KEYS = frozenset({"transcript", "title", "proves", "args", "env", "store", "framing", "timeout"})
_FRAMINGS: tuple[Style, ...] = ("jsonl", "content-length")


class FormatError(Exception):
    """The file is no transcript; the message names the line."""


class Header(NamedTuple):
    """What the first line says. ``framings``: those it makes sense in. ``timeout`` in seconds, for each step."""

    title: str
    proves: Sequence[str] = ()
    args: Sequence[str] = ()
    env: Mapping[str, str] = MappingProxyType({})
    store: bool = True
    framings: Sequence[Style] = _FRAMINGS
    timeout: float | None = None


class Step(NamedTuple):
    """One line after the header: its verb, the verb's value, and the modifiers."""

    line: int
    verb: str
    value: Any
    more: dict[str, Any]

    @property
    def server(self) -> str:
        """Which of several servers is meant."""
        return str(self.more.get("on", "a"))


class Transcript(NamedTuple):
    """A file, read."""

    header: Header
    steps: Sequence[Step]


def parse(text: str) -> Transcript:
    """Return the transcript that ``text`` holds.

    Raises:
        FormatError: it holds none.
    """
    rows = [(number, _row(number, line)) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not rows:
        raise FormatError("line 1: the file is empty")
    return Transcript(_header(*rows[0]), [_step(number, row) for number, row in rows[1:]])


def _row(number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise FormatError(f"line {number}: {error}") from None
    if not isinstance(row, dict):
        raise FormatError(f"line {number}: expected an object")
    return row


def _header(number: int, row: dict[str, Any]) -> Header:
    if row.get("transcript") != VERSION:
        raise FormatError(f'line {number}: the first line must have "transcript": {VERSION} and "title"')
    if unknown := row.keys() - _HEADER_KEYS:
        raise FormatError(f"line {number}: unknown header key {min(unknown)!r}")
    proves, framing = row.get("proves", []), row.get("framing")
    if framing not in (None, *_FRAMINGS):
        raise FormatError(f"line {number}: framing is one of {', '.join(_FRAMINGS)}, or left out")
    return Header(
        title=str(row.get("title", "")),
        proves=[proves] if isinstance(proves, str) else proves,
        args=row.get("args", []),
        env=row.get("env", {}),
        store=row.get("store", True),
        framings=_FRAMINGS if framing is None else (framing,),
        timeout=row.get("timeout"),
    )


def _step(number: int, row: dict[str, Any]) -> Step:
    verbs = [key for key in row if key in VERBS]
    if len(verbs) != 1:
        raise FormatError(f"line {number}: expected exactly one of {', '.join(sorted(VERBS))}")
    if unknown := row.keys() - VERBS - MODIFIERS:
        raise FormatError(f"line {number}: unknown key {min(unknown)!r}")
    return Step(number, verbs[0], row[verbs[0]], {key: row[key] for key in row if key in MODIFIERS})
