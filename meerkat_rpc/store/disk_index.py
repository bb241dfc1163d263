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
from collections.abc import Mapping

from attrs import define, field

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import CatalogueRow, SessionHead
from meerkat_rpc.errors import StoreCorrupt
from meerkat_rpc.store.codec import catalogue_json, catalogue_of, dump, read
from meerkat_rpc.store.disk_blobs import UNREFERENCED, Blobs
from meerkat_rpc.store.disk_removals import REMOVALS, read_removals
from meerkat_rpc.store.disk_rows import Rows
from meerkat_rpc.store.envelope import corrupt

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


def begin(rows: Rows) -> None:
    """Write the index of a new store, in the transaction that makes it one."""
    rows.put(PAGES, dump([]))
    _write_changes(rows, Changes())


def read_changes(rows: Rows) -> Changes:
    """Return the row ``changes``."""
    return read(CHANGES, _required(rows, CHANGES), lambda parts: Changes(*parts))


def read_pages(rows: Rows) -> list[int]:
    """Return the numbers of the catalogue pages."""
    return read(PAGES, _required(rows, PAGES), list)


def _required(rows: Rows, key: str) -> bytes:
    """Return the row under ``key``. One that isn't there must not pass for a store without sessions."""
    if (payload := rows.get(key)) is None:
        raise corrupt(key, "it is missing")
    return payload


def read_page(rows: Rows, number: int) -> list[CatalogueRow | None]:
    """Return a catalogue page."""
    page = b"[" + b",".join(_lines(rows, number)) + b"]"
    return read(page_key(number), page, lambda found: [row and catalogue_of(row) for row in found])


def _lines(rows: Rows, number: int) -> list[bytes]:
    payload = rows.get(page_key(number))
    if payload is not None:
        return payload.split(b"\n")
    if number in read_pages(rows):
        raise corrupt(page_key(number), "it is missing")
    return _BLANK_PAGE.copy()


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


def rebuild(rows: Rows, heads: Mapping[str, tuple[int, SessionHead] | None]) -> None:
    """Write the index anew from what can still be read of it and from the heads, which come with their numbers; None is
    for one that can't be read.

    Raises:
        StoreCorrupt: a session would be missing from the index. Nothing was changed.
    """
    rows.refuse_unsound()  # or sessions that SQLite doesn't find would be left out
    log.warning("the index of the store in %s is damaged: making it anew from the sessions", rows.folder.path)
    with rows.transaction(durable=True):
        pages = _readable_pages(rows)
        for session_id in (session_id for session_id, found in heads.items() if found is None):
            if not any(session_id.encode() in line for lines in pages.values() for line in lines):
                raise corrupt(f"s/{session_id}/head", "the catalogue is damaged too, and can't be made anew without it")
        readable = [found for found in heads.values() if found is not None]
        for number, head in readable:
            page, slot = divmod(number, PAGE_SIZE)
            pages.setdefault(page, _BLANK_PAGE.copy())[slot] = catalogue_json(CatalogueRow.of(head))
        for page, lines in pages.items():
            rows.put(page_key(page), b"\n".join(lines))
        rows.put(PAGES, dump(sorted(pages)))
        try:
            read_removals(rows)
        except StoreCorrupt:
            rows.drop(REMOVALS)  # what the deleted sessions left stays, unseen; the examination names it
        try:
            Blobs(rows).unreferenced()
        except StoreCorrupt:
            rows.drop(UNREFERENCED)  # likewise
        running = [head.session_id for _, head in readable if head.running]
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
    return row in {CHANGES, PAGES, REMOVALS, UNREFERENCED} or row.startswith("c/")
