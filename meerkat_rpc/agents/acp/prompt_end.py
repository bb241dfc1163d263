"""How an agent ended a prompt, and what that cost."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from meerkat_rpc.domain import Usage


@frozen
class PromptEnd:
    """How the agent ended a prompt, in its own word; ``usage`` is zero where it does not count."""

    stop_reason: str
    usage: Usage


def usage_of(counts: Any) -> Usage:
    """Return the tokens of a prompt. Some agents count cached and thought tokens apart from input and output, some
    within: the total tells."""
    if not isinstance(counts, dict):
        return Usage()
    given = {name: value for name, value in counts.items() if isinstance(value, int) and not isinstance(value, bool)}
    read, written = given.get("cachedReadTokens"), given.get("cachedWriteTokens")
    cached, thought = (read or 0) + (written or 0), given.get("thoughtTokens", 0)
    tokens_in, tokens_out = given.get("inputTokens", 0), given.get("outputTokens", 0)
    apart = given.get("totalTokens", 0) - tokens_in - tokens_out
    if cached and apart in {cached, cached + thought}:
        tokens_in += cached
    if thought and apart in {thought, cached + thought}:
        tokens_out += thought
    return Usage(tokens_in, tokens_out, read, written)
