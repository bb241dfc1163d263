"""The API boundary: what the layers above may ask of sessions, whichever service stands behind it.

Errors are those of ``errors.py``; each method names the ones that are its own. ``StoreError`` may come from any.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from typing import Protocol

from attrs import frozen

from meerkat_rpc.domain import AgentConfig, Approval, Labels, LoggedEvent, Remember, RunResult
from meerkat_rpc.sessions.values import (
    Compacted,
    CreateSession,
    EventPage,
    HistoryPage,
    Injected,
    ListQuery,
    ServiceHealth,
    SessionPage,
    SessionSummary,
    SessionView,
    StartTurn,
    Waiting,
)

__all__ = [
    "Compacted",
    "CreateSession",
    "Created",
    "EventPage",
    "EventSource",
    "HistoryPage",
    "Injected",
    "ListQuery",
    "Queued",
    "ServiceHealth",
    "SessionPage",
    "SessionService",
    "SessionSummary",
    "SessionView",
    "StartTurn",
    "TurnHandle",
    "Waiting",
]


class EventSource(Protocol):
    """Events of a session that are to be sent on: a turn's, or what happens between turns.

    ``replayed``: the turn id had been seen before; this call started nothing, and the turn's events are (or were) sent
    on behalf of the call that did.
    """

    @property
    def session_id(self) -> str:
        """The session's id."""
        ...

    @property
    def turn_id(self) -> str:
        """The turn's id."""
        ...

    @property
    def replayed(self) -> bool:
        """Whether this call repeats an earlier one."""
        ...

    def events(self) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """Iterate over the events in batches, a turn's from ``run_started`` to the terminal one, without gap or repeat.

        A slow consumer loses nothing: it reads what it missed from the log.
        """
        ...


class TurnHandle(EventSource, Protocol):
    """A turn that was accepted: its prompt is durable."""

    async def result(self) -> RunResult:
        """Wait for the turn to be committed and return its result, or raise what it failed with.

        Raises:
            TurnInterrupted: it was interrupted.
            ProviderError, BudgetExhausted, AgentError, CapabilityUnavailable: it failed.
            StoreError: its end could not be committed; ``data`` has the text.
        """
        ...


@frozen
class Queued:
    """What became of a prompt that was to be added, or to wait.

    ``turn_id``: the turn that it was added to, or becomes.
    ``position``: how many prompts are before it; 0 for the next. ``handle`` is the turn, where it could begin at once.
    """

    turn_id: str
    position: int
    handle: TurnHandle | None = None


@frozen
class Created:
    """A created session; ``turn`` is its first turn unless that was deferred."""

    session_id: str
    turn: TurnHandle | None


class SessionService(Protocol):
    """Sessions: create, run, watch, read, put away."""

    async def create(self, request: CreateSession) -> Created:
        """Create a session, durably, and start its first turn unless deferred.

        Raises:
            InvalidArgument: an id of the client's was used before for something else.
            CapacityExhausted: too many live sessions.
        """
        ...

    async def start_turn(self, request: StartTurn) -> TurnHandle:
        """Admit a turn: exactly one of racing callers wins. Returns once the prompt is durable.

        Raises:
            SessionNotFound, SessionBusy, CapacityExhausted.
            InvalidArgument: the turn id was used before with another prompt.
        """
        ...

    async def interrupt(self, session_id: str, turn_id: str | None = None) -> bool:
        """Stop the running turn now and return True once its end is committed; False when nothing was running, or
        another turn than ``turn_id``, or the turn completed before. Whichever process runs it.

        Raises:
            SessionNotFound.
            SessionBusy: another process runs it, and doesn't react.
            StoreError: it was stopped, and its end could not be committed; ``data`` has the text.
        """
        ...

    async def steer(self, request: StartTurn, expected_turn_id: str | None = None) -> Queued:
        """Add to the running turn: its model reads it with its next call. What comes too late becomes a turn.

        Raises:
            SessionNotFound.
            SessionNotRunning: no turn is running, or another one than ``expected_turn_id``.
            InvalidArgument: the turn id was used before with another prompt.
        """
        ...

    async def enqueue(self, request: StartTurn) -> Queued:
        """Start a turn when the running one ends; now, where none is running. Durable once this returns.

        Raises:
            SessionNotFound, CapacityExhausted.
            InvalidArgument: the turn id was used before with another prompt.
        """
        ...

    async def dequeue(self, session_id: str, turn_id: str) -> bool:
        """Take back a prompt that waits; return False when none of that id does."""
        ...

    async def inject(self, request: StartTurn) -> Injected:
        """Add context to the history without running a turn. Behind the running turn, where there is one."""
        ...

    async def compact(self, session_id: str) -> Compacted:
        """Summarise the older part of the history with the session's model.

        Raises:
            SessionNotFound.
            SessionBusy: a turn is running.
            CapabilityUnavailable: the session's agent has no model that could.
            ProviderError: the model failed.
        """
        ...

    async def respond(self, approval_id: str, choice: str, remember: Remember = "once") -> Approval:
        """Answer a question; return it with the answer that stands, which is an earlier one if there was one.

        The turn goes on, in the process that runs it, or in this one when that is gone.

        Raises:
            InvalidArgument: nothing of this id is waiting, the choice was not offered, or it can't be remembered.
        """
        ...

    async def waiting(self, session_id: str | None = None) -> Sequence[Waiting]:
        """Return the questions that wait for an answer, in one session or in all of them, the oldest first."""
        ...

    async def blob(self, digest: str) -> bytes:
        """Return the content of an attachment. Raises ``InvalidArgument`` when there is none."""
        ...

    def watch_started(self, callback: Callable[[EventSource], None]) -> None:
        """Call back with what begins without a call that sends its events: a turn that waited in a queue, or that an
        answer takes up; a compaction by hand; context that is added between turns."""
        ...

    def watch_changes(self, tell: Callable[[Collection[str] | None], None] | None) -> None:
        """Tell the ids of sessions of which a listing or ``waiting`` would say something else than before, or None
        when they aren't known one by one; whichever process changed them. ``tell`` None ends that."""
        ...

    async def read(self, session_id: str) -> SessionView:
        """Return the session; archived ones too. Answers at once while a turn runs."""
        ...

    async def list(self, query: ListQuery) -> SessionPage:
        """Return a page of sessions, newest ``updated_ms`` first."""
        ...

    async def history(self, session_id: str, offset: int, limit: int, before: int | None = None) -> HistoryPage:
        """Return at most ``limit`` committed messages from index ``offset`` on, or, given ``before``, the last ones in
        front of that index (of all, if there are no more than that); oldest first.

        Messages and ``next_seq`` are of one moment: who reads the events from there on misses none of the turn that
        may be running, and none of what came after it.
        """
        ...

    async def archive(self, session_id: str) -> None:
        """Put the session away, after its running turn. Raises ``SessionNotFound`` when it is archived already."""
        ...

    async def unarchive(self, session_id: str) -> None:
        """Take the session back. One that isn't archived stays as it is."""
        ...

    async def delete(self, session_id: str) -> None:
        """Interrupt what runs and remove every trace of the session."""
        ...

    async def update(
        self, session_id: str, title: str | None, labels: Labels | None, config: AgentConfig = AgentConfig()
    ) -> SessionView:
        """Set the title, replace the labels, change settings from the next turn on; None leaves as is. Works while a
        turn runs."""
        ...

    async def fork(self, session_id: str, message_index: int) -> str:
        """Create a session with the first ``message_index`` messages of this one and return its id.

        Raises:
            InvalidArgument: ``message_index`` is beyond the history.
        """
        ...

    async def latest_seq(self, session_id: str) -> int:
        """Return the sequence number of the session's last logged event; 0 before the first."""
        ...

    async def events_since(self, session_id: str, after: int, limit: int) -> EventPage:
        """Return at most ``limit`` events after ``after``. Raises ``InvalidArgument`` when that is ahead of the log."""
        ...

    def subscribe(self, session_id: str, after: int) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """Follow a session's log from ``after``: what is stored, then what happens, in batches, no gap and no repeat,
        whichever process runs the session. Ends when the session is deleted or the service closes."""
        ...

    async def health(self) -> ServiceHealth:
        """Return figures."""
        ...

    def drain(self) -> None:
        """Let go of turns that wait for a person: nobody can be reached through this process any more."""
        ...

    async def turns_ended(self) -> None:
        """Wait until no turn is running."""
        ...

    async def close(self) -> None:
        """Interrupt every running turn, save each as interrupted, and let go of everything."""
        ...
