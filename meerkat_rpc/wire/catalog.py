"""Every method, notification and error of the contract, by name.

Types are named, not imported, so that this module costs nothing to load: the greeting that answers ``initialize`` needs
only the names. ``wire/types/`` defines them; a test holds the two together.
"""

from __future__ import annotations

from typing import NamedTuple

CONTRACT_VERSION = "0.3.0"
"""The contract this program speaks by default: events flat."""


class Method(NamedTuple):
    """A request that the server answers. ``params`` and ``result`` name classes of ``wire/types/``."""

    name: str
    params: str
    result: str
    doc: str


class Notification(NamedTuple):
    """A message without an answer. ``params`` names a class of ``wire/types/``; ``to`` who receives it."""

    name: str
    params: str
    to: str
    doc: str


class ErrorCode(NamedTuple):
    """An error: JSON-RPC's number, the name in ``data.code`` (None for JSON-RPC's own), and when it comes."""

    number: int
    code: str
    doc: str


METHODS: tuple[Method, ...] = (
    Method("initialize", "InitializeParams", "InitializeResult", "Learn what the server can do. Optional; may repeat."),
    Method("session/create", "SessionCreateParams", "SessionCreateResult", "Create a session and run its first turn."),
    Method("session/list", "SessionListParams", "SessionListResult", "List sessions, newest first, filtered, paged."),
    Method("session/read", "SessionParams", "SessionView", "Read one session, archived ones too."),
    Method("session/history", "SessionHistoryParams", "SessionHistoryResult", "Page through the committed messages."),
    Method("session/archive", "SessionParams", "SessionArchiveResult", "Put a session away; its history can be read."),
    Method("session/unarchive", "SessionParams", "SessionUnarchiveResult", "Take an archived session back."),
    Method("session/delete", "SessionParams", "SessionDeleteResult", "Remove every trace of a session."),
    Method("session/update", "SessionUpdateParams", "SessionView", "Set a session's title or replace its labels."),
    Method("session/fork_at", "SessionForkParams", "SessionForkResult", "Copy a session up to a message."),
    Method("session/export", "SessionExportParams", "SessionExportResult", "Render a session for people or programs."),
    Method("session/inject_context", "InjectContextParams", "InjectContextResult", "Add context without a turn."),
    Method("session/compact", "SessionParams", "SessionCompactResult", "Summarise the older part of the history."),
    Method("session/stream_open", "StreamOpenParams", "StreamOpenResult", "Replay a session's events, then follow."),
    Method("session/stream_close", "StreamCloseParams", "StreamCloseResult", "Stop following."),
    Method("turn/start", "TurnStartParams", "TurnStartResult", "Run a turn; events stream meanwhile."),
    Method("turn/interrupt", "TurnInterruptParams", "TurnInterruptResult", "Stop the running turn now."),
    Method("turn/steer", "TurnSteerParams", "TurnQueued", "Add to the running turn, for its next model call."),
    Method("turn/enqueue", "TurnEnqueueParams", "TurnQueued", "Start a turn when the running one ends."),
    Method("turn/dequeue", "TurnDequeueParams", "TurnDequeueResult", "Take back a prompt that waits."),
    Method("approval/respond", "ApprovalRespondParams", "ApprovalRespondResult", "Answer what a turn asks."),
    Method("approval/list", "ApprovalListParams", "ApprovalListResult", "What waits for an answer."),
    Method("tools/register", "ToolsRegisterParams", "ToolsRegisterResult", "Lend the host's own tools."),
    Method("tools/unregister", "ToolsUnregisterParams", "ToolsRegisterResult", "Take tools back."),
    Method("tools/list", "ToolsListParams", "ToolsListResult", "The tools that there are, wherever they come from."),
    Method("mcp/list", "NoParams", "McpListResult", "The MCP servers and how they are."),
    Method("mcp/add", "McpAddParams", "McpListResult", "Add an MCP server."),
    Method("mcp/remove", "McpRemoveParams", "McpRemoveResult", "Remove an MCP server."),
    Method("mcp/reload", "McpReloadParams", "McpListResult", "Start MCP servers anew."),
    Method("blob/get", "BlobGetParams", "BlobGetResult", "The content of an attachment."),
    Method("events/latest_cursor", "LatestCursorParams", "LatestCursorResult", "Where a session's event log ends."),
    Method("events/list_since", "ListSinceParams", "ListSinceResult", "Read a session's event log from a cursor."),
    Method("capabilities/get", "NoParams", "CapabilitiesResult", "What is on, what is off, and how to turn it on."),
    Method("models/catalog", "NoParams", "ModelsCatalogResult", "The models that sessions can run on."),
    Method("config/get", "ConfigGetParams", "ConfigResult", "Read the configuration; secrets are never shown."),
    Method("config/set", "ConfigSetParams", "ConfigResult", "Replace the configuration."),
    Method("config/patch", "ConfigPatchParams", "ConfigResult", "Change it by a merge patch (RFC 7396)."),
    Method("runtime/health", "NoParams", "HealthResult", "Figures about the running server."),
    Method("cancel", "CancelParams", "CancelResult", "Cancel a request in flight."),
    Method("shutdown", "NoParams", "NullResult", "Interrupt running turns, save them, and wait for exit."),
)

SERVER_REQUESTS: tuple[Method, ...] = (
    Method("tool/execute", "ToolExecuteParams", "ToolExecuteResult", "Call a tool that the host lent."),
)
"""Requests that the server sends. Their ids are integers."""

NOTIFICATIONS: tuple[Notification, ...] = (
    Notification("initialized", "NoParams", "server", "The client is ready. Nothing depends on it."),
    Notification("exit", "NoParams", "server", "End the process."),
    Notification("$/cancelRequest", "CancelRequestParams", "server", "Cancel a request in flight."),
    Notification("session/event", "SessionEventParams", "client", "Something happened in a session this server runs."),
    Notification("session/stream_event", "StreamEventParams", "client", "Something happened in a followed session."),
    Notification("session/stream_end", "StreamEndParams", "client", "A followed session is gone."),
    Notification("sessions/changed", "SessionsChangedParams", "client", "A list of sessions is out of date."),
)

ERRORS: tuple[ErrorCode, ...] = (
    ErrorCode(-32700, "PARSE_ERROR", "The bytes are not a message: UTF-8, JSON, depth, number range, header section."),
    ErrorCode(-32600, "INVALID_REQUEST", "The message is not a request: envelope, id, batch, size."),
    ErrorCode(-32601, "METHOD_NOT_FOUND", "There is no such method."),
    ErrorCode(-32602, "INVALID_PARAMS", "A parameter is missing, mistyped or out of range; the message has its path."),
    ErrorCode(-32603, "INTERNAL_ERROR", "A fault of the server's; its log has the trace under the id in the message."),
    ErrorCode(-32001, "SESSION_NOT_FOUND", "The session is unknown, deleted, or archived and the call would write."),
    ErrorCode(-32002, "SESSION_BUSY", "A turn is running, here or in another process."),
    ErrorCode(-32003, "SESSION_NOT_RUNNING", "The call needs a running turn."),
    ErrorCode(-32005, "TURN_CANCELLED", "The turn, or the request, was interrupted."),
    ErrorCode(-32010, "PROVIDER_ERROR", "The model's provider refused, failed, or is not set up."),
    ErrorCode(-32011, "BUDGET_EXHAUSTED", "A budget of tokens, time or tool calls ran out."),
    ErrorCode(-32013, "AGENT_ERROR", "Anything else the agent raised."),
    ErrorCode(-32014, "CAPACITY_EXHAUSTED", "Too many live sessions."),
    ErrorCode(-32015, "STORE_ERROR", "The store refused: full, read-only, damaged, gone."),
    ErrorCode(-32020, "CAPABILITY_UNAVAILABLE", "The feature is off or not installed."),
)
