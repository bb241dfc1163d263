"""Domain values: what a session, a turn, a message and an event *are*.

Frozen, free of I/O, of JSON and of disk formats. Each conversion lives elsewhere and in one file:
``rpc/mapping.py`` (wire), ``store/codec.py`` (bytes at rest), ``event_json.py`` (the one encoding of an event that
wire and log share).

Times are integers, milliseconds since the Unix epoch, in fields that end in ``_ms``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar, Literal, NamedTuple

from attrs import converters, define, evolve, field, frozen

JSON = Any
"""A JSON value. Not spelled out: recursive aliases cost more in readability than they check."""

Labels = Mapping[str, str]


# -- The life of a session -------------------------------------------------------------------------------------


class SessionState(Enum):
    """Where a session is in its life."""

    PENDING = "pending"  # created with a deferred first turn, none has run
    IDLE = "idle"
    RUNNING = "running"
    ARCHIVED = "archived"
    DELETED = "deleted"


class Step(Enum):
    """What moves a session from one state to another."""

    ADMIT = "admit"  # the service, when it lets one turn in (compare-and-set)
    FINISH = "finish"  # the turn's own task, in the commit that ends it
    RECOVER = "recover"  # whoever finds a turn whose process is gone
    ARCHIVE = "archive"  # the client
    UNARCHIVE = "unarchive"  # the client
    DELETE = "delete"  # the client


TRANSITIONS: Mapping[tuple[SessionState, Step], SessionState] = {
    (SessionState.PENDING, Step.ADMIT): SessionState.RUNNING,
    (SessionState.IDLE, Step.ADMIT): SessionState.RUNNING,
    (SessionState.RUNNING, Step.FINISH): SessionState.IDLE,
    (SessionState.RUNNING, Step.RECOVER): SessionState.IDLE,
    (SessionState.PENDING, Step.ARCHIVE): SessionState.ARCHIVED,
    (SessionState.IDLE, Step.ARCHIVE): SessionState.ARCHIVED,
    (SessionState.ARCHIVED, Step.UNARCHIVE): SessionState.IDLE,
    (SessionState.PENDING, Step.DELETE): SessionState.DELETED,
    (SessionState.IDLE, Step.DELETE): SessionState.DELETED,
    (SessionState.ARCHIVED, Step.DELETE): SessionState.DELETED,
}
"""The whole state machine. A pair that is not here is refused. Archive and delete of a running session wait for
(archive) or cause (delete) its FINISH first."""


class TurnOutcome(Enum):
    """How a turn ended, or that it has not."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


# -- Values a session is made of ---------------------------------------------------------------------------------


MAX_TOKENS = 2**53 - 1
"""Largest count of tokens that is kept: beyond it JSON readers round, and a sum may leave the 64 bits that fit."""


def _count(tokens: int) -> int:
    return min(max(int(tokens), 0), MAX_TOKENS)


@frozen
class Usage:
    """Tokens, as the model's provider counts them: 0 to ``MAX_TOKENS``. A count beyond is cut, for a provider that
    counts wrongly is no reason to lose a turn."""

    input_tokens: int = field(default=0, converter=_count)
    output_tokens: int = field(default=0, converter=_count)
    cache_read_tokens: int | None = field(default=None, converter=converters.optional(_count))
    cache_creation_tokens: int | None = field(default=None, converter=converters.optional(_count))

    @property
    def total_tokens(self) -> int:
        """Input and output together; cached tokens are part of the input already."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            _add_optional(self.cache_read_tokens, other.cache_read_tokens),
            _add_optional(self.cache_creation_tokens, other.cache_creation_tokens),
        )


def _add_optional(a: int | None, b: int | None) -> int | None:
    return None if a is None and b is None else (a or 0) + (b or 0)


@frozen
class ToolCall:
    """A tool call that a model asked for."""

    id: str
    name: str
    args: JSON


@frozen
class ToolResult:
    """What a tool answered; the message that carries it has its text as ``content``."""

    id: str
    name: str
    is_error: bool = False


@frozen
class Attachment:
    """Something that came with a prompt. Its bytes are kept once in the store, under their digest.

    ``digest`` is the SHA-256 of the content, hexadecimal; ``size`` counts bytes; ``name`` is what the user knows it by.
    """

    kind: Literal["image", "file"]
    name: str
    media_type: str
    digest: str
    size: int


MessageKind = Literal["context", "steer", "summary"]
"""What a message is when it isn't an ordinary one: context that was injected, an addition to a running turn, or the
summary that stands for what compaction cut (made for an agent to read, never stored as a message)."""


@frozen
class Message:
    """One message of a session's history.

    ``content`` is the text; an assistant's message may also carry the tool calls it made; a tool's message carries
    ``tool_result``. ``partial`` marks an assistant message whose turn ended before the model had finished it.
    """

    role: Literal["user", "assistant", "tool"]
    content: str
    turn_id: str
    timestamp_ms: int
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_result: ToolResult | None = None
    partial: bool = False
    kind: MessageKind | None = None
    attachments: tuple[Attachment, ...] = ()


@frozen
class AgentConfig:
    """What an agent is built from. ``None`` means "not given"; the agent's own default holds.

    ``budget`` is ``{"turn": limits, "session": limits}``, either of which may be missing; limits are integers under
    ``tokens``, ``duration_ms``, ``tool_calls`` and ``model_calls`` (``sessions/budgets.py``).
    """

    model: str | None = None
    provider: str | None = None
    max_tokens: int | None = None
    system_prompt: str | None = None
    output_schema: JSON = None
    provider_params: Mapping[str, JSON] | None = None
    budget: Mapping[str, JSON] | None = None

    def overlaid(self, over: AgentConfig) -> AgentConfig:
        """Return this configuration with everything that ``over`` gives put in place of our own.

        The provider belongs to the model: another model without one drops ours.
        """
        given = {name: value for name in _CONFIG_FIELDS if (value := getattr(over, name)) is not None}
        if "model" in given:
            given.setdefault("provider", None)
        if self.budget is not None and over.budget is not None:  # a turn's limits don't lift the session's
            given["budget"] = {**self.budget, **{scope: limits for scope, limits in over.budget.items() if limits}}
        return evolve(self, **given) if given else self


_CONFIG_FIELDS = tuple(attribute.name for attribute in AgentConfig.__attrs_attrs__)


@frozen
class ErrorInfo:
    """A failure as it is kept and shown: ``code`` is one of the codes in ``errors.py``."""

    code: str
    message: str
    data: Mapping[str, JSON] = field(factory=dict)


@frozen
class Owner:
    """The process that runs a turn.

    ``process_id`` is a fresh UUID per process; ``host``, ``boot_id``, ``pid`` and ``started_ms`` let a neighbour on
    the same machine tell at once whether that process is alive, pid reuse included.
    """

    process_id: str
    pid: int
    host: str
    boot_id: str
    started_ms: int


@frozen
class RunningTurn:
    """The turn that a session is running, as the store knows it."""

    turn_id: str
    owner: Owner
    first_seq: int
    first_message: int
    started_ms: int


@frozen
class LastTurn:
    """The last turn that ended."""

    turn_id: str
    outcome: TurnOutcome
    error: ErrorInfo | None = None


Remember = Literal["once", "session", "always"]
"""How long an answer to an approval holds: for this call, for its session, or as a rule in the configuration."""


@frozen
class Approval:
    """A question that a turn asked a person, and the answer once there is one.

    ``rule`` names what an answer that is remembered allows (``tools/base.py``); None where nothing can be remembered.
    ``taken``: the turn has the answer, and what it allows may have begun. ``key`` is by what the agent knows the
    question again after its process was replaced, which is possible only for one that is ``resumable``; the turn of
    any other ends with its process.
    """

    approval_id: str
    turn_id: str
    kind: str
    summary: str
    details: JSON
    choices: tuple[str, ...]
    requested_ms: int
    key: str = ""
    resumable: bool = False
    rule: str | None = None
    choice: str | None = None
    remember: Remember = "once"
    taken: bool = False


@frozen
class QueuedPrompt:
    """A prompt that waits: for the running turn's next model call (``steer``), or for its end, to become a turn.

    A steering prompt that its turn ended without becomes an ordinary one: what was accepted is never dropped.
    """

    turn_id: str
    prompt: str
    config: AgentConfig = AgentConfig()
    attachments: tuple[Attachment, ...] = ()
    steer: bool = False


@frozen
class Compaction:
    """What agents read in place of the messages before ``first_kept``. The messages themselves stay.

    ``failed_at_tokens``: how large the history was when an attempt failed; it is not tried again before the history
    has grown. ``first_kept`` is 0 and ``summary`` empty while only that is known.
    """

    first_kept: int = 0
    summary: str = ""
    summary_tokens: int = 0
    failed_at_tokens: int | None = None


@frozen
class Spent:
    """What the ended turns of a session used up, besides tokens; counted while the session has a budget."""

    model_calls: int = 0
    tool_calls: int = 0
    duration_ms: int = 0


@frozen
class SessionHead:
    """Everything about a session but its messages, events and turn records: small, and rewritten by each commit.

    ``revision`` is 1 when created and grows by one in each commit.
    ``first_prompt`` is cut to ``FIRST_PROMPT_CHARS``; it gives the title when none was given, and the text that is
    searched. ``approvals`` are what the running turn waits for, ``allowed`` the rules remembered for the session,
    ``queue`` the prompts that wait, ``context`` what was injected while a turn ran and comes behind it,
    ``turn_config`` what the running turn's own settings are.
    """

    session_id: str
    revision: int
    created_ms: int
    updated_ms: int
    config: AgentConfig
    title: str | None = None
    first_prompt: str | None = None
    labels: Labels = field(factory=dict)
    cwd: str | None = None
    archived: bool = False
    message_count: int = 0
    turn_count: int = 0
    usage: Usage = Usage()
    last_turn: LastTurn | None = None
    running: RunningTurn | None = None
    parent_id: str | None = None
    approvals: tuple[Approval, ...] = ()
    allowed: tuple[str, ...] = ()
    queue: tuple[QueuedPrompt, ...] = ()
    context: tuple[Message, ...] = ()
    compaction: Compaction | None = None
    spent: Spent = Spent()
    turn_config: AgentConfig = AgentConfig()

    @property
    def state(self) -> SessionState:
        """The state, derived: nothing can disagree with it."""
        if self.running is not None:
            return SessionState.RUNNING
        if self.archived:
            return SessionState.ARCHIVED
        return SessionState.IDLE if self.turn_count else SessionState.PENDING

    def after(self, step: Step) -> SessionState:
        """Return the state that ``step`` leads to.

        Raises:
            ValueError: the table has no such transition.
        """
        try:
            return TRANSITIONS[self.state, step]
        except KeyError:
            raise ValueError(f"a session that is {self.state.value} can't {step.value}") from None


FIRST_PROMPT_CHARS = 1024
"""How much of the first prompt a session's head and the catalogue keep: enough to search, small enough to rewrite."""

TITLE_CHARS = 80
"""Where a title made from the first prompt's first line is cut."""


def title_of(title: str | None, first_prompt: str | None) -> str:
    """Return the title that a person sees: the given one, else the first prompt's first line, else nothing."""
    if title is not None:
        return title
    for line in (first_prompt or "").splitlines():
        if text := line.strip():
            return text if len(text) <= TITLE_CHARS else text[: TITLE_CHARS - 1].rstrip() + "…"
    return ""


@frozen
class TurnRecord:
    """What is kept of one turn so that a repeat of its id can be answered without running it again.

    The text is not kept here: it is that of the turn's assistant messages, ``first_message`` and the
    ``message_count`` from there on.
    """

    turn_id: str
    prompt_digest: str
    outcome: TurnOutcome
    first_seq: int
    first_message: int
    message_count: int = 1
    turns: int = 0
    tool_calls: int = 0
    usage: Usage = Usage()
    turn_usage: Usage = Usage()
    stop_reason: str | None = None
    structured_output: JSON = None
    schema_warnings: Sequence[str] | None = None
    error: ErrorInfo | None = None


@frozen
class RunResult:
    """The answer to a turn that completed. ``usage`` is the session's total so far, ``turn_usage`` this turn's."""

    session_id: str
    turn_id: str
    text: str
    turns: int
    tool_calls: int
    usage: Usage
    turn_usage: Usage
    stop_reason: str
    structured_output: JSON = None
    schema_warnings: Sequence[str] | None = None


class LoggedEvent(NamedTuple):
    """An event with its place in the session's log. ``body`` is its one JSON encoding (``event_json.py``)."""

    seq: int
    timestamp_ms: int
    turn_id: str
    body: bytes


class Folding(NamedTuple):
    """A run of events that one event is to stand for, at the place of the run's last.

    ``first_seq`` is the run's first sequence number, ``event`` stands at its last and has its turn's id. ``checksum``
    is that of what the run holds (``store/rules.py``): by it a store knows that it folds what was looked at.
    """

    first_seq: int
    checksum: int
    event: LoggedEvent


class Folded(NamedTuple):
    """What folding made of a log: how many events are gone, and how many bytes their rows give back."""

    events: int = 0
    bytes: int = 0


@frozen
class SessionChange:
    """What one commit changes, in one transaction: the new head and what is appended.

    The commit is refused unless the stored head's revision is ``head.revision - 1`` (or there is none and it is 1),
    and unless ``events`` follow the log's last sequence number without a gap.
    ``create_turn_id``: a turn id of the client's by which a repeated ``session/create`` finds this session.
    ``blobs``: the contents, by digest, of attachments that the session refers to from now on. One that the store has
    already is not written again, and goes with the last session that refers to it.
    """

    head: SessionHead
    messages: Sequence[Message] = ()
    events: Sequence[LoggedEvent] = ()
    turn: TurnRecord | None = None
    create_turn_id: str | None = None
    blobs: Mapping[str, bytes] = field(factory=dict)


class History(NamedTuple):
    """A session and some of its messages, as of one moment: the head, where the log ends, and the messages from index
    ``start`` on."""

    head: SessionHead
    last_seq: int
    start: int
    messages: Sequence[Message]


class CatalogueRow(NamedTuple):
    """What a listing needs of one session."""

    session_id: str
    title: str | None
    first_prompt: str | None
    labels: Labels
    cwd: str | None
    archived: bool
    created_ms: int
    updated_ms: int
    message_count: int
    total_tokens: int
    running: RunningTurn | None

    @staticmethod
    def of(head: SessionHead) -> CatalogueRow:
        """Return the row of ``head``."""
        return CatalogueRow(
            head.session_id,
            head.title,
            head.first_prompt,
            head.labels,
            head.cwd,
            head.archived,
            head.created_ms,
            head.updated_ms,
            head.message_count,
            head.usage.total_tokens,
            head.running,
        )


@frozen
class StoreUsage:
    """The room that a store takes on its disk, in bytes.

    ``store_bytes``: all its files. ``wal_bytes``: of these, the write-ahead log. ``free_bytes``: of these, what holds
    nothing at present. ``disk_free_bytes``: what is left on the disk for everybody.
    """

    store_bytes: int
    wal_bytes: int
    free_bytes: int
    disk_free_bytes: int


# -- Events ------------------------------------------------------------------------------------------------------
#
# Not frozen: a turn may emit a hundred thousand of them a second, and attrs' frozen __init__ costs three times the
# plain one. Nobody keeps one: it is encoded as it is emitted.


class Event:
    """Base of the events. ``TYPE`` is the tag on the wire and in the log."""

    __slots__ = ()
    TYPE: ClassVar[str]


@define
class RunStarted(Event):
    """First event of every run; sent only once the prompt is durable."""

    TYPE = "run_started"
    session_id: str
    prompt: str


@define
class RunCompleted(Event):
    """Last event of a run that completed."""

    TYPE = "run_completed"
    session_id: str
    result: str
    usage: Usage


@define
class RunFailed(Event):
    """Last event of every other run. ``reason``: error, cancelled, budget, host_exit."""

    TYPE = "run_failed"
    session_id: str
    error: str
    reason: Literal["error", "cancelled", "budget", "host_exit"]


@define
class TurnStarted(Event):
    """A model call begins; ``turn_number`` counts from 1 within the run."""

    TYPE = "turn_started"
    turn_number: int


@define
class TurnCompleted(Event):
    """A model call ended. ``usage`` is that call's."""

    TYPE = "turn_completed"
    stop_reason: str
    usage: Usage


@define
class TextDelta(Event):
    """A piece of the assistant's text."""

    TYPE = "text_delta"
    delta: str


@define
class TextComplete(Event):
    """The whole text of one model call."""

    TYPE = "text_complete"
    content: str


@define
class ReasoningDelta(Event):
    """A piece of the model's reasoning."""

    TYPE = "reasoning_delta"
    delta: str


@define
class ReasoningComplete(Event):
    """The whole reasoning of one model call."""

    TYPE = "reasoning_complete"
    content: str


@define
class ToolCallRequested(Event):
    """The model asked for a tool."""

    TYPE = "tool_call_requested"
    id: str
    name: str
    args: JSON


@define
class ToolExecutionStarted(Event):
    """A tool began to run."""

    TYPE = "tool_execution_started"
    id: str
    name: str


@define
class ToolExecutionCompleted(Event):
    """A tool ended."""

    TYPE = "tool_execution_completed"
    id: str
    name: str
    result: JSON
    is_error: bool
    duration_ms: int


@define
class ToolExecutionTimedOut(Event):
    """A tool did not end in time."""

    TYPE = "tool_execution_timed_out"
    id: str
    name: str
    timeout_ms: int


@define
class ToolResultReceived(Event):
    """The tool's result was put into the history."""

    TYPE = "tool_result_received"
    id: str
    name: str
    is_error: bool


@define
class Retrying(Event):
    """A model call failed and will be tried again."""

    TYPE = "retrying"
    attempt: int
    max_attempts: int
    error: str
    delay_ms: int


@define
class BudgetWarning(Event):
    """A budget is nearly used up."""

    TYPE = "budget_warning"
    budget_type: str
    used: int
    limit: int
    percent: float


@define
class CompactionStarted(Event):
    """The history is about to be summarised."""

    TYPE = "compaction_started"
    input_tokens: int
    estimated_history_tokens: int
    message_count: int


@define
class CompactionCompleted(Event):
    """The history was summarised."""

    TYPE = "compaction_completed"
    summary_tokens: int
    messages_before: int
    messages_after: int


@define
class CompactionFailed(Event):
    """The history could not be summarised; the turn goes on."""

    TYPE = "compaction_failed"
    error: str


@define
class ApprovalRequested(Event):
    """A person has to decide."""

    TYPE = "approval_requested"
    approval_id: str
    kind: str
    summary: str
    details: JSON
    choices: Sequence[str]


@define
class ApprovalResolved(Event):
    """A person decided."""

    TYPE = "approval_resolved"
    approval_id: str
    choice: str


@define
class Steered(Event):
    """A prompt was added to the running turn; the model reads it with its next call."""

    TYPE = "steered"
    id: str
    prompt: str


@define
class ContextInjected(Event):
    """Context was added to the history without running a turn."""

    TYPE = "context_injected"
    content: str


@define
class StreamTruncated(Event):
    """Events before this one are no longer kept."""

    TYPE = "stream_truncated"
    reason: str


@define
class DeltasFolded(Event):
    """Stands for every delta of one kind from ``from_seq`` to its own sequence number: the turn ended long ago.

    Their text is in the complete event of that kind that follows in the turn; where none has it, in ``content``.
    A reader who has some of those deltas already drops them: it gets the text of all.
    """

    TYPE = "deltas_folded"
    kind: Literal["text", "reasoning"]
    from_seq: int
    content: str | None


EVENT_TYPES: Mapping[str, type[Event]] = {
    kind.TYPE: kind
    for kind in (
        RunStarted,
        RunCompleted,
        RunFailed,
        TurnStarted,
        TurnCompleted,
        TextDelta,
        TextComplete,
        ReasoningDelta,
        ReasoningComplete,
        ToolCallRequested,
        ToolExecutionStarted,
        ToolExecutionCompleted,
        ToolExecutionTimedOut,
        ToolResultReceived,
        Retrying,
        BudgetWarning,
        CompactionStarted,
        CompactionCompleted,
        CompactionFailed,
        ApprovalRequested,
        ApprovalResolved,
        Steered,
        ContextInjected,
        StreamTruncated,
        DeltasFolded,
    )
}
"""Every event type by its tag."""
