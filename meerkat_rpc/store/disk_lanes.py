"""The event logs of sessions, and what logs and histories have in common. Belongs to the store thread.

The rows, where "…" is s/<session id>:

    …/log                        a line [the session's number, the log's last sequence number], then the log's tail;
                                 a third number in the line says up to where deltas were folded, if they were
    …/e/<n>, …/m/<n>             full segments of events and of messages (see ``segments.py``), compressed
    …/e+/<seq>, …/m+/<position>  bodies that were spilled
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define

from meerkat_rpc.domain import LoggedEvent
from meerkat_rpc.store.codec import dump, read
from meerkat_rpc.store.disk_rows import Rows
from meerkat_rpc.store.envelope import FORMAT, SPARSE, corrupt
from meerkat_rpc.store.rules import gone, refuse_gap
from meerkat_rpc.store.segments import EVENTS, Lane, Reader, decode, filled


@define
class Log:
    """A session's log as it is stored: the session's number, the last sequence number, the tail's payload; and up to
    which sequence number deltas were folded, None if none ever were."""

    number: int
    last_seq: int
    tail: bytes
    folded_seq: int | None = None


def head_key(session_id: str) -> str:
    """Return the key of a session's head."""
    return f"s/{session_id}/head"


def log_key(session_id: str) -> str:
    """Return the key of a log's last sequence number and tail."""
    return f"s/{session_id}/log"


@define
class Lanes:
    """The lanes of every session in a store."""

    _rows: Rows

    def append(self, session_id: str, events: Sequence[LoggedEvent]) -> None:
        """Append ``events`` to the log, to survive the death of the process, or raise ``RevisionConflict``."""
        with self._rows.transaction(durable=False):
            if (log := self.log(session_id)) is None:
                raise gone(session_id)
            refuse_gap(session_id, events, log.last_seq)
            self.extend_log(session_id, log, events)

    def extend_log(self, session_id: str, log: Log, events: Sequence[LoggedEvent]) -> None:
        """Write ``events``, which follow the last one of ``log``, in the caller's transaction."""
        tail = self.extend(EVENTS, session_id, log.number, log.tail, events)
        last_seq = events[-1].seq if events else log.last_seq
        self.write_log(session_id, Log(log.number, last_seq, tail, log.folded_seq))

    def write_log(self, session_id: str, log: Log) -> int:
        """Write the row of a log in the caller's transaction; return its size.

        Where deltas were folded, a program that knows nothing of it must not read, nor go on with, the log.
        """
        folded = [] if log.folded_seq is None else [log.folded_seq]
        line = dump([log.number, log.last_seq, *folded])
        version = SPARSE if folded else FORMAT
        return self._rows.put(log_key(session_id), line + b"\n" + log.tail, tag=log.number, version=version)

    def extend(
        self,
        lane: Lane,
        session_id: str,
        number: int,
        tail: bytes,
        added: Sequence[LoggedEvent],
        version: int = FORMAT,
    ) -> bytes:
        """Write the segments that ``added`` fill, and return the payload of the new tail; b"" when nothing is left.

        Args:
            lane: which of the session's lanes.
            session_id: the session.
            number: its number.
            tail: the payload of the lane's tail; b"" when the last segment is full, or there is none.
            added: what follows the lane's last record.
            version: the oldest format version that has a place for ``added`` and for what is in the tail.
        """
        if not added:
            return tail
        begun = decode(lane.key(session_id, lane.number(added[0].seq)), tail) if tail else None
        if (begun.end if begun else added[0].seq - (added[0].seq - 1) % lane.size) != added[0].seq:
            raise corrupt(lane.key(session_id, lane.number(added[0].seq)), "its tail isn't as long as the session says")
        for segment, spills in filled(begun, lane, added):
            for position, body in spills.items():
                self._rows.put(lane.spill_key(session_id, position), body, tag=number, compress=True, version=version)
            tail = segment.encode()
            if segment.end == segment.first + lane.size:
                key = lane.key(session_id, lane.number(segment.first))
                self._rows.put(key, tail, tag=number, compress=True, version=max(segment.version, version))
                tail = b""
        return tail

    def events(self, session_id: str, after_seq: int, limit: int) -> list[LoggedEvent]:
        """Return at most ``limit`` events after ``after_seq``."""
        if not self._rows.has(log_key(session_id)) and self.log(session_id) is None:
            return []
        return list(self.reader(session_id).records(after_seq + 1, limit))

    def reader(self, session_id: str) -> Reader:
        """Return what reads the log."""
        return Reader(
            EVENTS,
            session_id,
            self._rows.get,
            tail=lambda: self._tail(session_id),
            last=lambda: self.last_seq(session_id),
        )

    def last_seq(self, session_id: str) -> int:
        """Return the log's last sequence number, or 0."""
        log = self.log(session_id)
        return log.last_seq if log else 0

    def log(self, session_id: str) -> Log | None:
        """Return the session's log, or None."""
        key = log_key(session_id)
        if (payload := self._rows.get(key) or self._just_created(session_id, key)) is None:
            return None
        line, _, tail = payload.partition(b"\n")
        return read(key, line, lambda parts: Log(int(parts[0]), int(parts[1]), tail, *map(int, parts[2:])))

    def _just_created(self, session_id: str, key: str) -> bytes | None:
        """Return the log that wasn't there a moment ago. Raises ``StoreCorrupt`` when only the session is there."""
        if self._rows.get(head_key(session_id)) is None:
            return None
        if (payload := self._rows.get(key)) is None:
            raise corrupt(key, "it is missing")
        return payload

    def _tail(self, session_id: str) -> bytes | None:
        log = self.log(session_id)
        return log.tail if log else None
