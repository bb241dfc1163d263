"""What is measured in each editor, so that the three can be compared; ``tests/benchmarks/editors.py`` prints it."""

from __future__ import annotations

from attrs import frozen

TURNS = 1000
"""Turns of the session that is opened, as ``Workplace.long_session`` writes it."""

OPENINGS = 7

DELTAS = 20_000
WORD = "word "
SCRIPT = [{"text": WORD, "repeat": DELTAS}]
"""An answer as fast as the server can send it."""


@frozen
class Streaming:
    """How an editor took ``DELTAS`` deltas. Times are in milliseconds.

    ``total_ms``: from sending the prompt until the answer's end is shown. ``stall_ms``: how late, at most, a timer of
    the editor's main thread was meanwhile; by the thread's name where there are several.
    """

    total_ms: float
    stall_ms: dict[str, float]
