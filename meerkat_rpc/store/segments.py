"""Records of a session's log or history, packed into segments of a fixed number each.

A full segment is a row of its own, written again only when deltas are folded, whose key is found by arithmetic: no
index grows with the history. The segment that is still filling, the lane's tail, lies in a row that each commit
rewrites anyway. So the cost of a turn doesn't grow with the history either. A segment's payload:

    [first position, [time of the first, then differences], [[turn id, how many in a row], …], [spilled positions]]
    body of the first record
    body of the second record
    …

A body that is large, or holds a newline, lies in a row of its own ("spilled"): rewriting a tail must not copy
megabytes. Its line is empty.

Records that were folded into a later one are absent. Their segment's first line ends in a list more, of the ranges of
absent positions: [[first, last], …]. A segment with nothing left in it has no row; the range that the next one begins
with covers it. That is found by looking: a range lies within one block of segments.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, groupby, pairwise
from typing import Any, NamedTuple

import orjson
from attrs import define, field

from meerkat_rpc.domain import LoggedEvent
from meerkat_rpc.store.envelope import FORMAT, SPARSE, corrupt
from meerkat_rpc.store.rules import FOLD_BLOCK

SPILL_BYTES = 4096
"""A longer body is spilled: about a page of SQLite's."""


class Lane(NamedTuple):
    """One of the two kinds of record that a session has; positions count from 1. ``block``: segments a block."""

    letter: str
    size: int
    block: int

    def number(self, position: int) -> int:
        """Return the number of the segment that holds ``position``."""
        return (position - 1) // self.size

    def key(self, session_id: str, number: int) -> str:
        """Return the key of a full segment."""
        return f"s/{session_id}/{self.letter}/{number}"

    def spill_key(self, session_id: str, position: int) -> str:
        """Return the key of a spilled body."""
        return f"s/{session_id}/{self.letter}+/{position}"


EVENTS = Lane("e", 64, FOLD_BLOCK // 64)
MESSAGES = Lane("m", 16, 1)
"""Smaller: messages are larger than events, and each commit rewrites the tail."""


@define
class Segment:
    """A segment in memory. ``bodies`` has b"" for the positions in ``spilled``.

    ``absent`` has the ranges that lost their records, in order. The first may begin before the segment.
    """

    first: int
    times: list[int] = field(factory=list)
    turns: list[str] = field(factory=list)
    bodies: list[bytes] = field(factory=list)
    spilled: list[int] = field(factory=list)
    absent: list[tuple[int, int]] = field(factory=list)

    @property
    def end(self) -> int:
        """The position after the last record, present or absent."""
        return self.first + len(self.bodies) + sum(last + 1 - max(begin, self.first) for begin, last in self.absent)

    @property
    def positions(self) -> Sequence[int]:
        """The positions that have a record, in order."""
        if not self.absent:
            return range(self.first, self.first + len(self.bodies))
        return [position for position in range(self.first, self.end) if not self.lacks(position)]

    @property
    def version(self) -> int:
        """The oldest format version that has a place for this segment."""
        return SPARSE if self.absent else FORMAT

    def lacks(self, position: int) -> bool:
        """Return whether the record at ``position``, in this segment or one before it, was folded."""
        return any(begin <= position <= last for begin, last in self.absent)

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

    def fold(self, begin: int, record: LoggedEvent) -> bytes | None:
        """Take the records from ``begin`` to ``record``'s position out, and put ``record`` there if that is in here.

        Returns its body if that is to be spilled; the bodies that lay spilled in its place are the caller's to remove.
        """
        positions, end = self.positions, self.end
        here = record.seq < end
        run = slice(bisect_left(positions, begin), bisect_left(positions, record.seq + 1))
        new = Segment(record.seq)
        body = new.add(record) if here else None
        self.times[run], self.turns[run], self.bodies[run] = new.times, new.turns, new.bodies
        self.spilled = sorted([*(at for at in self.spilled if not begin <= at <= record.seq), *new.spilled])
        if begin < record.seq:
            gone = (begin, record.seq - 1) if here else (max(begin, self.first), end - 1)
            self.absent = sorted([*self.absent, gone])
        return body

    def encode(self) -> bytes:
        """Return the payload. The segment must have a record."""
        times = [self.times[0], *(later - earlier for earlier, later in pairwise(self.times))]
        turns = [[turn_id, sum(1 for _ in run)] for turn_id, run in groupby(self.turns)]
        absent = [self.absent] if self.absent else []
        meta = orjson.dumps([self.first, times, turns, self.spilled, *absent])
        return b"\n".join((meta, *self.bodies))


def decode(key: str, payload: bytes) -> Segment:
    """Return the segment in ``payload``. Raises ``StoreCorrupt``, naming ``key``."""
    meta, *bodies = payload.split(b"\n")
    try:
        first, times, turns, spilled, *more = orjson.loads(meta)
        absent = [(int(begin), int(last)) for ranges in more for begin, last in ranges]
        segment = Segment(first, list(accumulate(times)), _unroll(turns), bodies, spilled, absent)
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
        batch = added[done : done + segment.first + lane.size - segment.end]
        yield segment, {record.seq: body for record in batch if (body := segment.add(record)) is not None}
        done, tail = done + len(batch), None


@define
class Reader:
    """Reads a lane of a session.

    ``fetch`` returns the payload under a key, ``tail`` the payload of the lane's tail; None where there is nothing.
    ``last`` returns the last position, or 0: as the session says, not the segments.
    """

    lane: Lane
    session_id: str
    fetch: Callable[[str], bytes | None]
    tail: Callable[[], bytes | None]
    last: Callable[[], int]

    def records(self, start: int, count: int) -> Iterator[LoggedEvent]:
        """Yield at most ``count`` records from position ``start`` on. Raises ``StoreCorrupt``."""
        while count > 0:
            segment = self._segment(self.lane.number(start))
            if segment is None and start <= self.last():
                raise corrupt(self.lane.key(self.session_id, self.lane.number(start)), "it is missing")
            if segment is None or segment.end <= start:
                return
            positions = segment.positions
            begin = bisect_left(positions, start)
            wanted = slice(begin, begin + count)
            yield from self._slice(segment, positions[wanted], wanted)
            start, count = segment.end, count - len(positions[wanted])

    def segment(self, number: int) -> Segment | None:
        """Return the segment with that number, None where there is none. Raises ``StoreCorrupt``."""
        key, first = self.lane.key(self.session_id, number), number * self.lane.size + 1
        if (payload := self.fetch(key)) is None:
            if (payload := self.tail()) and (tail := decode(key, payload)).first == first:
                return tail
            # The tail may lie beyond: another process has filled the segment since we looked for it.
            if (payload := self.fetch(key)) is None:
                return None
        segment = decode(key, payload)
        if segment.first != first:
            raise corrupt(key, f"it begins with record {segment.first}")
        return segment

    def _segment(self, number: int) -> Segment | None:
        """Return the segment with that number, or the one that all of its records were folded into; None when the
        lane ends before it."""
        if (found := self.segment(number)) is not None:
            return found
        key, first = self.lane.key(self.session_id, number), number * self.lane.size + 1
        if (tail := self.tail()) and decode(key, tail).first < first:
            return None
        block_end = (number // self.lane.block + 1) * self.lane.block
        later = next(filter(None, map(self.segment, range(number + 1, block_end))), None)
        if later is not None and later.lacks(first):
            return later
        if later is None and not tail:
            return None
        raise corrupt(key, "it is missing")

    def _slice(self, segment: Segment, positions: Sequence[int], wanted: slice) -> Iterator[LoggedEvent]:
        found = zip(positions, segment.times[wanted], segment.turns[wanted], segment.bodies[wanted], strict=True)
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
