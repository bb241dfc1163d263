"""Which sessions a listing shows, and in what order: pure functions over catalogue rows."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter

from attrs import evolve

from meerkat_rpc.domain import CatalogueRow, SessionHead, title_of
from meerkat_rpc.sessions.asking import waiting
from meerkat_rpc.sessions.service import ListQuery, SessionPage, SessionSummary

_place = attrgetter("updated_ms", "session_id")
"""Where a row stands: in C, for there may be fifty thousand."""


class NewestFirst:
    """``rows`` in the order of every listing: by time of the last change, the newest first, then by id.

    Each half, the archived ones and the others, is put in order when it is first asked for. ``rows`` must not change.
    """

    def __init__(self, rows: Collection[CatalogueRow]) -> None:
        self._rows = rows
        self._halves: dict[bool, Sequence[CatalogueRow]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def half(self, *, archived: bool) -> Sequence[CatalogueRow]:
        """Return the archived ones, or the others."""
        if archived not in self._halves:
            rows = [row for row in self._rows if row.archived == archived]
            self._halves[archived] = sorted(rows, key=_place, reverse=True)
        return self._halves[archived]


def select(rows: NewestFirst, query: ListQuery) -> SessionPage:
    """Return the page of ``rows`` that ``query`` asks for."""
    found = rows.half(archived=query.archived)
    if query.cwd is not None:
        found = [row for row in found if row.cwd == query.cwd]
    for name, value in query.labels.items():
        found = [row for row in found if row.labels.get(name) == value]
    if query.query:
        needle = query.query.casefold()
        found = [  # in place of a function, which would take twice as long over 10,000 rows
            row
            for row in found
            if (row.first_prompt and needle in row.first_prompt.casefold())
            or (row.title and needle in row.title.casefold())
        ]
    start = query.offset + (0 if query.after is None else _after(found, query.after))
    page = found[start : start + query.limit]
    more = len(found) > start + query.limit
    return SessionPage([summary_of(row) for row in page], _place(page[-1]) if more and page else None, len(found))


def with_questions(page: SessionPage, heads: Iterable[SessionHead | None]) -> SessionPage:
    """Return ``page`` with a mark at each session that waits for an answer; ``heads`` are those of the running ones."""
    asking = {head.session_id for head in heads if head is not None and waiting(head)}
    if not asking:
        return page
    return evolve(page, sessions=[evolve(row, needs_answer=row.session_id in asking) for row in page.sessions])


def _after(rows: Sequence[CatalogueRow], place: tuple[int, str]) -> int:
    """Return the index of the first of ``rows`` that comes after ``place``: is before it in time."""
    return bisect_left(rows, True, key=lambda row: _place(row) < place)  # noqa: FBT003 - the value that is looked for


def summary_of(row: CatalogueRow) -> SessionSummary:
    """Return what a listing says of ``row``."""
    running = row.running is not None
    return SessionSummary(
        session_id=row.session_id,
        state="running" if running else "idle",
        is_active=running,
        archived=row.archived,
        title=title_of(row.title, row.first_prompt),
        labels=row.labels,
        cwd=row.cwd,
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
        message_count=row.message_count,
        total_tokens=row.total_tokens,
    )


def summary_of_head(head: SessionHead) -> SessionSummary:
    """Return what a listing says of the session of ``head``."""
    return evolve(summary_of(CatalogueRow.of(head)), needs_answer=bool(waiting(head)))
