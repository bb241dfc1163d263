"""Domain values as JSON, and back: the one place that knows how sessions look at rest.

Fields that hold their default are left out. Adding a field needs a new ``envelope.FORMAT``: a program that doesn't know
the field must refuse the value rather than write it back without.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, TypeVar

import orjson
from attrs import fields

from meerkat_rpc.domain import (
    AgentConfig,
    Approval,
    Attachment,
    CatalogueRow,
    Compaction,
    ErrorInfo,
    LastTurn,
    LoggedEvent,
    Message,
    Owner,
    QueuedPrompt,
    RunningTurn,
    SessionHead,
    Spent,
    ToolCall,
    ToolResult,
    TurnOutcome,
    TurnRecord,
    Usage,
)
from meerkat_rpc.store.envelope import AGENTS, FORMAT, corrupt

T = TypeVar("T")
Document = dict[str, Any]


_EXACT = b" "
"""What JSON begins with that must be read the standard library's way: orjson would make a float of a long integer."""


def dump(document: Any) -> bytes:
    """Return ``document`` as JSON on one line.

    What orjson refuses (lone surrogates, integers beyond 64 bits) is written the standard library's way: what an agent
    said is never a reason to lose its turn.
    """
    try:
        return orjson.dumps(document, default=_plain)
    except orjson.JSONEncodeError:
        return _EXACT + json.dumps(document, default=_plain, separators=(",", ":")).encode()


def load(data: bytes) -> Any:
    """Return what ``dump`` made ``data`` from. Raises ``ValueError`` for anything else."""
    if data.startswith(_EXACT):
        return json.loads(data)
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:  # as 0.1.0 wrote it, without the mark
        return json.loads(data)


def read(key: str, data: bytes, build: Callable[[Any], T]) -> T:
    """Return ``build`` of the JSON in ``data``, the payload of the row under ``key``.

    Raises:
        StoreCorrupt: it isn't JSON, or not the JSON of such a value.
    """
    try:
        return build(load(data))
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise corrupt(key, f"its content isn't what belongs there ({type(error).__name__})") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value")


class _Shape:
    """The fields of a class: names, a getter of all values, defaults (NOTHING, which equals no value, where none)."""

    def __init__(self, kind: type[Any]) -> None:
        self.names = tuple(attribute.name for attribute in fields(kind))
        self.values = attrgetter(*self.names)
        defaults = (attribute.default for attribute in fields(kind))
        self.defaults = tuple(default.factory() if hasattr(default, "factory") else default for default in defaults)


_KINDS: tuple[type[Any], ...] = (SessionHead, AgentConfig, Message, TurnRecord, Approval, QueuedPrompt, Compaction)
_SHAPES = {kind: _Shape(kind) for kind in _KINDS}


def _given(value: Any) -> Document:
    """Return the fields of ``value`` that don't hold their default."""
    shape = _SHAPES[type(value)]
    held = zip(shape.names, shape.values(value), shape.defaults, strict=True)
    return {name: given for name, given, default in held if given is not default and given != default}


# -- Sessions ----------------------------------------------------------------------------------------------------


LARGE_PARTS = ("approvals", "allowed", "queue", "context", "compaction", "turn_config")
"""The fields of a head that may become large, and that version 1 didn't have."""

_AGENT_PARTS = {*LARGE_PARTS, "spent"}


def head_document(head: SessionHead) -> Document:
    """Return ``head`` but for its configuration, which is kept apart: it may be large and seldom changes."""
    document = _given(head)
    del document["config"]
    document["usage"] = _usage_list(head.usage)
    if head.last_turn is not None:
        last = head.last_turn
        document["last_turn"] = [last.turn_id, last.outcome.value, last.error and _error_list(last.error)]
    if head.running is not None:
        document["running"] = _running_list(head.running)
    if document.keys() & _AGENT_PARTS:
        _describe_agent_parts(head, document)
    return document


def _describe_agent_parts(head: SessionHead, document: Document) -> None:
    document.update({name: describe(head) for name, describe in _AGENT_WRITERS.items() if name in document})


def head_of(document: Document, config: AgentConfig) -> SessionHead:
    """Return the head that ``head_document`` described, with its configuration."""
    document["config"] = config
    document["usage"] = Usage(*document["usage"])
    if "last_turn" in document:
        turn_id, outcome, error = document["last_turn"]
        document["last_turn"] = LastTurn(turn_id, TurnOutcome(outcome), error and ErrorInfo(*error))
    if "running" in document:
        document["running"] = _running_of(document["running"])
    for name in document.keys() & _AGENT_PARTS:
        document[name] = _AGENT_READERS[name](document[name])
    return SessionHead(**document)


def head_version(document: Document, config: AgentConfig) -> int:
    """Return the oldest format version that has a place for the head in ``document``, with its configuration."""
    return AGENTS if document.keys() & _AGENT_PARTS else config_version(config)


def config_json(config: AgentConfig) -> bytes:
    """Return ``config`` as JSON."""
    return dump(_given(config))


def config_of(document: Document) -> AgentConfig:
    """Return the configuration that ``config_json`` described."""
    return AgentConfig(**document)


def config_version(config: AgentConfig) -> int:
    """Return the oldest format version that has a place for ``config``."""
    return FORMAT if config.budget is None else AGENTS


def catalogue_json(row: CatalogueRow) -> bytes:
    """Return ``row`` as JSON, a list in the order of its fields."""
    return dump([*row[:-1], row.running and _running_list(row.running)])


def catalogue_of(document: list[Any]) -> CatalogueRow:
    """Return the row that ``catalogue_json`` described."""
    if document[-1] is not None:
        document[-1] = _running_of(document[-1])
    return CatalogueRow(*document)


# -- Messages and turns ------------------------------------------------------------------------------------------


def message_record(index: int, message: Message) -> LoggedEvent:
    """Return ``message`` as a record for a segment, which keeps positions, times and turn ids itself.

    Positions count from 1, as the sequence numbers of events do.
    """
    document = _message_document(message)
    del document["turn_id"], document["timestamp_ms"]
    return LoggedEvent(index + 1, message.timestamp_ms, message.turn_id, dump(document))


def message_of(record: LoggedEvent, document: Document) -> Message:
    """Return the message of ``message_record``; ``document`` is the record's body, read."""
    document["turn_id"], document["timestamp_ms"] = record.turn_id, record.timestamp_ms
    return _message_of(document)


def message_version(message: Message) -> int:
    """Return the oldest format version that has a place for ``message``."""
    return AGENTS if message.attachments or message.kind is not None else FORMAT


def _message_document(message: Message) -> Document:
    document = _given(message)
    if message.tool_calls:
        document["tool_calls"] = [[call.id, call.name, call.args] for call in message.tool_calls]
    if message.tool_result is not None:
        result = message.tool_result
        document["tool_result"] = [result.id, result.name, result.is_error]
    if message.attachments:
        document["attachments"] = _attachment_lists(message.attachments)
    return document


def _message_of(document: Document) -> Message:
    if "tool_calls" in document:
        document["tool_calls"] = tuple(ToolCall(*call) for call in document["tool_calls"])
    if "tool_result" in document:
        document["tool_result"] = ToolResult(*document["tool_result"])
    if "attachments" in document:
        document["attachments"] = _attachments_of(document["attachments"])
    return Message(**document)


def turn_json(turn: TurnRecord) -> bytes:
    """Return ``turn`` as JSON."""
    document = _given(turn)
    document["outcome"] = turn.outcome.value
    document["usage"] = _usage_list(turn.usage)
    document["turn_usage"] = _usage_list(turn.turn_usage)
    if turn.error is not None:
        document["error"] = _error_list(turn.error)
    return dump(document)


def turn_of(document: Document) -> TurnRecord:
    """Return the record that ``turn_json`` described."""
    document["outcome"] = TurnOutcome(document["outcome"])
    document["usage"] = Usage(*document["usage"])
    document["turn_usage"] = Usage(*document["turn_usage"])
    if "error" in document:
        document["error"] = ErrorInfo(*document["error"])
    return TurnRecord(**document)


# -- Their parts, as lists: the names would outweigh the values --------------------------------------------------


def _usage_list(usage: Usage) -> list[int | None]:
    if usage.cache_read_tokens is None and usage.cache_creation_tokens is None:
        return [usage.input_tokens, usage.output_tokens]
    return [usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_creation_tokens]


def _error_list(error: ErrorInfo) -> list[Any]:
    return [error.code, error.message, error.data]


def _running_list(turn: RunningTurn) -> list[Any]:
    owner = turn.owner
    whose = [owner.process_id, owner.pid, owner.host, owner.boot_id, owner.started_ms]
    return [turn.turn_id, whose, turn.first_seq, turn.first_message, turn.started_ms]


def _running_of(parts: list[Any]) -> RunningTurn:
    turn_id, owner, *places = parts
    return RunningTurn(turn_id, Owner(*owner), *places)


def _attachment_lists(attachments: tuple[Attachment, ...]) -> list[list[Any]]:
    return [[each.kind, each.name, each.media_type, each.digest, each.size] for each in attachments]


def _attachments_of(lists: list[list[Any]]) -> tuple[Attachment, ...]:
    return tuple(Attachment(*parts) for parts in lists)


# -- What a head holds for agents --------------------------------------------------------------------------------


def _approval_of(document: Document) -> Approval:
    return Approval(**{**document, "choices": tuple(document["choices"])})


def _queued_document(queued: QueuedPrompt) -> Document:
    document = _given(queued)
    if "config" in document:
        document["config"] = _given(queued.config)
    if queued.attachments:
        document["attachments"] = _attachment_lists(queued.attachments)
    return document


def _queued_of(document: Document) -> QueuedPrompt:
    if "config" in document:
        document["config"] = config_of(document["config"])
    if "attachments" in document:
        document["attachments"] = _attachments_of(document["attachments"])
    return QueuedPrompt(**document)


_AGENT_WRITERS: Mapping[str, Callable[[SessionHead], Any]] = {
    "approvals": lambda head: [_given(approval) for approval in head.approvals],
    "queue": lambda head: [_queued_document(queued) for queued in head.queue],
    "context": lambda head: [_message_document(message) for message in head.context],
    "compaction": lambda head: _given(head.compaction),
    "turn_config": lambda head: _given(head.turn_config),
    "spent": lambda head: [head.spent.model_calls, head.spent.tool_calls, head.spent.duration_ms],
}
_AGENT_READERS: Mapping[str, Callable[[Any], Any]] = {
    "approvals": lambda found: tuple(map(_approval_of, found)),
    "allowed": tuple,
    "queue": lambda found: tuple(map(_queued_of, found)),
    "context": lambda found: tuple(map(_message_of, found)),
    "compaction": lambda found: Compaction(**found),
    "turn_config": config_of,
    "spent": lambda found: Spent(*found),
}
