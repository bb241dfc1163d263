"""A stored session as files for people: what ``session.json``, ``events.jsonl`` and ``summary.txt`` say. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from meerkat_rpc.domain import LoggedEvent, Message, SessionHead, title_of
from meerkat_rpc.event_json import json_text, usage_json

MADE_BY = "meerkat-rpc sessions project"
"""What tells a folder that we made from any other, in ``session.json``."""

_LINE_SEPARATORS = {character.encode(): f"\\u{ord(character):04x}".encode() for character in "\u0085\u2028\u2029"}
"""Line ends to many a reader of lines, though JSON lets them stand in a string."""


def session_json(head: SessionHead, store: str | None) -> bytes:
    """Return ``session.json``: the session in the names of the wire, and where it comes from.

    The provider's parameters are left out: hosts put keys there.
    """
    document = {
        "made_by": MADE_BY,
        "store": store,
        "revision": head.revision,
        "session_id": head.session_id,
        "state": head.state.value,
        "title": title_of(head.title, head.first_prompt),
        "labels": dict(head.labels),
        "cwd": head.cwd,
        "archived": head.archived,
        "created_at": head.created_ms // 1000,
        "updated_at": head.updated_ms // 1000,
        "message_count": head.message_count,
        "turn_count": head.turn_count,
        "usage": usage_json(head.usage),
        "last_turn": head.last_turn and _last_turn(head),
        "parent_session_id": head.parent_id,
        "model": head.config.model,
        "provider": head.config.provider,
        "max_tokens": head.config.max_tokens,
        "system_prompt": head.config.system_prompt,
        "output_schema": head.config.output_schema,
    }
    return encoded(json.dumps(document, ensure_ascii=False, indent=2, default=json_text) + "\n")


def _last_turn(head: SessionHead) -> dict[str, Any]:
    assert head.last_turn is not None
    error = head.last_turn.error
    return {
        "turn_id": head.last_turn.turn_id,
        "outcome": head.last_turn.outcome.value,
        "error": error and {"code": error.code, "message": error.message, "data": dict(error.data)},
    }


def event_line(event: LoggedEvent) -> bytes:
    """Return the event's line in ``events.jsonl``: what a subscriber is sent, without the session's id."""
    body = event.body.replace(b"\n", b" ")  # in JSON only white space can be a newline
    for separator, escape in _LINE_SEPARATORS.items():
        body = body.replace(separator, escape)
    turn_id = json.dumps(event.turn_id).encode()
    return b'{"seq":%d,"timestamp_ms":%d,"turn_id":%b,"event":%b}\n' % (event.seq, event.timestamp_ms, turn_id, body)


def summary_heading(head: SessionHead) -> str:
    """Return how ``summary.txt`` begins."""
    title = title_of(head.title, head.first_prompt) or "(no title)"
    facts = {
        "session": head.session_id,
        "state": head.state.value,
        "created": _time(head.created_ms),
        "updated": _time(head.updated_ms),
        "folder": head.cwd,
        "model": head.config.model,
        "labels": ", ".join(f"{name}={value}" for name, value in sorted(head.labels.items())),
        "turns": str(head.turn_count),
        "tokens": str(head.usage.total_tokens),
    }
    lines = [title, "=" * min(len(title), 78), ""]
    return "\n".join([*lines, *(f"{name + ':':<9} {value}" for name, value in facts.items() if value)]) + "\n"


def summary_sections(messages: Sequence[Message]) -> Iterator[str]:
    """Yield what ``summary.txt`` says of each message."""
    for message in messages:
        yield f"\n--- {_speaker(message)}, {_time(message.timestamp_ms)}\n"
        if message.content:
            yield f"\n{message.content}\n"
        for attached in message.attachments:
            facts = f"{attached.media_type}, {attached.size} bytes, {attached.digest}"
            yield f"\n[{attached.kind} {' '.join(attached.name.split())}, {facts}]\n"
        for call in message.tool_calls:
            yield f"\n[calls {call.name} {json_text(call.args)}]\n"
        if message.partial:
            yield "\n[interrupted here]\n"


def _speaker(message: Message) -> str:
    if message.tool_result is None:
        return f"{message.role} ({message.kind})" if message.kind else message.role
    return f"tool {message.tool_result.name}{', which failed' if message.tool_result.is_error else ''}"


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def encoded(text: str) -> bytes:
    """Return ``text`` in UTF-8, with what has no place there replaced."""
    return text.encode("utf-8", "replace")
