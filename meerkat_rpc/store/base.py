"""What a store of sessions promises.

Nothing here says "file" or "SQLite": a store may be a database on another machine. ``tests/store/`` holds one contract
suite that every implementation passes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

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


class SessionStore(Protocol):
    """Keeps sessions: heads, messages, turn records, and the catalogue over them.

    Every method may raise ``StoreError`` (the store refused) and ``StoreCorrupt`` (a row of that session can't be
    trusted). A cancelled call may or may not have taken effect; its caller re-reads.
    """

    @property
    def kind(self) -> str:
        """A short name for people: "memory", "diskcache"."""
        ...

    @property
    def path(self) -> str | None:
        """Where the store is, if it is anywhere."""
        ...

    async def open(self) -> None:
        """Make the store ready. Raises ``StoreError`` saying why it can't be used."""
        ...

    async def close(self) -> None:
        """Finish what was handed over and let go of the store. May be called twice."""
        ...

    async def head(self, session_id: str) -> SessionHead | None:
        """Return the session's head as last committed by anyone, or None."""
        ...

    async def commit(self, change: SessionChange) -> None:
        """Apply ``change`` whole or not at all. When this returns, the change survives the loss of power.

        A change with ``head.revision == 1`` creates the session; a commit whose outcome is unknown (an exception
        other than ``RevisionConflict``) is settled by reading the head again.

        Raises:
            RevisionConflict: the stored head is not the one ``change`` was made from, or the events don't follow the
                log's last one, or ``create_turn_id`` is taken. Nothing was written.
            TurnTaken: ``change`` admits a turn (its record says ``running``) that was admitted before. Nothing was
                written.
            ValueError: ``change`` refers to a blob that it doesn't bring and that isn't there, or brings one under
                another's digest. Nothing was written.
        """
        ...

    async def delete(self, session_id: str, seen: SessionHead | None = None) -> bool:
        """Remove every trace of the session, durably. Returns False when there was none.

        Raises:
            RevisionConflict: the session has changed since its head was ``seen``, and is as it was.
        """
        ...

    async def blob(self, digest: str) -> bytes | None:
        """Return the content of the blob with that digest (``domain.Attachment``), None when there is none.

        Raises:
            StoreCorrupt: it isn't what was stored.
        """
        ...

    async def known_blobs(self, digests: Collection[str]) -> set[str]:
        """Return those of ``digests`` that the store has: a change that refers to them needn't bring their contents."""
        ...

    async def tidied(self) -> None:
        """Wait until nothing of deleted sessions takes room any more. That comes about by itself."""
        ...

    async def sizes(self, session_ids: Collection[str]) -> Mapping[str, int]:
        """Return how many bytes each of the sessions takes, as stored; 0 for one that isn't there.

        A blob counts in equal parts with the sessions that refer to it: the sizes of all of them add up to what there
        is.
        """
        ...

    async def usage(self) -> StoreUsage | None:
        """Return the room that the store takes, None when that is on no disk. Costs the same however much there is."""
        ...

    async def messages(self, session_id: str, start: int, count: int) -> list[Message]:
        """Return at most ``count`` messages from index ``start`` (0 is the oldest)."""
        ...

    async def history(self, session_id: str, bounds: Callable[[int], tuple[int, int]]) -> History | None:
        """Return the session and messages of it as they are at one moment, or None.

        ``bounds``, told how many messages there are, returns the index of the first wanted and how many are. It may be
        called in another thread.
        """
        ...

    async def turn(self, session_id: str, turn_id: str) -> TurnRecord | None:
        """Return the record of a turn, running or ended, or None."""
        ...

    async def session_of_turn(self, create_turn_id: str) -> str | None:
        """Return the session that was created with ``create_turn_id`` (see ``SessionChange``), or None."""
        ...

    async def catalogue(self) -> tuple[int, Mapping[str, CatalogueRow]]:
        """Return ``(version, rows by session id)`` of every stored session, archived ones included.

        Fresh: it shows every commit that returned before the call, in any process. The mapping is the store's own and
        must not be changed; ``version`` differs whenever the rows do.
        """
        ...

    async def running(self) -> Sequence[str]:
        """Return the ids of sessions whose head says that a turn is running, whoever runs it."""
        ...

    async def renew_lease(self, owner: Owner, expires_ms: int) -> None:
        """Note that ``owner`` is alive until ``expires_ms``. Need not be durable."""
        ...

    async def lease_expiry(self, process_id: str) -> int | None:
        """Return until when the process said it is alive (ms since the epoch), or None."""
        ...

    async def drop_lease(self, process_id: str) -> None:
        """Forget the process."""
        ...


class EventStore(Protocol):
    """Keeps each session's event log: sequence numbers from 1, append only, contiguous but for what was folded."""

    async def append(self, session_id: str, events: Sequence[LoggedEvent]) -> None:
        """Append ``events``. When this returns they survive the death of the process (not yet the loss of power: the
        session's next ``commit`` covers them).

        Raises:
            RevisionConflict: they don't follow the log's last sequence number, or the session is gone.
        """
        ...

    async def events(self, session_id: str, after_seq: int, limit: int) -> list[LoggedEvent]:
        """Return at most ``limit`` events with a sequence number above ``after_seq``, in order.

        Where numbers are missing, the event behind them is a ``deltas_folded`` that stands for them too.
        """
        ...

    async def last_seq(self, session_id: str) -> int:
        """Return the log's last sequence number; 0 when it is empty or there is no such session."""
        ...

    async def fold(
        self, session_id: str, foldings: Sequence[Folding], upto: int = 0, *, dry_run: bool = False
    ) -> Folded:
        """Put one event in the place of each run of events, in one short transaction; remember ``upto``.

        Only runs of turns that are over may be folded. A run that is no longer what the folding was made of, because
        somebody else folded it or the session is gone, is left alone, so that folding again changes nothing.

        Args:
            session_id: the session.
            foldings: the runs; each lies within one block (``rules.FOLD_BLOCK``).
            upto: the sequence number up to which there is nothing more to fold; 0 leaves what is remembered.
            dry_run: only say what would come of it.

        Raises:
            ValueError: a run goes beyond its block.
        """
        ...

    async def folded_seq(self, session_id: str) -> int:
        """Return the highest ``upto`` that was given to ``fold`` for this session, or 0."""
        ...

    async def folded_before(self) -> int:
        """Return the time (ms since the epoch) before which every ended turn was folded in every session, or 0."""
        ...

    async def note_folded(self, before_ms: int) -> None:
        """Raise that time to ``before_ms``. Need not be durable."""
        ...


class SharedStore(Protocol):
    """What processes that share a store tell one another."""

    async def others_version(self) -> int:
        """Return a number that is another one whenever other processes have written, whatever it was, since the last
        call. Costs the same however much there is, and reads no row."""
        ...

    def watch_commits(self, callback: Callable[[str], None] | None) -> None:
        """Call back, in the event loop, with the id of each session that was committed to or deleted through this
        object. None ends that."""
        ...

    async def changed_by_others(self, since: int | None) -> tuple[int, Collection[str] | None]:
        """Return what to call this with the next time, and the ids of the sessions that other processes committed to
        or deleted since the call that returned ``since``; none if that is None. In place of the ids None when they
        aren't known any more."""
        ...

    async def ask_to_stop(self, session_id: str, turn_id: str) -> None:
        """Note that the process which runs the turn is to interrupt it. Need not be durable."""
        ...

    async def withdraw_stop(self, session_id: str, turn_id: str) -> None:
        """Forget that the turn is to stop."""
        ...

    async def stops(self) -> Mapping[str, str]:
        """Return the turns that are to stop, by session."""
        ...


class Store(SessionStore, EventStore, SharedStore, Protocol):
    """All of it in one: a commit writes messages and events in one transaction, so one object must be both."""
