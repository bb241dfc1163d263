"""The index over the sessions: what a listing needs, which sessions run, and what changed lately.

    changes     {counter, ring, next, running}: the counter grows by one in each commit; the ring has the numbers of the
                sessions that the last commits changed, so that another process re-reads only those
    pages       the numbers of the catalogue pages that exist
    c/<n>       a page: the rows of the sessions numbered 16 n … 16 n + 15, one a line, "null" where there is none

A session gets its number when it is created, and no other session ever gets the same. All of this is derived from the
heads, written in the same transaction, and made anew from them should a row be damaged (``rebuild``).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable

from attrs import define, field

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import CatalogueRow, SessionHead
from meerkat_rpc.errors import StoreCorrupt
from meerkat_rpc.store.codec import catalogue_json, catalogue_of, dump, read
from meerkat_rpc.store.disk_removals import REMOVALS, read_removals
from meerkat_rpc.store.disk_rows import Rows

log = logging.getLogger(__name__)

CHANGES = "changes"
PAGES = "pages"
PAGE_SIZE = 16
"""Sessions a catalogue page: each commit rewrites one page, the first listing reads them all."""

RING_SIZE = 64
"""Commits after which a process that looked away re-reads the whole catalogue."""

_NOBODY = b"null"
_BLANK_PAGE = [_NOBODY] * PAGE_SIZE


def page_key(number: int) -> str:
    """Return the key of a catalogue page."""
    return f"c/{number}"


@define
class Changes:
    """The row ``changes``."""

    counter: int = 0
    ring: list[int] = field(factory=list)
    next: int = 0
    running: list[str] = field(factory=list)

    def then(self, number: int, session_id: str, *, running: bool) -> Changes:
        """Return what it becomes by a commit to that session."""
        others = [known for known in self.running if known != session_id]
        return Changes(
            self.counter + 1,
            [*self.ring, number][-RING_SIZE:],
            max(self.next, number + 1),
            [*others, session_id] if running else others,
        )

    def since(self, version: int) -> list[int] | None:
        """Return the numbers of the sessions changed since ``version``; None when the ring doesn't say."""
        missed = self.counter - version
        return self.ring[-missed:] if 0 < missed <= len(self.ring) else None


def read_changes(rows: Rows) -> Changes:
    """Return the row ``changes``."""
    payload = rows.get(CHANGES)
    return read(CHANGES, payload, lambda parts: Changes(*parts)) if payload else Changes()


def read_pages(rows: Rows) -> list[int]:
    """Return the numbers of the catalogue pages."""
    payload = rows.get(PAGES)
    return read(PAGES, payload, list) if payload else []


def read_page(rows: Rows, number: int) -> list[CatalogueRow | None]:
    """Return a catalogue page."""
    page = b"[" + b",".join(_lines(rows, number)) + b"]"
    return read(page_key(number), page, lambda found: [row and catalogue_of(row) for row in found])


def _lines(rows: Rows, number: int) -> list[bytes]:
    payload = rows.get(page_key(number))
    return payload.split(b"\n") if payload else _BLANK_PAGE.copy()


def next_number(rows: Rows) -> int:
    """Return the number for a session that is being created in the same transaction."""
    return read_changes(rows).next


def write(rows: Rows, number: int, session_id: str, row: CatalogueRow | None) -> Changes:
    """Note, in the transaction that changes the session, what became of it; None: it was deleted."""
    _write_line(rows, number, catalogue_json(row) if row else _NOBODY)
    changes = read_changes(rows).then(number, session_id, running=row is not None and row.running is not None)
    _write_changes(rows, changes)
    return changes


def _write_changes(rows: Rows, changes: Changes) -> None:
    rows.put(CHANGES, dump([changes.counter, changes.ring, changes.next, changes.running]))


def _write_line(rows: Rows, number: int, line: bytes) -> None:
    page, slot = divmod(number, PAGE_SIZE)
    before = _lines(rows, page)
    lines = before.copy()
    lines[slot] = line
    if lines == _BLANK_PAGE:
        rows.drop(page_key(page))
        rows.put(PAGES, dump([known for known in read_pages(rows) if known != page]))
        return
    if before == _BLANK_PAGE:
        rows.put(PAGES, dump(sorted({*read_pages(rows), page})))
    rows.put(page_key(page), b"\n".join(lines))


def rebuild(rows: Rows, heads: Iterable[tuple[int, SessionHead]]) -> None:
    """Write the index anew from the heads (with their numbers) and from what can still be read of it."""
    log.warning("the index of the store in %s is damaged: making it anew from the sessions", rows.folder.path)
    with rows.transaction(durable=True):
        pages = _readable_pages(rows)
        running = []
        for number, head in heads:
            page, slot = divmod(number, PAGE_SIZE)
            pages.setdefault(page, _BLANK_PAGE.copy())[slot] = catalogue_json(CatalogueRow.of(head))
            if head.running:
                running.append(head.session_id)
        for page, lines in pages.items():
            rows.put(page_key(page), b"\n".join(lines))
        rows.put(PAGES, dump(sorted(pages)))
        try:
            read_removals(rows)
        except StoreCorrupt:
            rows.drop(REMOVALS)  # what the deleted sessions left stays, unseen; the examination names it
        # The time is far beyond any counter or number that was ever given out: all re-read, and no number comes twice.
        _write_changes(rows, Changes(counter=now_ms(), next=now_ms(), running=running))


def _readable_pages(rows: Rows) -> dict[int, list[bytes]]:
    pages = {}
    with contextlib.suppress(StoreCorrupt):
        for page in read_pages(rows):
            with contextlib.suppress(StoreCorrupt):
                pages[page] = _lines(rows, page)
    return pages


def is_index(error: StoreCorrupt) -> bool:
    """Return whether the damaged row is one of these."""
    row = str(error.data.get("row"))
    return row in {CHANGES, PAGES, REMOVALS} or row.startswith("c/")
