"""Domain to wire: values, and exceptions to (code, message, data)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from meerkat_rpc.agents.base import ModelInfo
from meerkat_rpc.domain import AgentConfig, Approval, Compaction, LastTurn, Message, RunResult, SessionHead, Usage
from meerkat_rpc.errors import InvalidArgument, MeerkatError
from meerkat_rpc.sessions.service import SessionSummary, SessionView, Waiting
from meerkat_rpc.tools.base import DEFAULT_TIMEOUT_S, ToolDefinition
from meerkat_rpc.tools.host import SOURCE as HOST
from meerkat_rpc.wire import types as wire
from meerkat_rpc.wire.catalog import ERRORS
from meerkat_rpc.wire.convert import to_json

if TYPE_CHECKING:
    from meerkat_rpc.tools.mcp.status import McpStatus

NUMBERS: Mapping[str, int] = {error.code: error.number for error in ERRORS}
"""JSON-RPC's number of each code."""


# Bounded, because int() refuses thousands of digits in its own words.
_LIST_CURSOR = re.compile(r"([0-9a-f]{1,16})\.([0-9a-f-]{36})")
_EVENT_CURSOR = re.compile(r"(.*):([0-9]{1,19})", re.DOTALL)


_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What every provider takes for the name of a tool."""


class WireError(NamedTuple):
    """An error as it is answered."""

    number: int
    message: str
    data: dict[str, Any]


def wire_error(code: str, message: str, **data: Any) -> WireError:
    """Return the error of that code. ``data`` carries the code, as every error's does."""
    return WireError(NUMBERS[code], message, {"code": code, **data})


def error_of(error: MeerkatError) -> WireError:
    """Return how ``error`` is answered."""
    return WireError(NUMBERS[error.code], error.message, {**error.data, "code": error.code})


def usage(value: Usage) -> wire.Usage:
    """Return token counts."""
    return wire.Usage(
        input_tokens=value.input_tokens,
        output_tokens=value.output_tokens,
        total_tokens=value.total_tokens,
        cache_read_tokens=value.cache_read_tokens,
        cache_creation_tokens=value.cache_creation_tokens,
    )


def run_result(value: RunResult) -> wire.RunResult:
    """Return the result of a turn."""
    return wire.RunResult(
        session_id=value.session_id,
        turn_id=value.turn_id,
        text=value.text,
        turns=value.turns,
        tool_calls=value.tool_calls,
        usage=usage(value.usage),
        turn_usage=usage(value.turn_usage),
        stop_reason=value.stop_reason,
        structured_output=value.structured_output,
        schema_warnings=None if value.schema_warnings is None else list(value.schema_warnings),
    )


def summary(value: SessionSummary) -> wire.SessionSummary:
    """Return a row of a listing. Times become whole seconds."""
    return wire.SessionSummary(**_summary_fields(value))


def _summary_fields(value: SessionSummary) -> dict[str, Any]:
    return {
        "session_id": value.session_id,
        "state": value.state,
        "is_active": value.is_active,
        "archived": value.archived,
        "title": value.title,
        "labels": dict(value.labels),
        "cwd": value.cwd,
        "created_at": value.created_ms // 1000,
        "updated_at": value.updated_ms // 1000,
        "message_count": value.message_count,
        "total_tokens": value.total_tokens,
        "needs_answer": value.needs_answer or None,
    }


def session_view(value: SessionView) -> wire.SessionView:
    """Return a session, read."""
    head = value.head
    return wire.SessionView(
        **_summary_fields(value.summary),
        model=head.config.model,
        provider=head.config.provider,
        last_assistant_text=value.last_assistant_text,
        usage=usage(head.usage),
        last_turn=None if head.last_turn is None else _last_turn(head.last_turn),
        running_turn_id=None if head.running is None else head.running.turn_id,
        parent_session_id=head.parent_id,
        queue=[wire.QueuedTurn(item.turn_id, item.prompt, item.steer) for item in head.queue] or None,
        approvals=_waiting_ids(head) or None,
        allowed=list(head.allowed) or None,
    )


def _waiting_ids(head: SessionHead) -> list[str]:
    return [item.approval_id for item in head.approvals if item.choice is None]


def _last_turn(value: LastTurn) -> wire.LastTurn:
    error = None if value.error is None else wire.TurnError(value.error.code, value.error.message)
    return wire.LastTurn(value.turn_id, value.outcome.value, error)  # type: ignore[arg-type]


def message(value: Message) -> wire.Message:
    """Return one message of the history."""
    result = value.tool_result
    return wire.Message(
        role=value.role,
        content=value.content,
        turn_id=value.turn_id,
        timestamp_ms=value.timestamp_ms,
        reasoning=value.reasoning,
        tool_calls=[wire.ToolCall(call.id, call.name, call.args) for call in value.tool_calls] or None,
        tool_result=None if result is None else wire.ToolResult(result.id, result.name, result.is_error),
        partial=value.partial or None,
        kind=value.kind,
        attachments=[
            wire.Attachment(item.kind, item.name, item.media_type, item.digest, item.size) for item in value.attachments
        ]
        or None,
    )


def compaction(value: Compaction | None) -> wire.Compaction | None:
    """Return what a model reads in place of old messages."""
    if value is None or not value.summary:
        return None
    return wire.Compaction(value.first_kept, value.summary, value.summary_tokens)


def pending_approval(value: Waiting) -> wire.PendingApproval:
    """Return a question that waits."""
    approval = value.approval
    return wire.PendingApproval(
        approval_id=approval.approval_id,
        session_id=value.session_id,
        turn_id=approval.turn_id,
        kind=approval.kind,
        summary=approval.summary,
        details=approval.details,
        choices=list(approval.choices),
        timestamp_ms=approval.requested_ms,
        rule=approval.rule,
    )


def approval_answer(value: Approval) -> wire.ApprovalRespondResult:
    """Return the answer that stands."""
    session_id = value.approval_id.partition("/")[0]
    return wire.ApprovalRespondResult(value.approval_id, session_id, str(value.choice))


def tool_definition(offer: wire.ToolOffer) -> ToolDefinition:
    """Return the tool that a host lends."""
    if not _TOOL_NAME.fullmatch(offer.name):
        raise InvalidArgument(f'params.tools: expected a name of letters, digits, "_" and "-", got "{offer.name}"')
    return ToolDefinition(
        name=offer.name,
        description=offer.description,
        input_schema={"type": "object", **offer.input_schema},
        source=HOST,
        requires_approval=offer.requires_approval,
        timeout_s=DEFAULT_TIMEOUT_S if offer.timeout_ms is None else offer.timeout_ms / 1000,
    )


def mcp_server(value: McpStatus) -> wire.McpServer:
    """Return an MCP server as it is listed."""
    return wire.McpServer(
        name=value.name,
        transport=value.transport,
        state=value.state,
        tools=list(value.tools),
        origin=value.origin,
        error=value.error,
        stderr=value.stderr,
    )


def tool(value: ToolDefinition) -> wire.Tool:
    """Return a tool as it is listed."""
    return wire.Tool(value.name, value.description, value.input_schema, value.source, value.requires_approval)


def model(value: ModelInfo, default_model: str | None) -> wire.Model:
    """Return a model of the catalogue."""
    return wire.Model(
        id=value.id,
        provider=value.provider,
        description=value.description,
        available=value.missing is None,
        is_default=value.id == default_model,
        context_window=value.context_window,
        missing=value.missing,
    )


def agent_config(
    params: wire.SessionCreateParams | wire.TurnStartParams | wire.TurnEnqueueParams | wire.SessionUpdateParams,
) -> AgentConfig:
    """Return what ``params`` say of the agent."""
    return AgentConfig(
        model=params.model,
        provider=params.provider,
        max_tokens=params.max_tokens,
        system_prompt=params.system_prompt,
        output_schema=params.output_schema,
        provider_params=params.provider_params,
        budget=None if params.budget is None else to_json(params.budget),
    )


def list_cursor(place: tuple[int, str]) -> str:
    """Return the cursor that goes on after ``place`` in a listing."""
    return f"{place[0]:x}.{place[1]}"


def list_place(cursor: str) -> tuple[int, str]:
    """Return the place that a listing's ``cursor`` stands for. Raises ``InvalidArgument`` when it is none."""
    found = _LIST_CURSOR.fullmatch(cursor)
    if found is None:
        raise InvalidArgument("params.cursor: expected a cursor that session/list returned")
    return int(found[1], 16), found[2]


def event_cursor(session_id: str, seq: int) -> str:
    """Return the cursor after event ``seq`` of the session."""
    return f"{session_id}:{seq}"


def event_seq(cursor: str, session_id: str) -> int:
    """Return the sequence number that an event ``cursor`` stands for.

    Raises:
        InvalidArgument: it is none, or another session's.
    """
    found = _EVENT_CURSOR.fullmatch(cursor)
    if found is None:
        raise InvalidArgument(
            "params.cursor: expected a cursor that events/latest_cursor or events/list_since returned"
        )
    if found[1] != session_id:
        raise InvalidArgument("params.cursor: belongs to another scope")
    return int(found[2])
