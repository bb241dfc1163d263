"""The catalogue in memory, brought up to date by one small read when nothing changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence

from attrs import define, field

from meerkat_rpc.domain import CatalogueRow
from meerkat_rpc.store.disk_index import PAGE_SIZE, RING_SIZE, Changes, read_changes, read_page, read_pages
from meerkat_rpc.store.disk_rows import Rows


@define
class Catalogue:
    """Every session's row, as of some commit. Belongs to the store thread, which gives copies away.

    ``_own`` has the counters of the last commits that were made here.
    """

    _rows: Rows
    _version: int = -1
    _ids: dict[int, str] = field(factory=dict)
    _by_id: dict[str, CatalogueRow] = field(factory=dict)
    _copy: tuple[int, Mapping[str, CatalogueRow]] = (-1, {})
    _own: deque[int] = field(factory=lambda: deque(maxlen=RING_SIZE))

    def current(self) -> tuple[int, Mapping[str, CatalogueRow]]:
        """Return the counter of the last commit, and the rows; the mapping is never changed afterwards."""
        changes = read_changes(self._rows)
        if changes.counter != self._version:
            self._catch_up(changes)
        if self._copy[0] != self._version:
            self._copy = self._version, self._by_id.copy()
        return self._copy

    def number_of(self, session_id: str) -> int | None:
        """Return the number of a session, from the catalogue alone; None when there is no such session."""
        return self.numbers_of({session_id}).get(session_id)

    def numbers_of(self, session_ids: Collection[str]) -> dict[str, int]:
        """Return the numbers of those of the sessions that there are, from the catalogue alone."""
        self.current()
        wanted = set(session_ids)
        return {session_id: number for number, session_id in self._ids.items() if session_id in wanted}

    def note(self, changes: Changes, number: int, row: CatalogueRow | None) -> None:
        """Take over what a commit of our own made of a session, unless others' commits have to be read first."""
        self._own.append(changes.counter)
        if changes.counter == self._version + 1:
            self._place([(number, row)])
            self._version = changes.counter

    def changed_by_others(self, since: int | None) -> tuple[int, Collection[str] | None]:
        """Return the counter of the last commit, and the sessions that others changed since the one of ``since``.

        None in place of them: there were too many, or one was deleted and isn't known by its number any more.
        """
        changes = read_changes(self._rows)
        if since in (None, changes.counter):
            return changes.counter, ()
        if (numbers := changes.since(since)) is None:
            return changes.counter, None
        others = {number for counter, number in enumerate(numbers, since + 1) if counter not in self._own}
        found = {number: self._ids[number] for number in others if number in self._ids}
        if others:
            self.current()
        found |= {number: self._ids[number] for number in others if number in self._ids}
        return changes.counter, set(found.values()) if found.keys() == others else None

    def _catch_up(self, changes: Changes) -> None:
        numbers = changes.since(self._version) if self._version >= 0 else None
        if numbers is None:
            self._ids.clear()
            self._by_id.clear()
        pages = read_pages(self._rows) if numbers is None else sorted({number // PAGE_SIZE for number in numbers})
        self._place([found for page in pages for found in enumerate(read_page(self._rows, page), page * PAGE_SIZE)])
        self._version = changes.counter

    def _place(self, found: Sequence[tuple[int, CatalogueRow | None]]) -> None:
        for number, _ in found:  # all out before any goes in: a session may have been deleted and created again
            if (session_id := self._ids.pop(number, None)) is not None:
                self._by_id.pop(session_id, None)  # pages are read one by one: two of them may have had it
        for number, row in found:
            if row is not None:
                self._ids[number] = row.session_id
                self._by_id[row.session_id] = row
