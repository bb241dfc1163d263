"""A session rendered for people (Markdown) or programs (JSON, JSON lines)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from meerkat_rpc.domain import JSON, Attachment, Message, TurnOutcome
from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.event_json import usage_json
from meerkat_rpc.sessions.service import SessionService, SessionSummary, SessionView

_LINE_SEPARATORS = {"\u0085": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""Line ends to many a reader of lines, though not to JSON, which leaves them as they are."""

_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)")
"""The opening of a fenced code block (CommonMark 4.5), or its end when nothing follows."""


_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
"""What may mean something to Markdown, all of which a backslash takes that from (CommonMark 2.4)."""

_SPEAKERS: Mapping[str | None, str] = {
    "context": "Context",
    "steer": "User (while the turn ran)",
    "summary": "Summary of what came before",
}
"""Who speaks in a message that isn't an ordinary one."""

PAGE = 1000
"""Messages read at a time."""


async def export_session(service: SessionService, session_id: str, format: str) -> str:
    """Read the session with its whole history and return it as text. Raises what ``read`` and ``render`` do."""
    view = await service.read(session_id)
    messages: list[Message] = []
    while len(messages) < view.summary.message_count:
        page = await service.history(session_id, len(messages), PAGE)
        if not page.messages:  # deleted meanwhile
            break
        messages += page.messages
    return render(view, messages, format)


def render(view: SessionView, messages: Sequence[Message], format: str) -> str:
    """Return the session as text.

    Args:
        view: the session, read.
        messages: its whole history, oldest first.
        format: "json" (one document), "jsonl" (a line a message) or "markdown".

    Raises:
        InvalidArgument: there is no such format.
    """
    match format:
        case "json":
            document = {"session": session_json(view), "messages": [message_json(message) for message in messages]}
            return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        case "jsonl":
            return "".join(_line(message_json(message)) for message in messages)
        case "markdown":
            return "\n\n".join([*_heading(view), *(part for message in messages for part in _section(message))]) + "\n"
        case _:
            raise InvalidArgument(f'params.format: expected json, jsonl or markdown, got "{format}"')


# -- JSON --------------------------------------------------------------------------------------------------------


def summary_json(summary: SessionSummary) -> dict[str, JSON]:
    """Return the row of a listing in the names that ``session/list`` has."""
    return {
        "session_id": summary.session_id,
        "state": summary.state,
        "is_active": summary.is_active,
        "archived": summary.archived,
        "title": summary.title,
        "labels": dict(summary.labels),
        "cwd": summary.cwd,
        "created_at": summary.created_ms // 1000,
        "updated_at": summary.updated_ms // 1000,
        "message_count": summary.message_count,
        "total_tokens": summary.total_tokens,
    }


def session_json(view: SessionView) -> dict[str, JSON]:
    """Return what the session is, in the names that ``session/read`` has."""
    head, last = view.head, view.head.last_turn
    return summary_json(view.summary) | {
        "model": head.config.model,
        "provider": head.config.provider,
        "usage": usage_json(head.usage),
        "last_turn": last and {"turn_id": last.turn_id, "outcome": last.outcome.value},
        "parent_session_id": head.parent_id,
    }


def message_json(message: Message) -> dict[str, JSON]:
    """Return the message in the names that ``session/history`` has; what it doesn't have is left out."""
    shown: dict[str, JSON] = {
        "role": message.role,
        "content": message.content,
        "turn_id": message.turn_id,
        "timestamp_ms": message.timestamp_ms,
    }
    if message.reasoning is not None:
        shown["reasoning"] = message.reasoning
    if message.tool_calls:
        shown["tool_calls"] = [{"id": call.id, "name": call.name, "args": call.args} for call in message.tool_calls]
    if (result := message.tool_result) is not None:
        shown["tool_result"] = {"id": result.id, "name": result.name, "is_error": result.is_error}
    if message.partial:
        shown["partial"] = True
    if message.kind is not None:
        shown["kind"] = message.kind
    if message.attachments:
        shown["attachments"] = [_attachment_json(attachment) for attachment in message.attachments]
    return shown


def _attachment_json(attachment: Attachment) -> dict[str, JSON]:
    return {
        "kind": attachment.kind,
        "name": attachment.name,
        "media_type": attachment.media_type,
        "digest": attachment.digest,
        "size": attachment.size,
    }


def _line(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    for character, escape in _LINE_SEPARATORS.items():
        text = text.replace(character, escape)
    return text + "\n"


# -- Markdown ------------------------------------------------------------------------------------------------------


def _heading(view: SessionView) -> Iterator[str]:
    summary, head = view.summary, view.head
    facts = {
        "Session": _code(summary.session_id),
        "Created": _time(summary.created_ms),
        "Updated": _time(summary.updated_ms),
        "Model": head.config.model and _code(head.config.model),
        "Folder": summary.cwd and _code(summary.cwd),
        "Labels": ", ".join(_code(f"{name}={value}") for name, value in sorted(summary.labels.items())),
        "Tokens": f"{head.usage.input_tokens} in, {head.usage.output_tokens} out" if head.usage.total_tokens else "",
        "Last turn": head.last_turn.outcome.value if _ended_badly(view) and head.last_turn else "",
    }
    yield "# " + (" ".join(summary.title.split()) or "Untitled session")
    yield "\n".join(f"- {name}: {fact}" for name, fact in facts.items() if fact)


def _ended_badly(view: SessionView) -> bool:
    return view.head.last_turn is not None and view.head.last_turn.outcome is not TurnOutcome.COMPLETED


def _section(message: Message) -> Iterator[str]:
    """Yield the blocks of one message."""
    if message.tool_result is not None:
        failed = " (failed)" if message.tool_result.is_error else ""
        yield f"### Result of {_code(message.tool_result.name)}{failed}"
        yield _fenced(message.content)
        return
    yield f"## {_SPEAKERS.get(message.kind, message.role.capitalize())}{' (cut short)' if message.partial else ''}"
    if message.reasoning:
        yield "\n".join(f"> {line}".rstrip() for line in closed(message.reasoning).splitlines())
    if message.content:
        yield closed(message.content)
    if message.attachments:
        yield "\n".join(map(_attached, message.attachments))
    for call in message.tool_calls:
        yield f"### Call of {_code(call.name)}"
        yield _fenced(json.dumps(call.args, ensure_ascii=False, indent=2), "json")


def _attached(attachment: Attachment) -> str:
    """Return the line of an attachment; the content is in the store, and ``blob/get`` gives it."""
    mark = "!" if attachment.kind == "image" else ""
    name = _PUNCTUATION.sub(r"\\\g<0>", " ".join(attachment.name.split()))
    facts = f"{_code(attachment.media_type)}, {attachment.size:,} bytes"
    return f"- {mark}[{name}](blob:{attachment.digest}) ({facts})"


def closed(text: str) -> str:
    """Return Markdown ``text`` with the fence closed that it leaves open, so that it can't swallow what follows."""
    fence = ""
    for line in text.split("\n"):
        match = _FENCE.fullmatch(line)
        if match is None:
            continue
        marks, rest = match.groups()
        if not fence:
            fence = marks
        elif marks.startswith(fence) and not rest.strip():
            fence = ""
    return f"{text}\n{fence}" if fence else text


def _fenced(text: str, language: str = "") -> str:
    """Return ``text`` as a code block whose fence is longer than any run of backticks in it."""
    fence = "`" * max(3, 1 + _longest_run(text))
    return f"{fence}{language}\n{text}\n{fence}"


def _code(text: str) -> str:
    """Return ``text`` as a code span (CommonMark 6.1)."""
    line = " ".join(text.split())
    ticks = "`" * (1 + _longest_run(line))
    return f"{ticks} {line} {ticks}" if "`" in line else f"{ticks}{line}{ticks}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
