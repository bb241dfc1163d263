"""Sessions in rows: what a commit writes, and how it is read back. Belongs to the store thread.

The rows, besides those of ``disk_heads.py``, ``disk_lanes.py`` and ``disk_blobs.py``:

    s/<session id>/t/<id>    a turn's record
    t/<turn id>              the id of the session that was created with that turn

Every row of a session is tagged with the session's number: deleting the session is removing what carries the tag.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from attrs import define

from meerkat_rpc.domain import CatalogueRow, History, LoggedEvent, Message, SessionChange, SessionHead, TurnRecord
from meerkat_rpc.errors import StoreCorrupt, StoreError
from meerkat_rpc.store import disk_index, disk_removals
from meerkat_rpc.store.codec import (
    dump,
    message_of,
    message_record,
    message_version,
    read,
    turn_json,
    turn_of,
)
from meerkat_rpc.store.disk_blobs import Blobs
from meerkat_rpc.store.disk_catalogue import Catalogue
from meerkat_rpc.store.disk_heads import Heads
from meerkat_rpc.store.disk_lanes import Lanes, Log, head_key, log_key
from meerkat_rpc.store.disk_rows import Rows
from meerkat_rpc.store.envelope import AGENTS, FORMAT, corrupt
from meerkat_rpc.store.rules import Stored, admitted_turn, referred_blobs, refuse_other, refuse_stale
from meerkat_rpc.store.segments import MESSAGES, Reader

T = TypeVar("T")


def turn_key(session_id: str, turn_id: str) -> str:
    """Return the key of a turn's record."""
    return f"s/{session_id}/t/{turn_id}"


@define
class Sessions:
    """The sessions of one store."""

    _rows: Rows
    _lanes: Lanes
    _heads: Heads
    _blobs: Blobs
    _catalogue: Catalogue

    def head(self, session_id: str) -> SessionHead | None:
        """Return the session's head, or None."""
        if (found := self._heads.numbered(session_id)) is None:
            self._refuse_headless(session_id)
        return found and found[1]

    def commit(self, change: SessionChange) -> None:
        """Apply ``change`` in one durable transaction, or raise ``RevisionConflict``."""
        self._with_index(lambda: self._commit(change))

    def _commit(self, change: SessionChange) -> None:
        head, row = change.head, CatalogueRow.of(change.head)
        with self._rows.transaction(durable=True):
            number = self._write(change)
            changes = disk_index.write(self._rows, number, head.session_id, row)
        self._catalogue.note(changes, number, row)

    def _write(self, change: SessionChange) -> int:
        """Write everything but the index and return the session's number, or raise ``RevisionConflict``."""
        session_id = change.head.session_id
        found = self._heads.row(session_id)
        log = self._lanes.log(session_id) if change.events and found else None
        line = self._heads.line(session_id, found, log.last_seq if log else 0) if found else None
        stored = line.stored if line else Stored()
        holder = self.session_of_turn(change.create_turn_id) if change.create_turn_id else None
        turn_taken = line is not None and self._has_turn(session_id, admitted_turn(change))
        refuse_stale(change, stored, holder=holder, turn_taken=turn_taken)
        number = line.number if line else disk_index.next_number(self._rows)
        if not line:
            disk_removals.finish(self._rows, session_id)
        if digests := referred_blobs(change):
            self._blobs.refer(number, session_id, digests, change.blobs)
        if change.events or not line:
            self._lanes.extend_log(session_id, log or Log(number, 0, b""), change.events)
        version = max(map(message_version, change.messages), default=FORMAT)
        version = max(version, AGENTS if digests else FORMAT, line.version if line else FORMAT)
        added = [message_record(index, message) for index, message in enumerate(change.messages, stored.message_count)]
        tail = self._lanes.extend(MESSAGES, session_id, number, found.tail if found else b"", added, version)
        self._heads.write(change.head, number, tail, line, version)
        self._write_turn(change, number)
        return number

    def _write_turn(self, change: SessionChange, number: int) -> None:
        if change.turn:
            key = turn_key(change.head.session_id, change.turn.turn_id)
            self._rows.put(key, turn_json(change.turn), tag=number)
        if change.create_turn_id:
            self._rows.put(f"t/{change.create_turn_id}", dump(change.head.session_id), tag=number)

    def delete(self, session_id: str, seen: SessionHead | None = None) -> bool:
        """Remove the session, in one durable transaction. Return False when there was none.

        Rows that would take long to remove are left to ``disk_tidying.py``; nothing shows them any more.

        Raises:
            RevisionConflict: it has changed since its head was ``seen``.
        """
        return self._with_index(lambda: self._delete(session_id, seen))

    def _delete(self, session_id: str, seen: SessionHead | None) -> bool:
        with self._rows.transaction(durable=True):
            if (number := self._number_to_delete(session_id, seen)) is None:
                return False
            if self._rows.drop_some(number):
                self._rows.drop(head_key(session_id))
                self._rows.drop(log_key(session_id))
                disk_removals.note(self._rows, number, session_id)
            self._blobs.let_go(number)
            changes = disk_index.write(self._rows, number, session_id, None)
        self._catalogue.note(changes, number, None)
        return True

    def _number_to_delete(self, session_id: str, seen: SessionHead | None) -> int | None:
        try:
            if (found := self._heads.row(session_id)) is None:
                return None
            line = self._heads.line(session_id, found)
        except StoreCorrupt:
            if seen is not None:
                raise
            return self._catalogue.number_of(session_id)  # what can't be read can still be removed
        refuse_other(seen, line.stored.revision, line.stored.created_ms)
        return line.number

    def numbers(self, session_ids: Collection[str]) -> dict[str, int]:
        """Return the numbers of those of the sessions that there are."""
        return self._with_index(lambda: self._catalogue.numbers_of(session_ids))

    def messages(self, session_id: str, start: int, count: int) -> list[Message]:
        """Return at most ``count`` messages from index ``start``."""
        if not self._rows.has(head_key(session_id)):
            self._refuse_headless(session_id)
            return []
        return [message_from(session_id, record) for record in self.reader(session_id).records(start + 1, count)]

    def history(self, session_id: str, bounds: Callable[[int], tuple[int, int]]) -> History | None:
        """Return the session and messages of it: those that ``bounds`` chooses, told how many there are."""
        if (head := self.head(session_id)) is None:
            return None
        start, count = bounds(head.message_count)
        messages = self.messages(session_id, start, count)
        return History(head, self._lanes.last_seq(session_id), start, messages)

    def reader(self, session_id: str) -> Reader:
        """Return what reads the history, message 0 at position 1."""
        return Reader(
            MESSAGES,
            session_id,
            self._rows.get,
            tail=lambda: self._tail(session_id),
            last=lambda: self._message_count(session_id),
        )

    def turn(self, session_id: str, turn_id: str) -> TurnRecord | None:
        """Return a turn's record, or None."""
        key = turn_key(session_id, turn_id)
        payload = self._rows.get(key)
        if payload is not None and self._rows.has(head_key(session_id)):
            return read(key, payload, turn_of)
        head = self.head(session_id)
        if head and head.last_turn and head.last_turn.turn_id == turn_id:  # or it would be run a second time
            raise corrupt(key, "it is missing")
        return None

    def session_of_turn(self, create_turn_id: str) -> str | None:
        """Return the session that was created with ``create_turn_id``, or None."""
        key = f"t/{create_turn_id}"
        payload = self._rows.get(key)
        session_id = None if payload is None else read(key, payload, str)
        return session_id if session_id and self._rows.has(head_key(session_id)) else None

    def catalogue(self) -> tuple[int, Mapping[str, CatalogueRow]]:
        """Return the catalogue's version and rows, as of now."""
        return self._with_index(self._catalogue.current)

    def changed_by_others(self, since: int | None) -> tuple[int, Collection[str] | None]:
        """Return which sessions other processes changed. See ``SharedStore``."""
        return self._with_index(lambda: self._catalogue.changed_by_others(since))

    def running(self) -> list[str]:
        """Return the sessions whose head says that a turn is running."""
        return self._with_index(lambda: disk_index.read_changes(self._rows).running)

    def _has_turn(self, session_id: str, turn_id: str | None) -> bool:
        return turn_id is not None and self._rows.has(turn_key(session_id, turn_id))

    def _tail(self, session_id: str) -> bytes | None:
        found = self._heads.row(session_id)
        return found and found.tail

    def _message_count(self, session_id: str) -> int:
        found = self._heads.row(session_id)
        return self._heads.line(session_id, found).stored.message_count if found else 0

    def _with_index(self, job: Callable[[], T]) -> T:
        """Return what ``job`` returns, after making the index anew if it turns out to be damaged."""
        try:
            return job()
        except StoreCorrupt as error:
            if not disk_index.is_index(error) or self._rows.read_only:
                raise
            disk_index.rebuild(self._rows, self._all_heads())
            return job()

    def _all_heads(self) -> dict[str, tuple[int, SessionHead] | None]:
        """Return every session's head with its number, by id; None for one that can't be read."""
        ids = [key[2:-5] for key in self._rows.every_key() if key.startswith("s/") and key.endswith("/head")]
        heads: dict[str, tuple[int, SessionHead] | None] = dict.fromkeys(ids)
        for session_id in ids:
            with contextlib.suppress(StoreError):  # that session says so itself, when it is asked for
                heads[session_id] = self._heads.numbered(session_id)
        return heads

    def _refuse_headless(self, session_id: str) -> None:
        """Raise ``StoreCorrupt`` when the session is there, though its head isn't."""
        if self._lanes.log(session_id) is None and session_id not in self.catalogue()[1]:
            return
        if self._heads.row(session_id) is None:  # else it was created just now
            raise corrupt(head_key(session_id), "it is missing")


def message_from(session_id: str, record: LoggedEvent) -> Message:
    """Return the message in a record of a session's history. Raises ``StoreCorrupt``."""
    key = MESSAGES.key(session_id, MESSAGES.number(record.seq))
    return read(key, record.body, lambda document: message_of(record, document))
