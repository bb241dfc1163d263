"""Records of a session's log or history, packed into segments of a fixed number each.

A full segment is a row of its own, never written again, whose key is found by arithmetic: no index grows with the
history. The segment that is still filling, the lane's tail, lies in a row that each commit rewrites anyway. So the cost
of a turn doesn't grow with the history either. A segment's payload:

    [first position, [time of the first, then differences], [[turn id, how many in a row], …], [spilled positions]]
    body of the first record
    body of the second record
    …

A body that is large, or holds a newline, lies in a row of its own ("spilled"): rewriting a tail must not copy
megabytes. Its line is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, groupby, pairwise
from typing import Any, NamedTuple

import orjson
from attrs import define, field

from meerkat_rpc.domain import LoggedEvent
from meerkat_rpc.store.envelope import corrupt

SPILL_BYTES = 4096
"""A longer body is spilled: about a page of SQLite's."""


class Lane(NamedTuple):
    """One of the two kinds of record that a session has; positions count from 1."""

    letter: str
    size: int

    def number(self, position: int) -> int:
        """Return the number of the segment that holds ``position``."""
        return (position - 1) // self.size

    def key(self, session_id: str, number: int) -> str:
        """Return the key of a full segment."""
        return f"s/{session_id}/{self.letter}/{number}"

    def spill_key(self, session_id: str, position: int) -> str:
        """Return the key of a spilled body."""
        return f"s/{session_id}/{self.letter}+/{position}"


EVENTS = Lane("e", 64)
MESSAGES = Lane("m", 16)
"""Smaller: messages are larger than events, and each commit rewrites the tail."""


@define
class Segment:
    """A segment in memory. ``bodies`` has b"" for the positions in ``spilled``."""

    first: int
    times: list[int] = field(factory=list)
    turns: list[str] = field(factory=list)
    bodies: list[bytes] = field(factory=list)
    spilled: list[int] = field(factory=list)

    @property
    def end(self) -> int:
        """The position after the last record."""
        return self.first + len(self.bodies)

    def add(self, record: LoggedEvent) -> bytes | None:
        """Append ``record``, whose position must be ``end``. Return its body if that is to be spilled."""
        self.times.append(record.timestamp_ms)
        self.turns.append(record.turn_id)
        if len(record.body) <= SPILL_BYTES and b"\n" not in record.body:
            self.bodies.append(record.body)
            return None
        self.bodies.append(b"")
        self.spilled.append(record.seq)
        return record.body

    def encode(self) -> bytes:
        """Return the payload."""
        times = [self.times[0], *(later - earlier for earlier, later in pairwise(self.times))]
        turns = [[turn_id, sum(1 for _ in run)] for turn_id, run in groupby(self.turns)]
        meta = orjson.dumps([self.first, times, turns, self.spilled])
        return b"\n".join((meta, *self.bodies))


def decode(key: str, payload: bytes) -> Segment:
    """Return the segment in ``payload``. Raises ``StoreCorrupt``, naming ``key``."""
    meta, *bodies = payload.split(b"\n")
    try:
        first, times, turns, spilled = orjson.loads(meta)
        segment = Segment(first, list(accumulate(times)), _unroll(turns), bodies, spilled)
    except (ValueError, TypeError) as error:
        raise corrupt(key, "its first line isn't a segment's") from error
    if not len(bodies) == len(segment.times) == len(segment.turns):
        raise corrupt(key, "it doesn't hold as many records as it says")
    return segment


def _unroll(turns: list[list[Any]]) -> list[str]:
    return [turn_id for turn_id, count in turns for _ in range(count)]


def filled(
    tail: Segment | None, lane: Lane, added: Sequence[LoggedEvent]
) -> Iterator[tuple[Segment, dict[int, bytes]]]:
    """Yield the segments that ``added`` go into, beginning with ``tail`` if there is one.

    With each come the bodies to spill, by position. All but the last are full, and that one may be.
    """
    done = 0
    while done < len(added):
        segment = tail or Segment(added[done].seq)
        batch = added[done : done + lane.size - len(segment.bodies)]
        yield segment, {record.seq: body for record in batch if (body := segment.add(record)) is not None}
        done, tail = done + len(batch), None


@define
class Reader:
    """Reads a lane of a session.

    ``fetch`` returns the payload under a key, ``tail`` the payload of the lane's tail; None where there is nothing.
    """

    lane: Lane
    session_id: str
    fetch: Callable[[str], bytes | None]
    tail: Callable[[], bytes | None]

    def records(self, start: int, count: int) -> Iterator[LoggedEvent]:
        """Yield at most ``count`` records from position ``start`` on. Raises ``StoreCorrupt``."""
        end = start + count
        while start < end:
            segment = self._segment(self.lane.number(start))
            if segment is None or segment.end <= start:
                return
            yield from self._slice(segment, start, min(end, segment.end))
            start = segment.end

    def _segment(self, number: int) -> Segment | None:
        """Return the segment with that number, None when the lane ends before it."""
        key, first = self.lane.key(self.session_id, number), number * self.lane.size + 1
        if (payload := self.fetch(key)) is None:
            tail = self.tail()
            segment = decode(key, tail) if tail else None
            if segment is None or segment.first <= first:
                return segment if segment and segment.first == first else None
            # The tail lies beyond: another process has filled the segment since we looked for it.
            if (payload := self.fetch(key)) is None:
                raise corrupt(key, "it is missing")
        segment = decode(key, payload)
        if segment.first != first:
            raise corrupt(key, f"it begins with record {segment.first}")
        return segment

    def _slice(self, segment: Segment, start: int, end: int) -> Iterator[LoggedEvent]:
        wanted = slice(start - segment.first, end - segment.first)
        found = zip(
            range(start, end), segment.times[wanted], segment.turns[wanted], segment.bodies[wanted], strict=True
        )
        if not segment.spilled:
            return map(LoggedEvent._make, found)
        spilled = set(segment.spilled)
        return (
            LoggedEvent(position, time, turn, self._body(position) if position in spilled else line)
            for position, time, turn, line in found
        )

    def _body(self, position: int) -> bytes:
        key = self.lane.spill_key(self.session_id, position)
        if (body := self.fetch(key)) is None:
            raise corrupt(key, "it is missing")
        return body
