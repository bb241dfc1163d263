"""The durable store: diskcache over SQLite, in a directory of its own.

Everything synchronous lies in the ``disk_*`` modules and runs in one thread; this is the asynchronous face. Importing
it is cheap: diskcache is imported by ``open``, in that thread.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from meerkat_rpc.domain import (
    CatalogueRow,
    Folded,
    Folding,
    History,
    LoggedEvent,
    Message,
    Owner,
    SessionChange,
    SessionHead,
    StoreUsage,
    TurnRecord,
)
from meerkat_rpc.errors import StoreError
from meerkat_rpc.store.disk_thread import StoreThread
from meerkat_rpc.store.disk_tidying import Tidying
from meerkat_rpc.store.envelope import corrupt
from meerkat_rpc.store.rules import is_content, refuse_misnamed

if TYPE_CHECKING:
    from meerkat_rpc.store.disk_blobs import BlobPart
    from meerkat_rpc.store.disk_check import StoreReport
    from meerkat_rpc.store.disk_parts import Parts

T = TypeVar("T")


class DiskStore:
    """Keeps sessions in the directory ``path``. Fulfils ``store.base.Store``.

    Processes may share the directory, on one machine. A store that was closed can't be opened again: make another.
    """

    kind = "diskcache"

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)
        self._thread = StoreThread()
        self._parts: Parts | None = None
        self._watcher: Callable[[str], None] | None = None
        self._tidying = Tidying(
            lambda: self._run(lambda parts: parts.tidy()), lambda: self._run(lambda parts: parts.rows.empty_log())
        )

    async def open(self) -> None:
        """Open the store, or create it. Raises ``StoreError`` saying why it can't be used."""
        await self._thread.run(self._open)
        self._tidying.begin()

    async def close(self) -> None:
        """Finish what was handed over and let go of the store."""
        await self._tidying.stop()
        await self._thread.stop(self._close)

    def _open(self) -> None:
        from meerkat_rpc.store.disk_parts import open_parts

        if self._parts is None:
            self._parts = open_parts(self.path)

    def _close(self) -> None:
        if self._parts is not None:
            self._parts.rows.close()

    async def _run(self, job: Callable[[Parts], T]) -> T:
        if (parts := self._parts) is None:
            raise StoreError(f"The store in {self.path} is not open.")
        return await self._thread.run(lambda: parts.rows.run(lambda: job(parts)))

    async def _read(self, job: Callable[[Parts], T]) -> T:
        """Run a job that reads several rows, which belong together."""

        def consistent(parts: Parts) -> T:
            with parts.rows.snapshot():
                return job(parts)

        return await self._run(consistent)

    async def check(self) -> StoreReport:
        """Examine the store, open or not, and change nothing. See ``disk_check.py``."""
        from meerkat_rpc.store.disk_check import check_store

        return await asyncio.to_thread(check_store, self.path)

    async def head(self, session_id: str) -> SessionHead | None:
        """Return the session's head as last committed by anyone, or None."""
        return await self._read(lambda parts: parts.sessions.head(session_id))

    async def commit(self, change: SessionChange) -> None:
        """Apply ``change`` whole and durably, or raise ``RevisionConflict``."""
        if change.blobs:
            await asyncio.to_thread(refuse_misnamed, change.blobs)  # 2 ms a megabyte that no other commit waits for
        await self._run(lambda parts: parts.sessions.commit(change))
        self._note(change.head.session_id)

    def _note(self, session_id: str) -> None:
        if self._watcher is not None:
            self._watcher(session_id)

    async def delete(self, session_id: str, seen: SessionHead | None = None) -> bool:
        """Remove every trace of the session, durably. Return False when there was none."""
        deleted = await self._run(lambda parts: parts.sessions.delete(session_id, seen))
        self._tidying.begin()
        if deleted:
            self._note(session_id)
        return deleted

    async def blob(self, digest: str) -> bytes | None:
        """Return the content of a blob, or None. It is read a part at a time, between others' work."""
        content = bytearray()
        for number in count():
            part = await self._read(partial(_blob_part, digest, number))
            if part is None:
                return None
            content += part.content
            if part.last:
                break
        if not await asyncio.to_thread(is_content, digest, content):
            raise corrupt(f"b/{digest}", "its parts aren't what was put together under that digest")
        return bytes(content)

    async def known_blobs(self, digests: Collection[str]) -> set[str]:
        """Return those of ``digests`` of which there is a blob."""
        return await self._read(lambda parts: parts.blobs.known(digests))

    async def tidied(self) -> None:
        """Wait until nothing of deleted sessions takes room any more."""
        await self._tidying.done()

    async def sizes(self, session_ids: Collection[str]) -> Mapping[str, int]:
        """Return the bytes of each session's rows and blobs. Counted in another thread: nobody waits for it."""
        from meerkat_rpc.store.disk_folder import StoreFolder
        from meerkat_rpc.store.disk_sizes import sizes_of_sessions

        numbers = await self._run(lambda parts: parts.sessions.numbers(session_ids))
        found = await asyncio.to_thread(sizes_of_sessions, StoreFolder(self.path), numbers.values())
        return {session_id: found[numbers[session_id]] if session_id in numbers else 0 for session_id in session_ids}

    async def usage(self) -> StoreUsage:
        """Return the room that the store takes."""
        return await self._run(lambda parts: parts.usage())

    async def messages(self, session_id: str, start: int, count: int) -> list[Message]:
        """Return at most ``count`` messages from index ``start``."""
        return await self._read(lambda parts: parts.sessions.messages(session_id, start, count))

    async def history(self, session_id: str, bounds: Callable[[int], tuple[int, int]]) -> History | None:
        """Return the session and messages of it as they are at one moment, or None."""
        return await self._read(lambda parts: parts.sessions.history(session_id, bounds))

    async def turn(self, session_id: str, turn_id: str) -> TurnRecord | None:
        """Return the record of a turn, or None."""
        return await self._read(lambda parts: parts.sessions.turn(session_id, turn_id))

    async def session_of_turn(self, create_turn_id: str) -> str | None:
        """Return the session that was created with ``create_turn_id``, or None."""
        return await self._read(lambda parts: parts.sessions.session_of_turn(create_turn_id))

    async def catalogue(self) -> tuple[int, Mapping[str, CatalogueRow]]:
        """Return the catalogue's version and rows, fresh; the mapping is never changed afterwards."""
        return await self._run(lambda parts: parts.sessions.catalogue())

    async def running(self) -> Sequence[str]:
        """Return the sessions whose head says that a turn is running."""
        return await self._run(lambda parts: parts.sessions.running())

    async def renew_lease(self, owner: Owner, expires_ms: int) -> None:
        """Note that ``owner`` is alive until ``expires_ms``."""
        await self._run(lambda parts: parts.leases.renew(owner.process_id, expires_ms))

    async def lease_expiry(self, process_id: str) -> int | None:
        """Return until when the process said it is alive, or None."""
        return await self._run(lambda parts: parts.leases.expiry(process_id))

    async def drop_lease(self, process_id: str) -> None:
        """Forget the process."""
        await self._run(lambda parts: parts.leases.drop(process_id))

    async def others_version(self) -> int:
        """Return a number that changes whenever another process commits."""
        return await self._run(lambda parts: parts.rows.others_version())

    def watch_commits(self, callback: Callable[[str], None] | None) -> None:
        """Call back with the id of each session that this object changes or deletes."""
        self._watcher = callback

    async def changed_by_others(self, since: int | None) -> tuple[int, Collection[str] | None]:
        """Return which sessions other processes changed. See ``SharedStore``."""
        return await self._run(lambda parts: parts.sessions.changed_by_others(since))

    async def ask_to_stop(self, session_id: str, turn_id: str) -> None:
        """Note that the turn is to stop."""
        await self._run(lambda parts: parts.stops.ask(session_id, turn_id))

    async def withdraw_stop(self, session_id: str, turn_id: str) -> None:
        """Forget that the turn is to stop."""
        await self._run(lambda parts: parts.stops.withdraw(session_id, turn_id))

    async def stops(self) -> Mapping[str, str]:
        """Return the turns that are to stop, by session."""
        return await self._run(lambda parts: parts.stops.all())

    async def append(self, session_id: str, events: Sequence[LoggedEvent]) -> None:
        """Append ``events`` to the session's log, or raise ``RevisionConflict``."""
        await self._run(lambda parts: parts.lanes.append(session_id, events))

    async def events(self, session_id: str, after_seq: int, limit: int) -> list[LoggedEvent]:
        """Return at most ``limit`` events after ``after_seq``."""
        return await self._read(lambda parts: parts.lanes.events(session_id, after_seq, limit))

    async def last_seq(self, session_id: str) -> int:
        """Return the log's last sequence number, or 0."""
        return await self._run(lambda parts: parts.lanes.last_seq(session_id))

    async def fold(
        self, session_id: str, foldings: Sequence[Folding], upto: int = 0, *, dry_run: bool = False
    ) -> Folded:
        """Put one event in the place of each run. See ``EventStore``."""
        return await self._run(lambda parts: parts.folder.fold(session_id, foldings, upto, dry_run=dry_run))

    async def folded_seq(self, session_id: str) -> int:
        """Return up to where the session's log was looked at for runs to fold."""
        return await self._run(lambda parts: parts.folder.folded_seq(session_id))

    async def folded_before(self) -> int:
        """Return before which time every ended turn was folded."""
        return await self._run(lambda parts: parts.folder.folded_before())

    async def note_folded(self, before_ms: int) -> None:
        """Note that every turn that ended before then was folded."""
        await self._run(lambda parts: parts.folder.note_folded(before_ms))
        self._tidying.begin()  # the deltas' room goes back to the disk
        self._tidying.begin()  # a whole pass has made room


def _blob_part(digest: str, number: int, parts: Parts) -> BlobPart | None:
    return parts.blobs.part(digest, number)
