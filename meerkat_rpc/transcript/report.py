"""Showing how a transcript went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from meerkat_rpc.transcript.patterns import ABSENT, repr_json
from meerkat_rpc.transcript.runner import Failure

WIDTH = 1000
"""Where a message is cut, in characters."""

STDERR_LINES = 15


def describe(failure: Failure) -> str:
    """Return a failure as a person wants to read it: where, what was expected, what came, and what led to it."""
    return "\n".join(f"    {line}" for line in _lines(failure))


def _lines(failure: Failure) -> Iterator[str]:
    step, mismatch = failure.step, failure.mismatch
    where = "after the last step" if step is None else f"line {step.line}, {step.verb}"
    yield where + (f", at {mismatch.path}" if mismatch.path else "")
    yield f"expected  {cut(mismatch.expected)}"
    yield f"got       {cut(_shown(mismatch.got))}"
    if step is not None and step.verb.startswith(("expect", "events")):
        yield f"step      {cut(repr_json(step.value))}"
    if failure.message is not ABSENT:
        yield f"message   {cut(repr_json(failure.message))}"
    yield from _log(failure.log)
    if failure.stderr.strip():
        yield "stderr:"
        yield from (f"  {cut(line)}" for line in failure.stderr.rstrip().splitlines()[-STDERR_LINES:])


def _log(log: Sequence[tuple[str, str]]) -> Iterator[str]:
    if log:
        yield "the last messages (→ to the server, ← from it):"
        yield from (f"  {arrow} {cut(text)}" for arrow, text in log)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and "\n" in value else repr_json(value)


def cut(text: str) -> str:
    """Return ``text`` no longer than ``WIDTH`` characters, saying what was left out."""
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}… ({len(text) - WIDTH} characters more)"
