"""Folding deltas in stored logs: the one thing that ever changes what a log holds. Belongs to the store thread.

folded      the time (ms) before which every ended turn was folded, in every session
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from attrs import define, evolve

from meerkat_rpc.domain import Folded, Folding
from meerkat_rpc.store.codec import dump, read
from meerkat_rpc.store.disk_lanes import Lanes, Log, log_key
from meerkat_rpc.store.disk_rows import Rows
from meerkat_rpc.store.rules import is_unfolded, refuse_wide
from meerkat_rpc.store.segments import EVENTS, Reader, Segment

FOLDED = "folded"


class _DryRun(Exception):
    """Undoes a transaction."""


@define
class Folder:
    """Folds the logs of a store's sessions."""

    _rows: Rows
    _lanes: Lanes

    def fold(self, session_id: str, foldings: Sequence[Folding], upto: int, *, dry_run: bool) -> Folded:
        """See ``EventStore.fold``."""
        refuse_wide(foldings)
        folded = Folded()
        with suppress(_DryRun), self._rows.transaction(durable=False):
            if (log := self._lanes.log(session_id)) is None:
                return folded
            reader = self._lanes.reader(session_id)
            todo = [folding for folding in foldings if _is_stored(folding, reader)]
            if todo or upto > (log.folded_seq or 0):
                folded = self._apply(session_id, log, todo, upto)
            if dry_run:
                raise _DryRun
        return folded

    def _apply(self, session_id: str, log: Log, todo: Sequence[Folding], upto: int) -> Folded:
        """Write what ``todo`` makes of the log."""
        reader = self._lanes.reader(session_id)
        touched: dict[int, Segment] = {}
        saved = events = 0
        for first, _, event in todo:
            events += event.seq - first
            for number in range(EVENTS.number(first), EVENTS.number(event.seq) + 1):
                segment = touched.get(number) or reader.segment(number)
                assert segment is not None  # the run was read a moment ago, in this transaction
                touched[number] = segment
                saved += self._drop_spilled(session_id, [at for at in segment.spilled if first <= at <= event.seq])
                if (body := segment.fold(first, event)) is not None:
                    key = EVENTS.spill_key(session_id, event.seq)
                    saved -= self._rows.put(key, body, tag=log.number, compress=True)
        saved += self._rows.size(log_key(session_id))
        for number, segment in touched.items():
            if log.tail and number == EVENTS.number(log.last_seq):
                log = evolve(log, tail=segment.encode())
            else:
                saved += self._write(EVENTS.key(session_id, number), segment, log.number)
        saved -= self._lanes.write_log(session_id, evolve(log, folded_seq=max(log.folded_seq or 0, upto)))
        return Folded(events, saved)

    def _drop_spilled(self, session_id: str, positions: Sequence[int]) -> int:
        """Remove spilled bodies; return how many bytes that gives back."""
        keys = [EVENTS.spill_key(session_id, position) for position in positions]
        saved = sum(self._rows.size(key) for key in keys)
        for key in keys:
            self._rows.drop(key)
        return saved

    def _write(self, key: str, segment: Segment, number: int) -> int:
        """Write a full segment, or remove it when nothing is left in it; return how many bytes that gives back."""
        before = self._rows.size(key)
        if not segment.bodies:
            self._rows.drop(key)
            return before
        return before - self._rows.put(key, segment.encode(), tag=number, compress=True, version=segment.version)

    def folded_seq(self, session_id: str) -> int:
        """See ``EventStore.folded_seq``."""
        log = self._lanes.log(session_id)
        return (log and log.folded_seq) or 0

    def folded_before(self) -> int:
        """See ``EventStore.folded_before``."""
        payload = self._rows.get(FOLDED)
        return read(FOLDED, payload, int) if payload else 0

    def note_folded(self, before_ms: int) -> None:
        """See ``EventStore.note_folded``."""
        with self._rows.transaction(durable=False):
            self._rows.put(FOLDED, dump(max(before_ms, self.folded_before())))


def _is_stored(folding: Folding, reader: Reader) -> bool:
    """Return whether the log still holds the run that ``folding`` was made of."""
    count = folding.event.seq + 1 - folding.first_seq
    return is_unfolded(folding, list(reader.records(folding.first_seq, count)))
