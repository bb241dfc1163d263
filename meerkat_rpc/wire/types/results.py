"""Values that several methods answer with."""

from __future__ import annotations

from typing import Literal

from meerkat_rpc.wire.types.marks import JSON, Count, Digest, Labels, Uuid, message


@message
class Usage:
    """Tokens, as the model's provider counts them."""

    input_tokens: Count
    output_tokens: Count
    total_tokens: Count
    cache_read_tokens: Count | None = None
    cache_creation_tokens: Count | None = None


@message
class RunResult:
    """The answer to a turn that completed.

    ``turns`` counts model calls. ``usage`` is the session's total so far, ``turn_usage`` this turn's.
    """

    session_id: Uuid
    turn_id: Uuid
    text: str
    turns: Count
    tool_calls: Count
    usage: Usage
    turn_usage: Usage
    stop_reason: str
    structured_output: JSON = None
    schema_warnings: list[str] | None = None


@message
class TurnAccepted:
    """The answer to ``wait: false``: the prompt is durable and the turn is running."""

    session_id: Uuid
    turn_id: Uuid
    accepted: Literal[True]


@message
class SessionDeferred:
    """The answer to a create whose first turn is deferred."""

    session_id: Uuid
    state: Literal["idle"]


SessionCreateResult = RunResult | TurnAccepted | SessionDeferred
TurnStartResult = RunResult | TurnAccepted


@message
class SessionSummary:
    """One row of a listing. Times are whole seconds since the epoch. ``needs_answer`` only where the turn waits for an
    answer (``approval/list``)."""

    session_id: Uuid
    state: Literal["idle", "running"]
    is_active: bool
    archived: bool
    title: str
    labels: Labels
    cwd: str | None
    created_at: int
    updated_at: int
    message_count: Count
    total_tokens: Count
    needs_answer: bool | None = None


@message
class TurnError:
    """Why a turn failed: the error as its request was answered."""

    code: str
    message: str


@message
class QueuedTurn:
    """A prompt that waits. ``steer``: for the running turn's next model call, else for its end."""

    turn_id: Uuid
    prompt: str
    steer: bool


@message
class Attachment:
    """What came with a prompt. ``blob/get`` gives the content of ``digest``; ``size`` is in bytes."""

    kind: Literal["image", "file"]
    name: str
    media_type: str
    digest: Digest
    size: Count


@message
class LastTurn:
    """The last turn that ended."""

    turn_id: Uuid
    outcome: Literal["completed", "failed", "interrupted"]
    error: TurnError | None = None


@message
class SessionView:
    """A session, read: its summary and what only reading tells.

    ``queue``: the prompts that wait; ``approvals``: ids of the questions that wait for an answer (``approval/list`` has
    them whole); ``allowed``: the rules that were remembered for this session. Each only where there are any.
    """

    session_id: Uuid
    state: Literal["idle", "running"]
    is_active: bool
    archived: bool
    title: str
    labels: Labels
    cwd: str | None
    created_at: int
    updated_at: int
    message_count: Count
    total_tokens: Count
    model: str | None
    provider: str | None
    last_assistant_text: str | None
    usage: Usage
    last_turn: LastTurn | None
    needs_answer: bool | None = None
    running_turn_id: Uuid | None = None
    parent_session_id: Uuid | None = None
    queue: list[QueuedTurn] | None = None
    approvals: list[str] | None = None
    allowed: list[str] | None = None
