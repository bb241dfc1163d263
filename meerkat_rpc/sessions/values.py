"""What a session service is asked, and what it answers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import field, frozen

from meerkat_rpc.domain import (
    AgentConfig,
    Approval,
    Attachment,
    Compaction,
    Labels,
    LoggedEvent,
    Message,
    SessionHead,
    StoreUsage,
)


@frozen
class CreateSession:
    """A session to create. With ``prompt`` None the first turn is deferred.

    ``session_id`` and ``turn_id`` are the client's own, canonical; a repeat of either is answered from what is stored.
    """

    prompt: str | None
    config: AgentConfig
    title: str | None = None
    labels: Labels = field(factory=dict)
    cwd: str | None = None
    session_id: str | None = None
    turn_id: str | None = None
    attachments: Sequence[Attachment] = ()
    blobs: Mapping[str, bytes] = field(factory=dict)


@frozen
class StartTurn:
    """A turn to start, a prompt to add to the one that runs, or to start after it.

    ``config`` is laid over the session's for this turn only. ``blobs`` has the contents of new ``attachments``, by
    digest.
    """

    session_id: str
    prompt: str
    config: AgentConfig = AgentConfig()
    turn_id: str | None = None
    attachments: Sequence[Attachment] = ()
    blobs: Mapping[str, bytes] = field(factory=dict)


@frozen
class Compacted:
    """What a compaction did: how many messages an agent reads before and after, and the size of the summary."""

    messages_before: int
    messages_after: int
    summary_tokens: int


@frozen
class Injected:
    """Where context went. ``staged``: behind the running turn, so ``message_index`` is the least it will be."""

    message_index: int
    staged: bool


@frozen
class Waiting:
    """A question that waits for an answer, and the session it is asked in."""

    session_id: str
    approval: Approval


@frozen
class ListQuery:
    """Which sessions to list. ``after`` is the place to go on from: ``(updated_ms, session_id)`` of the last row
    seen."""

    limit: int = 100
    offset: int = 0
    after: tuple[int, str] | None = None
    labels: Labels = field(factory=dict)
    cwd: str | None = None
    archived: bool = False
    query: str | None = None


@frozen
class SessionSummary:
    """One row of a listing. ``needs_answer``: its turn waits for a person."""

    session_id: str
    state: str
    is_active: bool
    archived: bool
    title: str
    labels: Labels
    cwd: str | None
    created_ms: int
    updated_ms: int
    message_count: int
    total_tokens: int
    needs_answer: bool = False


@frozen
class SessionPage:
    """A page of a listing; ``next`` is the place to go on from, None at the end; ``total`` counts every match."""

    sessions: Sequence[SessionSummary]
    next: tuple[int, str] | None
    total: int


@frozen
class SessionView:
    """A session, read."""

    summary: SessionSummary
    head: SessionHead
    last_assistant_text: str | None


@frozen
class HistoryPage:
    """Committed messages from ``offset`` on; ``message_count`` is how many there are in all.

    ``next_seq`` is the sequence number of the first event that the history as a whole doesn't tell of:
    ``running_turn_id`` is the turn, if one is running, whose events go on from there.
    """

    session_id: str
    message_count: int
    offset: int
    messages: Sequence[Message]
    next_seq: int
    running_turn_id: str | None = None
    compaction: Compaction | None = None

    @property
    def has_more(self) -> bool:
        """Whether messages follow this page."""
        return self.offset + len(self.messages) < self.message_count


@frozen
class EventPage:
    """Events after a cursor, and where the log ends."""

    events: Sequence[LoggedEvent]
    latest_seq: int

    def has_more(self, after: int) -> bool:
        """Whether events follow this page, which was asked for from ``after``."""
        return (self.events[-1].seq if self.events else after) < self.latest_seq


@frozen
class ServiceHealth:
    """Figures for ``runtime/health``. ``store_answers`` is False when the store refused, or took too long.

    ``usage`` is None then, and where no disk is used.
    """

    live_sessions: int
    running_turns: int
    stored_sessions: int
    max_sessions: int
    usage: StoreUsage | None = None
    store_answers: bool = True
