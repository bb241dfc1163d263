"""The sessions that this process holds, and how many it may."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from meerkat_rpc.domain import CatalogueRow, Owner, SessionHead
from meerkat_rpc.errors import CapacityExhausted, SessionNotFound
from meerkat_rpc.sessions.journal import Journal
from meerkat_rpc.sessions.live import LiveSession

OpenJournal = Callable[[str], Journal]


class LiveSessions:
    """A table of live sessions, bounded. Nothing here awaits, so the bound holds whoever comes at once.

    Args:
        owner: this process.
        max_sessions: how many sessions that are not archived may be live at once.
        open_journal: makes the journal of a session.
        turn_over: called with a session whose turn is over.
    """

    def __init__(
        self, owner: Owner, max_sessions: int, open_journal: OpenJournal, turn_over: Callable[[LiveSession], object]
    ) -> None:
        self.max_sessions = max_sessions
        self.closed = False
        self.draining = False
        self._turn_over = turn_over
        self._owner = owner
        self._open_journal = open_journal
        self._by_id: dict[str, LiveSession] = {}
        self._clock = 0
        self._watcher: Callable[[str], None] | None = None

    def __iter__(self) -> Iterator[LiveSession]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, session_id: str) -> LiveSession | None:
        """Return the live session, or None."""
        session = self._by_id.get(session_id)
        return None if session is None or session.gone else session

    def get(self, session_id: str) -> LiveSession:
        """Return the live session.

        Raises:
            SessionNotFound: there is none.
        """
        session = self.find(session_id)
        if session is None:
            raise SessionNotFound("there is no such session", session_id=session_id)
        return session

    def is_running(self, session_id: str) -> bool:
        """Return whether a turn of that session runs here, or is about to go on here."""
        session = self.find(session_id)
        return session is not None and (session.turn is not None or session.taking_up)

    def hold(self, head: SessionHead, last_seq: int) -> LiveSession:
        """Take a session in.

        Raises:
            CapacityExhausted: ``max_sessions`` are live.
        """
        self.make_room()
        session = LiveSession(head, last_seq, self._open_journal(head.session_id), self._owner)
        session.on_turn_over = self._turn_over
        session.on_change = self.changed
        session.draining = self.draining
        self._by_id[head.session_id] = session
        self.touch(session)
        return session

    def release(self, session: LiveSession) -> None:
        """Let go of a session; whoever follows it reaches the end."""
        session.end()
        session.journal.let_go()
        if self._by_id.get(session.session_id) is session:
            del self._by_id[session.session_id]

    def watch_changes(self, callback: Callable[[str], None] | None) -> None:
        """Call back with the id of each session whose head changes. None ends that."""
        self._watcher = callback

    def changed(self, session_id: str) -> None:
        """Note that a session's head changed, or that it is gone for good."""
        if self._watcher is not None:
            self._watcher(session_id)

    def touch(self, session: LiveSession) -> None:
        """Note that the session was used just now."""
        self._clock += 1
        session.used = self._clock

    def make_room(self) -> None:
        """Put idle sessions to rest, where they can be woken again, until one more may become live.

        Raises:
            CapacityExhausted: too many are in use.
        """
        self.refuse_closed()
        self._rest(len(self) - self.max_sessions + 1)
        active = self.active
        if active >= self.max_sessions:
            raise CapacityExhausted(
                f"{active} sessions are live, which is the limit; archive or delete some, or raise --max-sessions",
                active=active,
                max=self.max_sessions,
            )

    def drain(self) -> None:
        """Let go of turns that wait for a person whom nobody can reach through this process any more."""
        self.draining = True
        for session in self:
            session.draining = True
            if session.turn is not None:
                session.turn.suspend()

    def refuse_closed(self) -> None:
        """Raise ``SessionNotFound`` once the service is closing: a turn let in now could not be ended."""
        if self.closed:
            raise SessionNotFound("the server is shutting down")

    def _rest(self, count: int) -> None:
        """Let go of so many idle sessions: archived ones first, then the least recently used."""
        if count > 0:
            idle = [session for session in self if session.idle and session.journal.durable]
            idle.sort(key=lambda session: (not session.head.archived, session.used))
            for session in idle[:count]:
                self.release(session)

    @property
    def active(self) -> int:
        """How many live sessions count against ``max_sessions``."""
        return sum(not session.head.archived for session in self._by_id.values())

    @property
    def running_turns(self) -> int:
        """How many turns are running."""
        return sum(session.turn is not None for session in self._by_id.values())

    def rows(self) -> Mapping[str, CatalogueRow]:
        """Return the catalogue rows of the sessions that have been committed."""
        return {
            session.session_id: CatalogueRow.of(session.head)
            for session in self
            if session.head.revision and not session.gone
        }
