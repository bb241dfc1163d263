"""Writes stored sessions into a folder, for people and their tools.

    <folder>/<session id>/session.json    what the session is
    <folder>/<session id>/events.jsonl    its events, a line each
    <folder>/<session id>/summary.txt     the conversation

Derived, and never read back as truth: the store is. A second run writes only what has changed; ``events.jsonl`` is gone
on with where it stops.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from meerkat_rpc.domain import SessionHead
from meerkat_rpc.errors import StoreCorrupt, StoreError
from meerkat_rpc.ids import canonical_id
from meerkat_rpc.store.base import Store
from meerkat_rpc.store.private_files import make_directory
from meerkat_rpc.store.projected_folder import SESSION, SUMMARY, ProjectedFolder
from meerkat_rpc.store.projection import encoded, event_line, session_json, summary_heading, summary_sections

PAGE = 1000
"""Events or messages read at a time."""


class Projected(NamedTuple):
    """How many sessions were written, found as they should be, and removed; what is wrong with the others."""

    written: int
    unchanged: int
    removed: int
    problems: Sequence[str]


class SessionProjector:
    """Keeps ``folder`` a picture of ``store``, which must be open.

    ``progress`` is called with how many sessions are done and how many there are.
    """

    def __init__(self, store: Store, folder: str, progress: Callable[[int, int], None] | None = None) -> None:
        self._store = store
        self._folder = os.path.abspath(folder)
        self._progress = progress or (lambda _done, _total: None)

    async def run(self, *, rebuild: bool = False) -> Projected:
        """Write what has changed; everything, if ``rebuild``. Folders of sessions that were deleted are removed.

        Raises:
            StoreError: the store can't be read, or the folder can't be written.
        """
        try:
            return await self._run(rebuild=rebuild)
        except OSError as error:
            raise StoreError(f"{error.filename or self._folder} can't be written: {error.strerror}.") from error

    async def _run(self, *, rebuild: bool) -> Projected:
        _, rows = await self._store.catalogue()
        await asyncio.to_thread(self._make_folder)
        removed = await asyncio.to_thread(self._remove_all_but, rows.keys())
        written, problems = 0, []
        for done, session_id in enumerate(sorted(rows)):
            self._progress(done, len(rows))
            if not _is_id(session_id):  # a store from elsewhere may say so, and it would lead out of the folder
                problems.append(f"The store names a session {session_id!r:.100}, which can't be one.")
                continue
            try:
                written += await self._project(session_id, rebuild=rebuild)
            except StoreCorrupt as error:
                problems.append(error.message)
        self._progress(len(rows), len(rows))
        return Projected(written, len(rows) - written - len(problems), removed, problems)

    async def _project(self, session_id: str, *, rebuild: bool) -> bool:
        """Write one session and return whether anything had to be written."""
        if (head := await self._store.head(session_id)) is None:
            return False  # deleted just now; the next run removes what there is of it
        folder = ProjectedFolder(os.path.join(self._folder, session_id))
        origin = None if rebuild else await asyncio.to_thread(folder.origin)
        written = await self._write_events(session_id, folder, rebuild=rebuild)
        if origin and (origin.revision, origin.store) == (head.revision, self._store.path):
            return written
        await asyncio.to_thread(folder.replace, SUMMARY, await self._summary(head))
        # Last: it says that the others are there.
        await asyncio.to_thread(folder.replace, SESSION, session_json(head, self._store.path))
        return True

    async def _write_events(self, session_id: str, folder: ProjectedFolder, *, rebuild: bool) -> bool:
        stands = None if rebuild else await self._verified(session_id, folder)
        afresh = stands is None
        after = stands or 0
        while (page := await self._store.events(session_id, after, PAGE)) or afresh:
            await asyncio.to_thread(folder.append, map(event_line, page), afresh=afresh)
            afresh, after = False, (page[-1].seq if page else after)
        return after != stands

    async def _verified(self, session_id: str, folder: ProjectedFolder) -> int | None:
        """Return the sequence number up to which ``events.jsonl`` stands; None when it has to be written afresh."""
        if (last := await asyncio.to_thread(folder.last_event)) is None:
            return None
        seq, line = last
        stored = await self._store.events(session_id, seq - 1, 1) if seq > 0 else []
        return seq if b"".join(map(event_line, stored)) == line else None

    async def _summary(self, head: SessionHead) -> bytes:
        parts, start = [summary_heading(head)], 0
        while start < head.message_count:
            count = min(PAGE, head.message_count - start)
            parts += summary_sections(await self._store.messages(head.session_id, start, count))
            start += count
        return encoded("".join(parts))

    def _make_folder(self) -> None:
        if not os.path.isdir(self._folder):  # a link to one is the user's own doing
            os.makedirs(os.path.dirname(self._folder), exist_ok=True)
            make_directory(self._folder)

    def _remove_all_but(self, kept: Collection[str]) -> int:
        """Remove the folders that were made from this store's sessions and whose sessions are gone; count them."""
        removed = 0
        with os.scandir(self._folder) as entries:
            names = [entry.name for entry in entries if _is_id(entry.name) and entry.is_dir(follow_symlinks=False)]
        for name in names:
            folder = ProjectedFolder(os.path.join(self._folder, name))
            origin = folder.origin()
            if name not in kept and origin and (origin.session_id, origin.store) == (name, self._store.path):
                folder.remove()
                removed += 1
        return removed


def _is_id(name: str) -> bool:
    try:
        return canonical_id(name) == name
    except ValueError:
        return False
