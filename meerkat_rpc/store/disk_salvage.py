"""Reads what can be read of a damaged store, session by session. Changes nothing, and doesn't need SQLite to open it.

Each row's checksum covers its key: a row that is found anywhere in the file and passes is a true one, if perhaps an old
one. Of several under the same key the newest is taken.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import cast

from attrs import define, field, frozen

from meerkat_rpc.domain import AgentConfig, CatalogueRow, LoggedEvent, Message, SessionHead
from meerkat_rpc.errors import StoreCorrupt, StoreError
from meerkat_rpc.store.codec import load, read, turn_of
from meerkat_rpc.store.disk_blob_audit import blob_parts
from meerkat_rpc.store.disk_cache import RAW, Cache, ForeignRow
from meerkat_rpc.store.disk_folder import StoreFolder, explained
from meerkat_rpc.store.disk_index import read_page, read_pages
from meerkat_rpc.store.disk_parts import Parts, parts_of
from meerkat_rpc.store.disk_removals import read_removals
from meerkat_rpc.store.disk_rows import Rows
from meerkat_rpc.store.disk_sessions import message_from
from meerkat_rpc.store.envelope import unseal
from meerkat_rpc.store.rules import digests_in
from meerkat_rpc.store.segments import Reader
from meerkat_rpc.store.sqlite_file import Broken, SQLiteFile


@frozen
class Salvaged:
    """What could be read of a session; ``missing`` says in sentences what could not. ``head`` may be made up.

    ``blobs`` are the digests of those that the session names and that can be read.
    """

    session_id: str
    head: SessionHead
    messages: Sequence[Message]
    events: Sequence[LoggedEvent]
    missing: Sequence[str]
    blobs: Collection[str] = ()

    @property
    def state(self) -> str:
        """Return "whole", "partial" or "lost"."""
        if not self.missing:
            return "whole"
        return "partial" if self.messages or self.events else "lost"


@define
class Wreck:
    """A store that is being salvaged; ``problems`` are those of no session."""

    parts: Parts
    problems: list[str] = field(factory=list)
    _keys: dict[str, set[str]] = field(factory=dict)
    _catalogue: dict[str, CatalogueRow] = field(factory=dict)

    @property
    def sessions(self) -> list[str]:
        """Every session that left a trace, by id."""
        return sorted({*self._keys, *self._catalogue})

    def salvage(self, session_id: str) -> Salvaged:
        """Read what there is of a session."""
        missing: list[str] = []
        head = self._head(session_id, missing)
        reader = self.parts.sessions.reader(session_id)
        records = _records(reader, self._last(session_id, reader, head.message_count), "message", missing)
        messages = []
        for record in records:
            with _noted(missing):
                messages.append(message_from(session_id, record))
        log = self.parts.lanes.reader(session_id)
        events = _records(log, self._last_event(session_id, log, missing), "event", missing)
        self._check_turns(session_id, missing)
        blobs = self._readable(digests_in((*messages, *head.queue, *head.context)), missing)
        return Salvaged(session_id, head, messages, events, list(dict.fromkeys(missing)), blobs)

    def _readable(self, digests: Collection[str], missing: list[str]) -> list[str]:
        """Return those of the blobs that can be read; note in ``missing`` those that can't."""
        readable = []
        for digest in sorted(digests):
            with _noted(missing):
                for _ in blob_parts(self.parts.rows, digest):
                    pass
                readable.append(digest)
        return readable

    def blob(self, digest: str) -> Iterator[bytes]:
        """Yield the parts of a blob's content. Raises what ``blob_parts`` does."""
        return blob_parts(self.parts.rows, digest)

    def _head(self, session_id: str, missing: list[str]) -> SessionHead:
        try:
            if (head := self.parts.sessions.head(session_id)) is not None:
                return head
        except StoreError as error:
            missing.append(error.message)
        with suppress(StoreError):  # its configuration, or what else lies beside it, may be all that is lost
            if (head := self.parts.heads.remnant(session_id)) is not None:
                return head
        row = self._catalogue.get(session_id)
        missing.append("Its head is lost, and with it its last messages.")
        if row is None:
            return SessionHead(session_id, 0, 0, 0, AgentConfig())
        return SessionHead(
            session_id,
            revision=0,
            created_ms=row.created_ms,
            updated_ms=row.updated_ms,
            config=AgentConfig(),
            title=row.title,
            first_prompt=row.first_prompt,
            labels=row.labels,
            cwd=row.cwd,
            archived=row.archived,
            message_count=row.message_count,
        )

    def _last_event(self, session_id: str, reader: Reader, missing: list[str]) -> int:
        said = 0
        with _noted(missing):
            said = self.parts.lanes.last_seq(session_id)
        return self._last(session_id, reader, said)

    def _last(self, session_id: str, reader: Reader, said: int) -> int:
        """Return the last position that there is or was: as ``said``, or as the segments tell."""
        begin = f"{reader.lane.letter}/"
        parts = (name.removeprefix(begin) for name in self._keys.get(session_id, ()) if name.startswith(begin))
        numbers = [int(number) for number in parts if number.isdecimal()]
        return max([said, *((number + 1) * reader.lane.size for number in numbers)])

    def _check_turns(self, session_id: str, missing: list[str]) -> None:
        for name in sorted(self._keys.get(session_id, ())):
            if name.startswith("t/"):
                key = f"s/{session_id}/{name}"
                with _noted(missing):
                    read(key, self.parts.rows.get(key) or b"", turn_of)

    def look_around(self, keys: Sequence[str], *, whole: bool) -> None:
        """Note which sessions there are."""
        leaving: set[str] = set()
        with _noted(self.problems):
            leaving = {session_id for _, session_id in read_removals(self.parts.rows)}
        listed = self._read_catalogue()
        for key in keys:
            kind, _, rest = key.partition("/")
            session_id, _, name = rest.partition("/")
            # Where the tree is broken, what was deleted may be found again: the catalogue knows better.
            if kind == "s" and session_id not in leaving and (whole or not listed or session_id in self._catalogue):
                self._keys.setdefault(session_id, set()).add(name)
        if not whole:
            self.problems.append("The database's tree of rows is broken: rows were looked for in every page.")

    def _read_catalogue(self) -> bool:
        """Read the catalogue; return whether it is whole."""
        before = len(self.problems)
        pages: list[int] = []
        with _noted(self.problems):
            pages = read_pages(self.parts.rows)
        for page in pages:
            with _noted(self.problems):
                self._catalogue |= {row.session_id: row for row in read_page(self.parts.rows, page) if row is not None}
        if whole := len(self.problems) == before:
            return whole
        self.problems.append("The catalogue can't be read whole: sessions may be gone without a trace.")
        return whole


@contextmanager
def open_wreck(path: str) -> Iterator[Wreck]:
    """Open the store in the directory ``path`` for salvage.

    Raises:
        StoreError: it is in use, or there is no database.
    """
    folder = StoreFolder(os.path.abspath(path))
    with explained(folder.path), folder.kept_from_others(), SQLiteFile(folder.database) as file:
        found = _Found(file)
        wreck = Wreck(parts_of(Rows(folder, cast("Cache", found), read_only=True)))
        wreck.look_around(list(found.places), whole=found.whole)
        yield wreck


class _Found:
    """The reading half of a cache, over the rows that were found in a file."""

    def __init__(self, file: SQLiteFile) -> None:
        self._file = file
        self.places: dict[str, tuple[int, int]] = {}
        leaves, self.whole = file.leaves("Cache")
        self.whole &= self._note(leaves)
        if not self.whole:
            self._note(file.possible_leaves())

    def get(self, key: str) -> bytes | None:
        """Return the value under ``key``, or None. Raises ``ForeignRow``."""
        place = self.places.get(key)
        return None if place is None else _value(self._file.row(*place)[1])

    def __contains__(self, key: str) -> bool:
        """Return whether there is a row under ``key``."""
        return key in self.places

    def _note(self, leaves: Sequence[int] | Iterator[int]) -> bool:
        """Note where the rows in ``leaves`` lie; return whether every one of them could be read."""
        whole = True
        for page in leaves:
            try:
                cells = self._file.cells(page)
            except Broken:
                whole, cells = False, 0
            for cell in range(cells):
                try:
                    self._note_row(page, cell)
                except Broken:
                    whole = False
        return whole

    def _note_row(self, page: int, cell: int) -> None:
        columns = self._file.row(page, cell)[1]
        if len(columns) != _COLUMNS or not isinstance(key := columns[_KEY], str):
            return
        known = self.places.get(key)
        if known is None or _age(key, columns) > _age(key, self._file.row(*known)[1]):
            self.places[key] = page, cell


_KEY, _RAW, _MODE, _FILENAME, _VALUE, _COLUMNS = 1, 2, 9, 10, 11, 12
"""Where the columns of diskcache's table are, and how many it has."""


def _value(columns: Sequence[object]) -> bytes:
    value = columns[_VALUE]
    if columns[_RAW] != 1 or columns[_MODE] != RAW or columns[_FILENAME] is not None or not isinstance(value, bytes):
        raise ForeignRow
    return value


def _age(key: str, columns: Sequence[object]) -> int:
    """Return what grows with each version of a row; -1 for one that isn't whole."""
    try:
        first = load(unseal(key, _value(columns)).partition(b"\n")[0])
    except (StoreError, ForeignRow, ValueError):
        return -1
    try:
        match key.split("/"):
            case ["s", _, "head"]:
                return int(first[1]["revision"])
            case ["s", _, "log"]:
                return int(first[1])
            case ["s", _, "t", _]:
                return int(first["outcome"] != "running")
            case ["changes"]:
                return int(first[0])
            case ["pages"]:
                return len(first)
    except (LookupError, TypeError):
        pass
    return 0


def _records(reader: Reader, last: int, what: str, missing: list[str]) -> list[LoggedEvent]:
    """Return the records up to position ``last`` that can be read; note in ``missing`` those that can't."""
    found: list[LoggedEvent] = []
    lost: list[int] = []
    reasons: list[str] = []
    position = 1
    while position <= last:
        try:
            page = list(reader.records(position, reader.lane.size))
        except StoreError:
            page = []
        try:
            page = page or list(reader.records(position, 1))
            if not page:
                raise StoreCorrupt("There is no row that should hold them.")
            found += page
            position = page[-1].seq + 1
        except StoreError as error:
            reasons.append(error.message)
            following = _following(reader, position, error)
            lost += range(position, min(following, last + 1))
            position = following
    missing += [f"{what.capitalize()}s {text} can't be read." for text in _ranges(lost)]
    missing += reasons
    return found


def _following(reader: Reader, position: int, error: StoreError) -> int:
    """Return where to go on after a record that can't be read: after its body, or after its whole segment."""
    if error.data.get("row") == reader.lane.spill_key(reader.session_id, position):
        return position + 1
    return (reader.lane.number(position) + 1) * reader.lane.size + 1


def _ranges(numbers: Sequence[int]) -> list[str]:
    """Return consecutive numbers as "3 to 7"."""
    if not numbers:
        return []
    breaks = [index for index, (one, other) in enumerate(pairwise(numbers), 1) if other != one + 1]
    bounds = pairwise([0, *breaks, len(numbers)])
    return [f"{numbers[first]} to {numbers[end - 1]}" for first, end in bounds]


@contextmanager
def _noted(missing: list[str]) -> Iterator[None]:
    """Note what keeps the block from being finished."""
    try:
        yield
    except StoreError as error:
        missing.append(error.message)
