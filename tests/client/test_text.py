"""The text of a turn out of its events."""

from __future__ import annotations

from typing import Any

import pytest

from meerkat_rpc.client import Event, TurnText


def event(seq: int, name: str, **fields: Any) -> Event:
    return Event({"session_id": "s", "turn_id": "t", "seq": seq, "timestamp_ms": 1, "event": {"type": name, **fields}})


def delta(seq: int, text: str) -> Event:
    return event(seq, "text_delta", delta=text)


def folded(seq: int, from_seq: int, content: str | None = None, kind: str = "text") -> Event:
    return event(seq, "deltas_folded", kind=kind, from_seq=from_seq, content=content)


def complete(seq: int, content: str) -> Event:
    return event(seq, "text_complete", content=content)


@pytest.mark.parametrize(
    ("events", "added"),
    [
        ([delta(1, "ab"), delta(2, "cd"), complete(3, "abcd")], ["ab", "cd", ""]),
        ([folded(2, 1), complete(3, "abcd")], ["", "abcd"]),
        ([delta(1, "ab"), folded(3, 1), complete(4, "abcdef")], ["ab", "", "cdef"]),
        ([delta(1, "ab"), folded(3, 1, "abcdef"), delta(4, "g")], ["ab", "cdef", "g"]),
        ([folded(3, 1, "abc"), folded(5, 4, "de")], ["abc", "de"]),
        ([delta(1, "ab"), folded(5, 2, "cd"), complete(6, "another text")], ["ab", "cd", ""]),
        ([folded(2, 1), complete(3, "one"), delta(4, "two"), complete(5, "two")], ["", "one", "two", ""]),
        ([folded(2, 1, None, "reasoning"), delta(3, "a"), complete(4, "a")], ["", "a", ""]),
    ],
)
def test_every_piece_of_the_text_is_added_once(events: list[Event], added: list[str]) -> None:
    text = TurnText()
    assert [text.added(event) for event in events] == added
