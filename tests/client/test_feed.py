"""A turn's events on their way to one reader."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from meerkat_rpc.client.events import Event, Position
from meerkat_rpc.client.feed import EventFeed


def event(seq: int, name: str, **fields: Any) -> Event:
    return Event({"session_id": "s", "turn_id": "t", "seq": seq, "timestamp_ms": 1, "event": {"type": name, **fields}})


@pytest.mark.parametrize(("from_seq", "complete"), [(2, True), (3, True), (4, False)])
def test_a_feed_goes_on_over_what_was_folded_and_ends_where_something_is_missing(from_seq: int, complete: bool) -> None:
    folded = event(6, "deltas_folded", kind="text", from_seq=from_seq, content=None)
    end = event(7, "run_completed")

    async def read() -> list[int]:
        feed = EventFeed(Position(), one_turn=True)
        for each in (event(1, "run_started"), event(2, "text_delta", delta="a"), folded, end):
            feed.offer(each, 100)
        feed.end()
        seen = [each.seq async for each in feed]
        assert feed.complete == complete
        return seen

    assert asyncio.run(read()) == ([1, 2, 6, 7] if complete else [1, 2])
