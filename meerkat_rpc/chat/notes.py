"""What is told of a turn beside its text: a line for each event that a person wants to know of."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from meerkat_rpc.chat.text import revealed

if TYPE_CHECKING:
    from meerkat_rpc.client import Event

ARGS_CHARS = 120
"""How much of a tool call's arguments is shown."""

PROMPT_CHARS = 200
"""How much is repeated of what was added to a turn."""

_BUDGETS = {"tokens": "tokens", "duration_ms": "ms", "tool_calls": "tool calls", "model_calls": "model calls"}
"""What budgets count, for people."""


def note(event: Event) -> str | None:
    """Return what to tell of ``event``; None for nothing."""
    told = _NOTES.get(event.type)
    return None if told is None else told(event)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _args(args: Any) -> str:
    return _shortened(revealed(json.dumps(args, ensure_ascii=False)), ARGS_CHARS)


def _tool_end(event: Event) -> str:
    mark = "✗" if event["is_error"] else "✓"
    why = f": {_shortened(event['result'], ARGS_CHARS)}" if event["is_error"] and _is_text(event["result"]) else ""
    return f"{mark} {event['name']}, {event['duration_ms']} ms{why}"


def _is_text(result: Any) -> bool:
    return isinstance(result, str)


def _retrying(event: Event) -> str:
    delay_s = event["delay_ms"] / 1000
    return f"{event['error']}: trying again in {delay_s:.1f} s ({event['attempt']} of {event['max_attempts']})"


def _budget(event: Event) -> str:
    scope, _, kind = str(event["budget_type"]).partition("_")
    what = _BUDGETS.get(kind, kind)
    return f"the {scope} has used {event['percent']:.0f} % of its budget: {event['used']} of {event['limit']} {what}"


def _compacted(event: Event) -> str:
    before, after = event["messages_before"], event["messages_after"]
    return f"summarised: {before} messages are {after} for the model, {event['summary_tokens']} tokens of summary"


_NOTES: Mapping[str, Callable[[Event], str]] = {
    "reasoning_complete": lambda event: str(event["content"]),
    "tool_call_requested": lambda event: f"→ {event['name']} {_args(event['args'])}",
    "tool_execution_completed": _tool_end,
    "tool_execution_timed_out": lambda event: f"✗ {event['name']}: no answer in time",
    "retrying": _retrying,
    "budget_warning": _budget,
    "compaction_started": lambda _: "summarising what was said so far",
    "compaction_completed": _compacted,
    "compaction_failed": lambda event: f"what was said could not be summarised: {event['error']}",
    "steered": lambda event: f"↳ {_shortened(str(event['prompt']), PROMPT_CHARS)}",
    "context_injected": lambda event: f"context: {_shortened(str(event['content']), PROMPT_CHARS)}",
}
