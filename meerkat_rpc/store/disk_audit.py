"""Reads everything a store holds and tells what doesn't hold together."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

from attrs import define, field

from meerkat_rpc.domain import CatalogueRow, Message, QueuedPrompt, SessionHead
from meerkat_rpc.errors import StoreError
from meerkat_rpc.event_json import first_seq
from meerkat_rpc.store.codec import read
from meerkat_rpc.store.disk_blob_audit import BlobAudit
from meerkat_rpc.store.disk_blobs import UNREFERENCED
from meerkat_rpc.store.disk_catalogue import Catalogue
from meerkat_rpc.store.disk_folding import FOLDED
from meerkat_rpc.store.disk_index import CHANGES, PAGES, read_changes
from meerkat_rpc.store.disk_leases import LEASES
from meerkat_rpc.store.disk_parts import Parts
from meerkat_rpc.store.disk_removals import REMOVALS, read_removals
from meerkat_rpc.store.disk_rows import IDENTITY
from meerkat_rpc.store.disk_stops import STOPS
from meerkat_rpc.store.rules import digests_in

PAGE = 1000
"""Events or messages read at a time."""

_KNOWN = {IDENTITY, CHANGES, PAGES, LEASES, STOPS, REMOVALS, FOLDED, UNREFERENCED}


def audit(parts: Parts, keys: Sequence[str]) -> list[str]:
    """Return a sentence for each thing that is wrong with the store; ``keys`` are those of all its rows."""
    audited = _Audit(parts, [key.split("/") for key in keys])
    found = [*audited.strays(), *audited.sessions(), *audited.turns(), *audited.index()]
    return [*found, *BlobAudit(parts, audited.keys, audited.heads, audited.attached).findings()]


@define
class _Audit:
    parts: Parts
    keys: list[list[str]]
    heads: dict[str, SessionHead | None] = field(factory=dict)
    attached: dict[str, set[str]] = field(factory=lambda: defaultdict(set))
    leaving: set[str] = field(factory=set)
    recorded: set[tuple[str, str]] = field(factory=set)

    def __attrs_post_init__(self) -> None:
        """Note which sessions there are, which are being removed, and of which turns there is a record.

        ``attached`` is filled in as heads and histories are read: the blobs that each session names.
        """
        with contextlib.suppress(StoreError):  # ``index`` tells
            self.leaving = {session_id for _, session_id in read_removals(self.parts.rows)}
        self.recorded = {(key[1], key[3]) for key in self.keys if key[0] == "s" and key[2:3] == ["t"]}
        self.heads = {key[1]: None for key in self.keys if len(key) == 3 and key[0] == "s" and key[2] == "head"}  # noqa: PLR2004

    def strays(self) -> Iterator[str]:
        """Tell of rows that nothing would ever read."""
        known = {*self.heads, *self.leaving}
        for key in self.keys:
            name = "/".join(key)
            if key[0] == "s" and (len(key) < 3 or key[1] not in known):  # noqa: PLR2004
                yield f"The row {name} belongs to a session that isn't there."
            elif key[0] not in {"s", "c", "t", "b", "r"} and name not in _KNOWN:
                yield f"The row {name} belongs to nothing."

    def sessions(self) -> Iterator[str]:
        """Tell of heads, histories and logs that can't be read to their end."""
        for session_id in self.heads:
            yield from _told(self._history(session_id))
            yield from _told(self._log(session_id))

    def _history(self, session_id: str) -> Iterator[str]:
        head = self.heads[session_id] = self.parts.sessions.head(session_id)
        found = 0
        if head is not None:
            self._note_attached(session_id, (*head.queue, *head.context))
        while page := self.parts.sessions.messages(session_id, found, PAGE):
            found += len(page)
            self._note_attached(session_id, page)
        last = head and head.last_turn
        if last and (session_id, last.turn_id) not in self.recorded:
            yield f"Session {session_id} has no record of its turn {last.turn_id}."
        if head is not None and found != head.message_count:
            yield f"Session {session_id} has {found} messages, and its head says {head.message_count}."

    def _note_attached(self, session_id: str, holders: Sequence[Message | QueuedPrompt]) -> None:
        self.attached[session_id].update(digests_in(holders))

    def _log(self, session_id: str) -> Iterator[str]:
        last_seq = 0
        while page := self.parts.lanes.events(session_id, last_seq, PAGE):
            for event in page:
                if first_seq(event) != last_seq + 1:
                    yield f"Session {session_id}: event {event.seq} follows event {last_seq}."
                last_seq = event.seq
        if last_seq != (said := self.parts.lanes.last_seq(session_id)):
            yield f"Session {session_id} has events up to {last_seq}, and its log says {said}."

    def turns(self) -> Iterator[str]:
        """Tell of turns' records that can't be read, and of first turns that lead nowhere."""
        for key in self.keys:
            if key[0] == "s" and key[2:3] == ["t"]:
                yield from _told(self._turn(key[1], key[3]))
            elif key[0] == "t":
                yield from _told(self._created_with(key[1]))

    def _turn(self, session_id: str, turn_id: str) -> Iterator[str]:
        if (record := self.parts.sessions.turn(session_id, turn_id)) and record.turn_id != turn_id:
            yield f"Session {session_id} has turn {record.turn_id} in the place of {turn_id}."

    def _created_with(self, turn_id: str) -> Iterator[str]:
        key = f"t/{turn_id}"
        session_id = read(key, self.parts.rows.get(key) or b"", str)
        if session_id not in self.heads and session_id not in self.leaving:
            yield f"The row t/{turn_id} names session {session_id}, which isn't there."

    def index(self) -> Iterator[str]:
        """Tell how the index differs from the heads it was made from, and of leases and the like that can't be read."""
        yield from _told(self._catalogue())
        yield from _told(self._running())
        yield from _told(self._leases())
        yield from _told(self._removals())

    def _catalogue(self) -> Iterator[str]:
        _, rows = Catalogue(self.parts.rows).current()
        for session_id, head in self.heads.items():
            if head is not None and rows.get(session_id) != CatalogueRow.of(head):
                yield f"The catalogue has not what session {session_id} says of itself."
        for session_id in rows.keys() - self.heads.keys():
            yield f"The catalogue lists session {session_id}, which isn't there."

    def _running(self) -> Iterator[str]:
        running = {session_id for session_id, head in self.heads.items() if head is not None and head.running}
        listed = {known for known in read_changes(self.parts.rows).running if self.heads.get(known) is not None}
        for session_id in running ^ listed:
            yield f"Session {session_id} is not where it belongs in the list of running ones."

    def _leases(self) -> Iterator[str]:
        self.parts.leases.expiry("")
        self.parts.stops.all()
        yield from ()

    def _removals(self) -> Iterator[str]:
        read_removals(self.parts.rows)
        yield from ()


def _told(check: Iterator[str]) -> Iterator[str]:
    """Yield what ``check`` finds, and what keeps it from going on."""
    try:
        yield from check
    except StoreError as error:
        yield error.message
