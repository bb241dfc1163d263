"""The shapes of what the server answers, as plain dictionaries.

For type checkers and editors only: an answer is the decoded JSON itself, nothing is converted. ``wire/types/``
defines these types; they are spelled again here because importing that module costs a parent process 100 ms, and a
test holds the two together. Keys that are ``NotRequired`` are left out when there is nothing to say.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class Usage(TypedDict):
    """Tokens, as the model's provider counts them."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    cache_read_tokens: NotRequired[int]
    cache_creation_tokens: NotRequired[int]


class RunResult(TypedDict):
    """How a turn ended well. ``usage`` is the session's total so far, ``turn_usage`` this turn's."""

    session_id: str
    turn_id: str
    text: str
    turns: int
    tool_calls: int
    usage: Usage
    turn_usage: Usage
    stop_reason: str
    structured_output: NotRequired[Any]
    schema_warnings: NotRequired[list[str]]


class ServerInfo(TypedDict):
    """Who answers."""

    name: str
    version: str


class StoreInfo(TypedDict):
    """Where sessions are kept: ``kind`` is "diskcache" or "memory"."""

    kind: str
    path: NotRequired[str]


class InitializeResult(TypedDict):
    """What the server is and can do."""

    server_info: ServerInfo
    contract_version: str
    methods: list[str]
    capabilities: dict[str, Any]
    store: StoreInfo


class SessionSummary(TypedDict):
    """One row of a listing. Times are whole seconds since the epoch. ``needs_answer`` only where the turn waits for an
    answer."""

    session_id: str
    state: Literal["idle", "running"]
    is_active: bool
    archived: bool
    title: str
    labels: dict[str, str]
    cwd: str | None
    created_at: int
    updated_at: int
    message_count: int
    total_tokens: int
    needs_answer: NotRequired[bool]


class SessionListResult(TypedDict):
    """A page; ``next_cursor`` is there while more follow; ``total`` counts every match."""

    sessions: list[SessionSummary]
    total: int
    next_cursor: NotRequired[str]


class TurnError(TypedDict):
    """Why a turn failed."""

    code: str
    message: str


class QueuedTurn(TypedDict):
    """A prompt that waits. ``steer``: for the running turn's next model call, else for its end."""

    turn_id: str
    prompt: str
    steer: bool


class Attachment(TypedDict):
    """What came with a prompt. ``Client.blob`` gives the content of ``digest``; ``size`` is in bytes."""

    kind: Literal["image", "file"]
    name: str
    media_type: str
    digest: str
    size: int


class LastTurn(TypedDict):
    """The last turn that ended."""

    turn_id: str
    outcome: Literal["completed", "failed", "interrupted"]
    error: NotRequired[TurnError]


class SessionView(SessionSummary):
    """A session, read."""

    model: str | None
    provider: str | None
    last_assistant_text: str | None
    usage: Usage
    last_turn: LastTurn | None
    running_turn_id: NotRequired[str]
    parent_session_id: NotRequired[str]
    queue: NotRequired[list[QueuedTurn]]
    approvals: NotRequired[list[str]]
    allowed: NotRequired[list[str]]


class ToolCall(TypedDict):
    """A tool call that the model asked for."""

    id: str
    name: str
    args: Any


class ToolResult(TypedDict):
    """Which call a tool's message answers."""

    id: str
    name: str
    is_error: bool


class Message(TypedDict):
    """One message. ``partial`` marks an assistant message that its turn's end cut short."""

    role: Literal["user", "assistant", "tool"]
    content: str
    turn_id: str
    timestamp_ms: int
    reasoning: NotRequired[str]
    tool_calls: NotRequired[list[ToolCall]]
    tool_result: NotRequired[ToolResult]
    partial: NotRequired[bool]
    kind: NotRequired[Literal["context", "steer", "summary"]]
    attachments: NotRequired[list[Attachment]]


class Compaction(TypedDict):
    """The model reads ``summary`` in place of the messages before index ``first_kept``. They are all still there."""

    first_kept: int
    summary: str
    summary_tokens: int


class SessionHistoryResult(TypedDict):
    """A page of messages, oldest first, committed ones only. ``compaction`` only where there was one.

    ``next_seq`` is the sequence number of the first event that the history, read to its end, doesn't tell of.
    """

    session_id: str
    message_count: int
    offset: int
    has_more: bool
    messages: list[Message]
    next_seq: int
    running_turn_id: NotRequired[str]
    compaction: NotRequired[Compaction]


class InjectContextResult(TypedDict):
    """The message's place in the history. ``staged``: it comes behind the turn that runs."""

    session_id: str
    message_index: int
    status: Literal["applied", "staged"]


class SessionCompactResult(TypedDict):
    """How many messages a model reads before and after, and how large the summary is."""

    messages_before: int
    messages_after: int
    summary_tokens: int


class TurnQueued(TypedDict):
    """The prompt is durable. ``position`` counts the prompts before it."""

    accepted: Literal[True]
    turn_id: str
    position: int


class PendingApproval(TypedDict):
    """A question that waits. ``rule`` is what an answer that is remembered would allow."""

    approval_id: str
    session_id: str
    turn_id: str
    kind: str
    summary: str
    details: Any
    choices: list[str]
    timestamp_ms: int
    rule: NotRequired[str]


class ApprovalListResult(TypedDict):
    """What waits, the oldest first."""

    approvals: list[PendingApproval]


class ApprovalRespondResult(TypedDict):
    """The answer that stands: an earlier one, if somebody was faster."""

    approval_id: str
    session_id: str
    choice: str


class Tool(TypedDict):
    """A tool. ``source``: ``host``, ``builtin`` or ``mcp:NAME``."""

    name: str
    description: str
    input_schema: Any
    source: str
    requires_approval: bool


class ToolsListResult(TypedDict):
    """What there is now."""

    tools: list[Tool]


class BlobGetResult(TypedDict):
    """The content as base64; ``size`` is in bytes."""

    digest: str
    size: int
    data: str


class SessionEventParams(TypedDict):
    """An event as the log keeps it."""

    session_id: str
    turn_id: str
    seq: int
    timestamp_ms: int
    event: dict[str, Any]


class ListSinceResult(TypedDict):
    """A page of the log. ``latest_cursor`` is where this page ends: pass it to go on."""

    events: list[SessionEventParams]
    latest_cursor: str
    has_more: bool


class Capability(TypedDict):
    """One capability: on, or what to do to turn it on."""

    id: str
    description: str
    available: bool
    status: Any
    hint: NotRequired[str]


class CapabilitiesResult(TypedDict):
    """Every capability the server knows of."""

    contract_version: str
    capabilities: list[Capability]


class Model(TypedDict):
    """A model. ``missing`` says what to install or set before it can be used."""

    id: str
    provider: str
    description: str
    available: bool
    is_default: bool
    context_window: NotRequired[int]
    missing: NotRequired[str]


class ModelsCatalogResult(TypedDict):
    """Every model that an installed agent offers."""

    models: list[Model]
    default_model: str | None


class IgnoredSetting(TypedDict):
    """A setting of a project's file that doesn't hold, and why."""

    setting: str
    reason: str


class ConfigResult(TypedDict):
    """The configuration file's settings. ``generation`` changes whenever the file does; 0 when there is no file.

    ``restart``: settings that hold from the next start on; ``problems``: why a file is not in use as it is.
    """

    config: dict[str, Any]
    generation: int
    path: str
    restart: NotRequired[list[str]]
    ignored: NotRequired[list[IgnoredSetting]]
    problems: NotRequired[list[str]]


class McpServer(TypedDict):
    """An MCP server. ``error`` says why it isn't ready, ``stderr`` what it last said there."""

    name: str
    transport: Literal["stdio", "http"]
    state: Literal["connecting", "ready", "failed", "disabled"]
    tools: list[str]
    origin: Literal["config", "project", "added"]
    error: NotRequired[str]
    stderr: NotRequired[str]


class HealthResult(TypedDict):
    """Figures about the running server; ``uptime_ms`` and ``memory_bytes`` (resident) as it answers."""

    status: Literal["ok", "degraded"]
    version: str
    uptime_ms: int
    live_sessions: int
    running_turns: int
    stored_sessions: int
    max_sessions: int
    tasks: int
    memory_bytes: int | None
    store_bytes: int | None
    wal_bytes: int | None
    free_bytes: int | None
    disk_free_bytes: int | None
    store: StoreInfo


class AgentSettings(TypedDict, total=False):
    """What an agent is built from: given at a session's creation it holds for the session, at a turn for that turn."""

    model: str
    provider: str
    max_tokens: int
    system_prompt: str
    output_schema: Any
    provider_params: dict[str, Any]
    budget: dict[str, dict[str, int]]
