"""Which part of a history is summarised, and what an agent reads in its place.

Nothing is removed: a compaction says from which message on agents read, and what they read instead of the rest. Cuts
lie between whole turns, or, within one turn that has grown too long by itself, between a tool's result and the model's
next call; so no call is ever parted from its result.
"""

from __future__ import annotations

from collections.abc import Sequence

from meerkat_rpc.domain import Compaction, Message
from meerkat_rpc.event_json import encode_json

BYTES_PER_TOKEN = 3.5
"""The estimate where no provider has counted: English text has about 4, code and other languages fewer."""

MESSAGE_TOKENS = 8
"""What each message costs beside its text, rounded up."""

WINDOW_PART = 0.75
"""The part of a model's window at which its history is summarised: the rest is for the answer and for tools."""

GROWTH_AFTER_FAILURE = 1.25
"""How much a history grows before a failed attempt is repeated."""

SHRINK = 0.8
"""A summary must be smaller than this part of what it replaces, or nothing was won by it."""


def estimated_tokens(messages: Sequence[Message]) -> int:
    """Return about how many tokens a model reads for ``messages``."""
    return round(sum(_bytes(message) / BYTES_PER_TOKEN + MESSAGE_TOKENS for message in messages))


def _bytes(message: Message) -> int:
    calls = sum(len(encode_json(call.args)) + len(call.name) for call in message.tool_calls)
    return len(message.content.encode("utf-8", "replace")) + calls


def threshold(configured: int | None, window: int | None) -> int | None:
    """Return from how many tokens on a history is summarised; None for never: nothing is known of the model."""
    by_window = None if window is None else int(window * WINDOW_PART)
    known = [limit for limit in (configured, by_window) if limit is not None]
    return min(known) if known else None


def is_due(tokens: int, limit: int | None, compaction: Compaction | None) -> bool:
    """Return whether a history of ``tokens`` is to be summarised now."""
    if limit is None or tokens < limit:
        return False
    failed = compaction.failed_at_tokens if compaction else None
    return failed is None or tokens >= failed * GROWTH_AFTER_FAILURE


def place_to_cut(messages: Sequence[Message], keep_turns: int) -> int:
    """Return the index of the first message to keep; 0 when there is nothing that could go.

    The last ``keep_turns`` turns stay whole. Where there are no more than that, and the last one has grown long by
    itself, all goes up to its last model call that asked for tools.
    """
    begins = [index for index in range(len(messages)) if _begins_turn(messages, index)]
    if len(begins) > keep_turns:
        return begins[-keep_turns] if keep_turns else len(messages)
    rounds = [
        index
        for index in range((begins[-1] if begins else 0) + 1, len(messages))
        if messages[index].role == "assistant" and messages[index].tool_calls
    ]
    return rounds[-1] if len(rounds) > 1 else 0


def _begins_turn(messages: Sequence[Message], index: int) -> bool:
    message = messages[index]
    if message.role != "user" or message.kind is not None:
        return False
    return index == 0 or messages[index - 1].turn_id != message.turn_id


def summary_message(compaction: Compaction, turn_id: str, at_ms: int) -> Message:
    """Return the message by which an agent reads the summary."""
    return Message("user", compaction.summary, turn_id, at_ms, kind="summary")


def is_worth_it(summary: str, cut: Sequence[Message]) -> bool:
    """Return whether ``summary`` is so much smaller than what it stands for that the history shrinks."""
    said = Message("user", summary, "", 0)
    return bool(summary.strip()) and estimated_tokens([said]) < SHRINK * estimated_tokens(cut)
