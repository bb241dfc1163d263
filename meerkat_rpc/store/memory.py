"""The store that forgets: the reference implementation, for ephemeral servers and as the contract suite's measure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice

from attrs import define, field

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
    TurnRecord,
)
from meerkat_rpc.store.rules import (
    Stored,
    admitted_turn,
    gone,
    is_unfolded,
    missing_blobs,
    referred_blobs,
    refuse_gap,
    refuse_misnamed,
    refuse_other,
    refuse_stale,
    refuse_wide,
)


@define
class _Session:
    """``events`` has None where an event was folded into a later one."""

    head: SessionHead
    messages: list[Message] = field(factory=list)
    events: list[LoggedEvent | None] = field(factory=list)
    turns: dict[str, TurnRecord] = field(factory=dict)
    blobs: set[str] = field(factory=set)
    folded_seq: int = 0

    @property
    def stored(self) -> Stored:
        """What a change is compared with."""
        return Stored(self.head.revision, self.head.created_ms, len(self.messages), len(self.events))


class MemoryStore:
    """Keeps everything in dictionaries. Fulfils ``store.base.Store``, but for outliving the process."""

    kind = "memory"
    path = None

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}
        self._created_with: dict[str, str] = {}
        self._blobs: dict[str, bytes] = {}
        self._leases: dict[str, int] = {}
        self._stops: dict[str, str] = {}
        self._others_version = 0
        self._watcher: Callable[[str], None] | None = None
        self._folded_before = 0
        self._rows: dict[str, CatalogueRow] = {}
        self._version = 0
        self._catalogue: tuple[int, Mapping[str, CatalogueRow]] = (0, {})

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing: what was stored is there as long as the object is."""

    async def head(self, session_id: str) -> SessionHead | None:
        """Return the session's head, or None."""
        session = self._sessions.get(session_id)
        return session.head if session else None

    async def commit(self, change: SessionChange) -> None:
        """Apply ``change`` whole, or raise ``RevisionConflict``."""
        head = change.head
        found = self._sessions.get(head.session_id)
        holder = self._created_with.get(change.create_turn_id) if change.create_turn_id else None
        turn_taken = found is not None and admitted_turn(change) in found.turns
        refuse_stale(change, found.stored if found else Stored(), holder=holder, turn_taken=turn_taken)
        digests = self._take_blobs(change)
        session = self._sessions.setdefault(head.session_id, _Session(head))
        session.head = head
        session.blobs |= digests
        session.messages.extend(change.messages)
        session.events.extend(change.events)
        if change.turn:
            session.turns[change.turn.turn_id] = change.turn
        if change.create_turn_id:
            self._created_with[change.create_turn_id] = head.session_id
        self._rows[head.session_id] = CatalogueRow.of(head)
        self._note(head.session_id)

    def _note(self, session_id: str) -> None:
        self._version += 1
        if self._watcher is not None:
            self._watcher(session_id)

    def _take_blobs(self, change: SessionChange) -> set[str]:
        """Keep the blobs that ``change`` brings, and return those that it refers to."""
        refuse_misnamed(change.blobs)
        digests = referred_blobs(change)
        if missing := digests - self._blobs.keys() - change.blobs.keys():
            raise missing_blobs(change.head.session_id, missing)
        self._blobs |= change.blobs
        return digests

    async def delete(self, session_id: str, seen: SessionHead | None = None) -> bool:
        """Remove the session. Return False when there was none."""
        if (session := self._sessions.get(session_id)) is None:
            return False
        refuse_other(seen, session.head.revision, session.head.created_ms)
        del self._sessions[session_id]
        del self._rows[session_id]
        for digest in session.blobs.difference(*(other.blobs for other in self._sessions.values())):
            del self._blobs[digest]
        self._created_with = {turn: session for turn, session in self._created_with.items() if session != session_id}
        self._note(session_id)
        return True

    async def blob(self, digest: str) -> bytes | None:
        """Return the content of a blob, or None."""
        return self._blobs.get(digest)

    async def known_blobs(self, digests: Collection[str]) -> set[str]:
        """Return those of ``digests`` of which there is a blob."""
        return self._blobs.keys() & set(digests)

    async def tidied(self) -> None:
        """Do nothing: what is deleted is gone."""

    async def sizes(self, session_ids: Collection[str]) -> Mapping[str, int]:
        """Return the bytes of each session's events, texts and blobs."""
        return {session_id: self._size(session_id) for session_id in session_ids}

    def _size(self, session_id: str) -> int:
        if (session := self._sessions.get(session_id)) is None:
            return 0
        events = sum(len(event.body) for event in session.events if event)
        blobs = sum(len(self._blobs[digest]) // self._holders(digest) for digest in session.blobs)
        return events + blobs + sum(len(message.content) for message in session.messages)

    def _holders(self, digest: str) -> int:
        return sum(digest in session.blobs for session in self._sessions.values())

    async def usage(self) -> None:
        """Return None: this takes no disk."""
        return

    async def messages(self, session_id: str, start: int, count: int) -> list[Message]:
        """Return at most ``count`` messages from index ``start``."""
        session = self._sessions.get(session_id)
        return session.messages[start : start + count] if session else []

    async def history(self, session_id: str, bounds: Callable[[int], tuple[int, int]]) -> History | None:
        """Return the session and messages of it, or None."""
        if (session := self._sessions.get(session_id)) is None:
            return None
        start, count = bounds(len(session.messages))
        return History(session.head, len(session.events), start, session.messages[start : start + count])

    async def turn(self, session_id: str, turn_id: str) -> TurnRecord | None:
        """Return the record of a turn, or None."""
        session = self._sessions.get(session_id)
        return session.turns.get(turn_id) if session else None

    async def session_of_turn(self, create_turn_id: str) -> str | None:
        """Return the session that was created with ``create_turn_id``, or None."""
        return self._created_with.get(create_turn_id)

    async def catalogue(self) -> tuple[int, Mapping[str, CatalogueRow]]:
        """Return the version and every session's row; a new mapping for each version."""
        if self._catalogue[0] != self._version:
            self._catalogue = self._version, self._rows.copy()
        return self._catalogue

    async def running(self) -> Sequence[str]:
        """Return the sessions whose head says that a turn is running."""
        return [session_id for session_id, session in self._sessions.items() if session.head.running]

    async def renew_lease(self, owner: Owner, expires_ms: int) -> None:
        """Note that ``owner`` is alive until ``expires_ms``."""
        self._leases[owner.process_id] = expires_ms

    async def lease_expiry(self, process_id: str) -> int | None:
        """Return until when the process said it is alive, or None."""
        return self._leases.get(process_id)

    async def drop_lease(self, process_id: str) -> None:
        """Forget the process."""
        self._leases.pop(process_id, None)

    async def others_version(self) -> int:
        """Return a number that never comes again: who else uses this object isn't known."""
        self._others_version += 1
        return self._others_version

    def watch_commits(self, callback: Callable[[str], None] | None) -> None:
        """Call back with the id of each session that is changed or deleted."""
        self._watcher = callback

    async def changed_by_others(self, since: int | None) -> tuple[int, Collection[str] | None]:
        """Return nothing: there are no others."""
        return since or 0, ()

    async def ask_to_stop(self, session_id: str, turn_id: str) -> None:
        """Note that the turn is to stop."""
        self._stops[session_id] = turn_id

    async def withdraw_stop(self, session_id: str, turn_id: str) -> None:
        """Forget that the turn is to stop."""
        if self._stops.get(session_id) == turn_id:
            del self._stops[session_id]

    async def stops(self) -> Mapping[str, str]:
        """Return the turns that are to stop, by session."""
        return self._stops.copy()

    async def append(self, session_id: str, events: Sequence[LoggedEvent]) -> None:
        """Append ``events`` to the session's log, or raise ``RevisionConflict``."""
        session = self._sessions.get(session_id)
        if session is None:
            raise gone(session_id)
        refuse_gap(session_id, events, len(session.events))
        session.events.extend(events)

    async def events(self, session_id: str, after_seq: int, limit: int) -> list[LoggedEvent]:
        """Return at most ``limit`` events after ``after_seq``."""
        session = self._sessions.get(session_id)
        after = islice(session.events, after_seq, None) if session else ()
        return list(islice(filter(None, after), limit))

    async def last_seq(self, session_id: str) -> int:
        """Return the log's last sequence number, or 0."""
        session = self._sessions.get(session_id)
        return len(session.events) if session else 0

    async def fold(
        self, session_id: str, foldings: Sequence[Folding], upto: int = 0, *, dry_run: bool = False
    ) -> Folded:
        """Put one event in the place of each run. See ``EventStore``."""
        refuse_wide(foldings)
        if (session := self._sessions.get(session_id)) is None:
            return Folded()
        folded = Folded()
        for folding in foldings:
            first, _, event = folding
            run = [known for known in session.events[first - 1 : event.seq] if known]
            if is_unfolded(folding, run):
                saved = sum(len(known.body) for known in run) - len(event.body)
                folded = Folded(folded.events + event.seq - first, folded.bytes + saved)
                if not dry_run:
                    session.events[first - 1 : event.seq] = [*(event.seq - first) * [None], event]
        if not dry_run:
            session.folded_seq = max(session.folded_seq, upto)
        return folded

    async def folded_seq(self, session_id: str) -> int:
        """Return up to where the session's log was looked at for runs to fold."""
        session = self._sessions.get(session_id)
        return session.folded_seq if session else 0

    async def folded_before(self) -> int:
        """Return before which time every ended turn was folded."""
        return self._folded_before

    async def note_folded(self, before_ms: int) -> None:
        """Note that every turn that ended before then was folded."""
        self._folded_before = max(self._folded_before, before_ms)
