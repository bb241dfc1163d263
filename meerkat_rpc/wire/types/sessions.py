"""Sessions: made, listed, read, changed, put away."""

from __future__ import annotations

from typing import Literal

from attrs import field

from meerkat_rpc.wire.types.marks import JSON, Count, Labels, PageLimit, Positive, Text, Uuid, message
from meerkat_rpc.wire.types.prompts import Budget, Prompt
from meerkat_rpc.wire.types.results import Attachment, SessionSummary


@message
class SessionParams:
    """Names a session."""

    session_id: Uuid


@message
class SessionCreateParams:
    """A session to create. ``prompt`` is required unless ``initial_turn`` is "deferred", and then only names it.

    ``session_id`` and ``turn_id`` are the client's own: a repeat returns the stored result and runs nothing.
    """

    prompt: Prompt | None = None
    initial_turn: Literal["immediate", "deferred"] = "immediate"
    wait: bool = True
    model: str | None = None
    provider: str | None = None
    max_tokens: Positive | None = None
    system_prompt: str | None = None
    output_schema: JSON = None
    provider_params: dict[str, JSON] | None = None
    budget: Budget | None = None
    labels: Labels = field(factory=dict)
    title: str | None = None
    cwd: str | None = None
    session_id: Uuid | None = None
    turn_id: Uuid | None = None


@message
class SessionListParams:
    """``labels`` must all match; ``query`` is looked for in the title and the first prompt, whatever the case."""

    limit: PageLimit = 100
    offset: Count = 0
    cursor: str | None = None
    labels: Labels = field(factory=dict)
    cwd: str | None = None
    archived: bool = False
    query: str | None = None


@message
class SessionListResult:
    """A page; ``next_cursor`` is there while more follow; ``total`` counts every match."""

    sessions: list[SessionSummary]
    total: Count
    next_cursor: str | None = None


@message
class SessionsChangedParams:
    """Which sessions were created, deleted, archived, renamed or otherwise changed, began or ended a turn, ask
    something or were answered; whichever process over the store did it. Without ``session_ids`` there are too many to
    name: look at the list again.

    Sent to clients with the capability ``session_changes``, at most four times a second. Not sent for what a turn says.
    """

    session_ids: list[Uuid] | None = None


@message
class SessionHistoryParams:
    """Which messages: those from index ``offset`` on, or the last ones, ``latest``, or those that come just before the
    index ``before``. Only one of the three; without any, the first."""

    session_id: Uuid
    offset: Count | None = None
    limit: PageLimit = 100
    latest: bool = False
    before: Count | None = None


@message
class ToolCall:
    """A tool call that the model asked for."""

    id: str
    name: str
    args: JSON


@message
class ToolResult:
    """Which call a tool's message answers."""

    id: str
    name: str
    is_error: bool


@message
class Message:
    """One message. ``partial`` marks an assistant message that its turn's end cut short.

    ``kind`` is there for a user's message that didn't begin a turn: context that was injected, or an addition to the
    turn that ran.
    """

    role: Literal["user", "assistant", "tool"]
    content: str
    turn_id: Uuid
    timestamp_ms: Count
    reasoning: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_result: ToolResult | None = None
    partial: bool | None = None
    kind: Literal["context", "steer", "summary"] | None = None
    attachments: list[Attachment] | None = None


@message
class Compaction:
    """The model reads ``summary`` in place of the messages before index ``first_kept``. They are all still there."""

    first_kept: Count
    summary: str
    summary_tokens: Count


@message
class SessionHistoryResult:
    """A page of messages, oldest first, committed ones only. ``compaction`` only where there was one.

    ``offset`` is the index of the page's first message, ``has_more`` whether messages follow its last one. ``next_seq``
    is the sequence number of the first event that the history, read to its end, doesn't tell of: a stream opened from
    there begins where the messages end, within the turn that is running (``running_turn_id``) if one is.
    """

    session_id: Uuid
    message_count: Count
    offset: Count
    has_more: bool
    messages: list[Message]
    next_seq: Positive
    running_turn_id: Uuid | None = None
    compaction: Compaction | None = None


@message
class SessionArchiveResult:
    """Done."""

    archived: Literal[True]


@message
class SessionUnarchiveResult:
    """Done."""

    archived: Literal[False]


@message
class SessionDeleteResult:
    """Done."""

    deleted: Literal[True]


@message
class SessionUpdateParams:
    """What to change: ``title`` to set, ``labels`` to put in place of all the old ones, and the agent's settings, which
    hold from the next turn on."""

    session_id: Uuid
    title: str | None = None
    labels: Labels | None = None
    model: str | None = None
    provider: str | None = None
    max_tokens: Positive | None = None
    system_prompt: str | None = None
    output_schema: JSON = None
    provider_params: dict[str, JSON] | None = None
    budget: Budget | None = None


@message
class InjectContextParams:
    """What the model is to know: ``text``, or ``content`` for text and attachments. Exactly one of them."""

    session_id: Uuid
    text: Text | None = None
    content: Prompt | None = None


@message
class InjectContextResult:
    """The message's place in the history. ``staged``: it comes behind the turn that runs."""

    session_id: Uuid
    message_index: Count
    status: Literal["applied", "staged"]


@message
class SessionCompactResult:
    """How many messages a model reads before and after, and how large the summary is. The same number twice: there was
    nothing that could have been summarised."""

    messages_before: Count
    messages_after: Count
    summary_tokens: Count


@message
class SessionForkParams:
    """The new session begins with the first ``message_index`` messages of the old one."""

    session_id: Uuid
    message_index: Count


@message
class SessionForkResult:
    """The new session."""

    session_id: Uuid


@message
class SessionExportParams:
    """How to render it: one JSON document, Markdown for people, or a JSON line a message."""

    session_id: Uuid
    format: Literal["json", "markdown", "jsonl"] = "markdown"


@message
class SessionExportResult:
    """The rendered session."""

    content: str
