"""The wire's types: the single definition of every message.

``schema/`` is generated from these classes and ``wire/convert.py`` checks parameters against them. Field names are the
wire's names. A field with a default may be left out; ``None`` as a default also accepts ``null`` and, in results, means
that the field is left out. Unknown parameters are ignored.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar, dataclass_transform

from attrs import field, frozen

JSON = Any

T = TypeVar("T", bound=type)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def message(kind: T) -> T:
    """Make ``kind`` an attrs class with no more than a constructor: it is made once and read once. What else attrs
    would generate (representation, comparison, slots) took two thirds of this module's import."""
    return frozen(kind, repr=False, eq=False, slots=False)


@frozen
class Bounds:
    """Limits of an integer (inclusive) or, for text, of its length in characters."""

    minimum: int | None = None
    maximum: int | None = None


@frozen
class Format:
    """A named form of a string: ``uuid``."""

    name: str


Uuid = Annotated[str, Format("uuid")]
"""A UUID in any spelling; answered hyphenated and lower-case."""

Count = Annotated[int, Bounds(minimum=0)]
MAX_PAGE = 1000
"""Entries in a page: a second's reading, and far below what a message may hold."""

PageLimit = Annotated[int, Bounds(minimum=1, maximum=MAX_PAGE)]
Positive = Annotated[int, Bounds(minimum=1)]
Text = Annotated[str, Bounds(minimum=1)]
Labels = dict[str, str]
Digest = str
"""The SHA-256 of an attachment's content, hexadecimal."""


@message
class NoParams:
    """Takes nothing."""


@message
class NullResult:
    """Answers ``null``."""


# -- Prompts -------------------------------------------------------------------------------------------------


@message
class TextBlock:
    """A piece of a prompt's text. Blocks of text are joined with an empty line between."""

    type: Literal["text"]
    text: str


@message
class ImageBlock:
    """An image: its content as base64 in ``data``, a file that the server reads, or the ``digest`` of one it has.

    ``media_type`` is told from the name or the content where it isn't given.
    """

    type: Literal["image"]
    data: str | None = None
    path: str | None = None
    digest: Digest | None = None
    media_type: str | None = None
    name: str | None = None


@message
class FileBlock:
    """A file, of any kind: as for an image. A relative ``path`` begins at the session's ``cwd``. What the file holds
    now is kept; later changes of it don't matter."""

    type: Literal["file"]
    data: str | None = None
    path: str | None = None
    digest: Digest | None = None
    media_type: str | None = None
    name: str | None = None


PromptBlock = TextBlock | ImageBlock | FileBlock
Prompt = Text | list[PromptBlock]
"""What a user says: text, or blocks."""


@message
class Limits:
    """What may be used up. What is not given has no limit here."""

    tokens: Positive | None = None
    duration_ms: Positive | None = None
    tool_calls: Count | None = None
    model_calls: Count | None = None


@message
class Budget:
    """The limits of each turn, and of the whole session. Time that a turn waits for a person doesn't count."""

    turn: Limits | None = None
    session: Limits | None = None


# -- Shared values -------------------------------------------------------------------------------------------


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
    """One row of a listing. Times are whole seconds since the epoch."""

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
    running_turn_id: Uuid | None = None
    parent_session_id: Uuid | None = None
    queue: list[QueuedTurn] | None = None
    approvals: list[str] | None = None
    allowed: list[str] | None = None


# -- Lifecycle -----------------------------------------------------------------------------------------------


@message
class ClientInfo:
    """Who is calling."""

    name: str | None = None
    version: str | None = None


@message
class ServerInfo:
    """Who answers."""

    name: str
    version: str


@message
class StoreInfo:
    """Where sessions are kept: ``kind`` is "diskcache" or "memory"."""

    kind: str
    path: str | None = None


@message
class InitializeParams:
    """``process_id`` is watched: when it is gone the server ends, as when the pipe closes."""

    client_info: ClientInfo | None = None
    process_id: Positive | None = None
    contract_version: str | None = None
    capabilities: dict[str, JSON] | None = None


@message
class InitializeResult:
    """What the server is and can do."""

    server_info: ServerInfo
    contract_version: str
    methods: list[str]
    capabilities: dict[str, JSON]
    store: StoreInfo


@message
class CancelParams:
    """The request to cancel, by its id."""

    request_id: int | str


@message
class CancelResult:
    """False when no such request was in flight."""

    cancelled: bool


@message
class CancelRequestParams:
    """The request to cancel, by its id."""

    id: int | str


# -- Sessions ------------------------------------------------------------------------------------------------


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
class SessionHistoryParams:
    """Which messages."""

    session_id: Uuid
    offset: Count = 0
    limit: PageLimit = 100


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
    """A page of messages, oldest first, committed ones only. ``compaction`` only where there was one."""

    session_id: Uuid
    message_count: Count
    offset: Count
    has_more: bool
    messages: list[Message]
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


# -- Turns ---------------------------------------------------------------------------------------------------


@message
class TurnStartParams:
    """A turn. ``model`` and the other settings hold for this turn only."""

    session_id: Uuid
    prompt: Prompt
    turn_id: Uuid | None = None
    wait: bool = True
    model: str | None = None
    provider: str | None = None
    max_tokens: Positive | None = None
    system_prompt: str | None = None
    output_schema: JSON = None
    provider_params: dict[str, JSON] | None = None
    budget: Budget | None = None


@message
class TurnInterruptParams:
    """With ``turn_id``, only that turn is interrupted and never the next."""

    session_id: Uuid
    turn_id: Uuid | None = None


@message
class TurnInterruptResult:
    """False when nothing was running, or another turn than the one named."""

    interrupted: bool


@message
class TurnSteerParams:
    """An addition to the running turn. With ``expected_turn_id``, to that turn or to none. ``turn_id`` is the client's
    own id of the addition: a repeat adds nothing."""

    session_id: Uuid
    prompt: Prompt
    expected_turn_id: Uuid | None = None
    turn_id: Uuid | None = None


@message
class TurnEnqueueParams:
    """A turn that begins when the running one ends. Settings hold for it only."""

    session_id: Uuid
    prompt: Prompt
    turn_id: Uuid | None = None
    model: str | None = None
    provider: str | None = None
    max_tokens: Positive | None = None
    system_prompt: str | None = None
    output_schema: JSON = None
    provider_params: dict[str, JSON] | None = None
    budget: Budget | None = None


@message
class TurnQueued:
    """The prompt is durable. ``position`` counts the prompts before it; 0 with nothing running: it has begun."""

    accepted: Literal[True]
    turn_id: Uuid
    position: Count


@message
class TurnDequeueParams:
    """A prompt that waits."""

    session_id: Uuid
    turn_id: Uuid


@message
class TurnDequeueResult:
    """False when no prompt of that id was waiting: it has begun, perhaps."""

    removed: bool


# -- Approvals -------------------------------------------------------------------------------------------------


@message
class ApprovalRespondParams:
    """The answer to a question: one of its ``choices``.

    ``remember``: "session" and "always" keep what was allowed, for the session or as a rule in the configuration
    (``approvals.allow``). Only the first choice of a tool's call can be remembered.
    """

    approval_id: str
    choice: str
    remember: Literal["once", "session", "always"] = "once"


@message
class ApprovalRespondResult:
    """The answer that stands: an earlier one, if somebody was faster."""

    approval_id: str
    session_id: Uuid
    choice: str


@message
class ApprovalListParams:
    """Without ``session_id``, of every session."""

    session_id: Uuid | None = None


@message
class PendingApproval:
    """A question that waits. ``rule`` is what an answer that is remembered would allow."""

    approval_id: str
    session_id: Uuid
    turn_id: Uuid
    kind: str
    summary: str
    details: JSON
    choices: list[str]
    timestamp_ms: Count
    rule: str | None = None


@message
class ApprovalListResult:
    """What waits, the oldest first."""

    approvals: list[PendingApproval]


# -- Tools -----------------------------------------------------------------------------------------------------


@message
class ToolOffer:
    """A tool that the host lends. ``input_schema`` is a JSON Schema of an object.

    ``timeout_ms`` is the deadline of each call, two minutes where it is not given.
    """

    name: Annotated[str, Bounds(minimum=1, maximum=64)]
    description: str
    input_schema: dict[str, JSON]
    requires_approval: bool = False
    timeout_ms: Positive | None = None


@message
class ToolsRegisterParams:
    """The tools; one of a name that is lent already takes the old one's place."""

    tools: list[ToolOffer]


@message
class ToolsRegisterResult:
    """The names of all the tools that are lent now."""

    registered: list[str]


@message
class ToolsUnregisterParams:
    """Without ``names``, all of them."""

    names: list[str] | None = None


@message
class ToolsListParams:
    """With ``session_id``, those that its turns have."""

    session_id: Uuid | None = None


@message
class Tool:
    """A tool. ``source``: ``host``, ``builtin`` or ``mcp:NAME``."""

    name: str
    description: str
    input_schema: JSON
    source: str
    requires_approval: bool


@message
class ToolsListResult:
    """What there is now."""

    tools: list[Tool]


@message
class ToolExecuteParams:
    """A call of a tool that the host lent. When it takes too long, or its turn ends, ``$/cancelRequest`` follows."""

    session_id: Uuid
    turn_id: Uuid
    id: str
    name: str
    args: JSON


@message
class ToolExecuteResult:
    """What came of it. An answer of any other shape is taken for the result itself; an error is told to the model."""

    result: JSON
    is_error: bool = False


@message
class McpServer:
    """An MCP server. ``error`` says why it isn't ready, ``stderr`` what it last said there.

    ``origin`` tells where it comes from: the user's configuration, that of a session's project, or a request ("added"),
    and then it is gone when this program ends.
    """

    name: str
    transport: Literal["stdio", "http"]
    state: Literal["connecting", "ready", "failed", "disabled"]
    tools: list[str]
    origin: Literal["config", "project", "added"]
    error: str | None = None
    stderr: str | None = None


@message
class McpListResult:
    """Every server that is configured."""

    servers: list[McpServer]


@message
class McpAddParams:
    """A server: ``command`` with ``args`` (stdio), or ``url`` (streamable HTTP). ``persist``: write it to the
    configuration file; else it is there until this program ends. ``timeout`` is in seconds."""

    name: Annotated[str, Bounds(minimum=1, maximum=64)]
    command: str | None = None
    args: list[str] | None = None
    env: dict[str, str] | None = None
    cwd: str | None = None
    url: str | None = None
    headers: dict[str, str] | None = None
    requires_approval: bool = True
    timeout: Positive | None = None
    persist: bool = True


@message
class McpRemoveParams:
    """The server's name."""

    name: str


@message
class McpRemoveResult:
    """False when there was none of that name."""

    removed: bool


@message
class McpReloadParams:
    """Without ``name``, every server is started anew."""

    name: str | None = None


@message
class BlobGetParams:
    """The content's SHA-256."""

    digest: Digest


@message
class BlobGetResult:
    """The content as base64; ``size`` is in bytes."""

    digest: Digest
    size: Count
    data: str


# -- Events --------------------------------------------------------------------------------------------------


@message
class SessionScope:
    """Whose events: a session's."""

    type: Literal["session"]
    session_id: Uuid


@message
class LatestCursorParams:
    """Whose log."""

    scope: SessionScope


@message
class LatestCursorResult:
    """Where the log ends now."""

    cursor: str


@message
class ListSinceParams:
    """Without ``cursor``, from the log's beginning."""

    scope: SessionScope
    cursor: str | None = None
    limit: PageLimit = 100


@message
class SessionEventParams:
    """An event in its place. ``seq`` counts from 1 per session without gaps, restarts included."""

    session_id: Uuid
    turn_id: Uuid
    seq: Positive
    timestamp_ms: Count
    event: Event


@message
class ListSinceResult:
    """A page of the log. ``latest_cursor`` is where this page ends: pass it to go on."""

    events: list[SessionEventParams]
    latest_cursor: str
    has_more: bool


@message
class StreamOpenParams:
    """``from_seq`` is the first sequence number wanted; without it, only what happens from now on."""

    session_id: Uuid
    from_seq: Positive | None = None


@message
class StreamOpenResult:
    """The stream's name."""

    stream_id: str


@message
class StreamCloseParams:
    """The stream's name."""

    stream_id: str


@message
class StreamCloseResult:
    """False when there was no such stream."""

    closed: bool


@message
class StreamEventParams:
    """An event of a followed session. ``sequence`` repeats the event's ``seq``."""

    stream_id: str
    sequence: Positive
    session_id: Uuid
    turn_id: Uuid
    seq: Positive
    timestamp_ms: Count
    event: Event


@message
class StreamEndParams:
    """Why the stream ended: the session was deleted, or can't be read."""

    stream_id: str
    session_id: Uuid
    reason: str


# -- Capabilities, models, configuration, health ---------------------------------------------------------------


@message
class Capability:
    """One capability: on, or what to do to turn it on.

    ``status`` says the same as meerkat's clients read it: "Available", or an object whose one key says why not.
    """

    id: str
    description: str
    available: bool
    status: JSON
    hint: str | None = None


@message
class CapabilitiesResult:
    """Every capability this program knows of."""

    contract_version: str
    capabilities: list[Capability]


@message
class Model:
    """A model. ``missing`` says what to install or set before it can be used."""

    id: str
    provider: str
    description: str
    available: bool
    is_default: bool
    context_window: Count | None = None
    missing: str | None = None


@message
class ModelsCatalogResult:
    """Every model that an installed agent offers."""

    models: list[Model]
    default_model: str | None


@message
class IgnoredSetting:
    """A setting of a project's file that doesn't hold, and why."""

    setting: str
    reason: str


@message
class ConfigResult:
    """The configuration file's settings. ``generation`` changes whenever the file does; 0 when there is no file.

    ``restart``: the settings that have changed since the server started and hold from its next start on; ``ignored``:
    what of the project's file doesn't hold; ``problems``: why a file is not in use as it is. Each only where there are
    any.
    """

    config: dict[str, JSON]
    generation: Count
    path: str
    restart: list[str] | None = None
    ignored: list[IgnoredSetting] | None = None
    problems: list[str] | None = None


@message
class ConfigGetParams:
    """Without ``project``, the user's file; with it, the file of the project in that folder."""

    project: str | None = None


@message
class ConfigSetParams:
    """The whole new configuration. Refused when ``expected_generation`` is given and stale."""

    config: dict[str, JSON]
    expected_generation: Count | None = None
    project: str | None = None


@message
class ConfigPatchParams:
    """A merge patch (RFC 7396): ``null`` removes a key. Refused when ``expected_generation`` is given and stale."""

    patch: dict[str, JSON]
    expected_generation: Count | None = None
    project: str | None = None


@message
class HealthResult:
    """Figures about the running server. ``uptime_ms`` and ``memory_bytes`` (resident) are measured as it answers.

    ``tasks`` counts what is going on at once: requests, turns, streams and what keeps them going. In a quiet server it
    is always the same. ``store_bytes`` is what the store's files take, ``wal_bytes`` the part of it that is the
    write-ahead log, ``free_bytes`` the part that holds nothing; ``disk_free_bytes`` is what is left on the disk. They
    are null without a store on disk, and when it doesn't answer within a second ("degraded").
    """

    status: Literal["ok", "degraded"]
    version: str
    uptime_ms: Count
    live_sessions: Count
    running_turns: Count
    stored_sessions: Count
    max_sessions: Count
    tasks: Count
    memory_bytes: Count | None
    store_bytes: Count | None
    wal_bytes: Count | None
    free_bytes: Count | None
    disk_free_bytes: Count | None
    store: StoreInfo


# -- Errors ----------------------------------------------------------------------------------------------------


@message
class TurnOwner:
    """The process that runs a session's turn, when it is another than the one asked."""

    process_id: str
    pid: int
    host: str


@message
class ErrorData:
    """What an error tells programs. ``code`` is always there, everything else where it applies.

    ``owner`` comes with SESSION_BUSY; ``text`` and ``usage`` (what the turn had said and used) with TURN_CANCELLED and
    STORE_ERROR, which names a damaged ``row``; ``active`` and ``max`` with CAPACITY_EXHAUSTED; ``limit``, in bytes,
    with a message that is too large; ``generation``, the present one, when an expected one is stale; ``error_id``, to
    be looked for in the log, with INTERNAL_ERROR. ``budget_type``, ``used`` and ``limit`` come with BUDGET_EXHAUSTED;
    ``provider`` and ``status`` (HTTP's) with PROVIDER_ERROR.
    """

    code: str
    session_id: Uuid | None = None
    turn_id: Uuid | None = None
    owner: TurnOwner | None = None
    text: str | None = None
    usage: Usage | None = None
    active: Count | None = None
    max: Count | None = None
    limit: Count | None = None
    row: str | None = None
    generation: Count | None = None
    error_id: str | None = None
    budget_type: str | None = None
    used: Count | None = None
    provider: str | None = None
    status: Count | None = None
    approval_id: str | None = None


# -- The events themselves (contract section 3) ------------------------------------------------------------------


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
