"""The events themselves (contract section 3)."""

from __future__ import annotations

from typing import Literal

from meerkat_rpc.wire.types.marks import JSON, Count, Positive, Uuid, message
from meerkat_rpc.wire.types.results import Usage


@message
class RunStarted:
    """First event of every run; sent only once the prompt is durable."""

    type: Literal["run_started"]
    session_id: Uuid
    prompt: str


@message
class RunCompleted:
    """Last event of a run that completed."""

    type: Literal["run_completed"]
    session_id: Uuid
    result: str
    usage: Usage


@message
class RunFailed:
    """Last event of every other run."""

    type: Literal["run_failed"]
    session_id: Uuid
    error: str
    reason: Literal["error", "cancelled", "budget", "host_exit"]


@message
class TurnStarted:
    """A model call begins; ``turn_number`` counts from 1 within the run."""

    type: Literal["turn_started"]
    turn_number: Positive


@message
class TurnCompleted:
    """A model call ended. ``usage`` is that call's."""

    type: Literal["turn_completed"]
    stop_reason: str
    usage: Usage


@message
class TextDelta:
    """A piece of the assistant's text."""

    type: Literal["text_delta"]
    delta: str


@message
class TextComplete:
    """The whole text of one model call."""

    type: Literal["text_complete"]
    content: str


@message
class ReasoningDelta:
    """A piece of the model's reasoning."""

    type: Literal["reasoning_delta"]
    delta: str


@message
class ReasoningComplete:
    """The whole reasoning of one model call."""

    type: Literal["reasoning_complete"]
    content: str


@message
class ToolCallRequested:
    """The model asked for a tool."""

    type: Literal["tool_call_requested"]
    id: str
    name: str
    args: JSON


@message
class ToolExecutionStarted:
    """A tool began to run."""

    type: Literal["tool_execution_started"]
    id: str
    name: str


@message
class ToolExecutionCompleted:
    """A tool ended."""

    type: Literal["tool_execution_completed"]
    id: str
    name: str
    result: JSON
    is_error: bool
    duration_ms: Count


@message
class ToolExecutionTimedOut:
    """A tool did not end in time."""

    type: Literal["tool_execution_timed_out"]
    id: str
    name: str
    timeout_ms: Count


@message
class ToolResultReceived:
    """The tool's result was put into the history."""

    type: Literal["tool_result_received"]
    id: str
    name: str
    is_error: bool


@message
class Retrying:
    """A model call failed and will be tried again."""

    type: Literal["retrying"]
    attempt: Count
    max_attempts: Count
    error: str
    delay_ms: Count


@message
class BudgetWarning:
    """A budget is nearly used up."""

    type: Literal["budget_warning"]
    budget_type: str
    used: Count
    limit: Count
    percent: float


@message
class CompactionStarted:
    """The history is about to be summarised."""

    type: Literal["compaction_started"]
    input_tokens: Count
    estimated_history_tokens: Count
    message_count: Count


@message
class CompactionCompleted:
    """The history was summarised."""

    type: Literal["compaction_completed"]
    summary_tokens: Count
    messages_before: Count
    messages_after: Count


@message
class CompactionFailed:
    """The history could not be summarised; the turn goes on."""

    type: Literal["compaction_failed"]
    error: str


@message
class ApprovalRequested:
    """A person has to decide."""

    type: Literal["approval_requested"]
    approval_id: str
    kind: str
    summary: str
    details: JSON
    choices: list[str]


@message
class ApprovalResolved:
    """A person decided."""

    type: Literal["approval_resolved"]
    approval_id: str
    choice: str


@message
class Steered:
    """A prompt was added to the running turn; the model reads it with its next call."""

    type: Literal["steered"]
    id: Uuid
    prompt: str


@message
class ContextInjected:
    """Context was added to the history without running a turn."""

    type: Literal["context_injected"]
    content: str


@message
class StreamTruncated:
    """Events before this one are no longer kept."""

    type: Literal["stream_truncated"]
    reason: str


@message
class DeltasFolded:
    """Stands for every delta of one kind from ``from_seq`` to this event's own ``seq``; their turn ended long ago.

    Their text is in the ``text_complete`` (or ``reasoning_complete``) that follows in the turn; where none has it, it
    is ``content``. No event has the sequence numbers from ``from_seq`` up to this one. They may begin before the
    place that was asked from: a reader who has some of those deltas drops them, for it gets the text of all.
    """

    type: Literal["deltas_folded"]
    kind: Literal["text", "reasoning"]
    from_seq: Positive
    content: str | None


Event = (
    RunStarted
    | RunCompleted
    | RunFailed
    | TurnStarted
    | TurnCompleted
    | TextDelta
    | TextComplete
    | ReasoningDelta
    | ReasoningComplete
    | ToolCallRequested
    | ToolExecutionStarted
    | ToolExecutionCompleted
    | ToolExecutionTimedOut
    | ToolResultReceived
    | Retrying
    | BudgetWarning
    | CompactionStarted
    | CompactionCompleted
    | CompactionFailed
    | ApprovalRequested
    | ApprovalResolved
    | Steered
    | ContextInjected
    | StreamTruncated
    | DeltasFolded
)
"""Any event; tagged by ``type``. A client ignores types it does not know."""
