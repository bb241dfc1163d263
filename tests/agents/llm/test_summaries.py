"""Summaries are made by the session's model, of whatever is in a history."""

from __future__ import annotations

import pytest

from meerkat_rpc.agents.base import Summariser
from meerkat_rpc.domain import Message, ToolCall, ToolResult, Usage
from meerkat_rpc.errors import ProviderError
from tests.agents.llm.configured import Configured, on_a_loop
from tests.providers.provider import Provider
from tests.providers.script import Fail, Text, Tokens, reply

HISTORY = [
    Message("user", "Look at a.txt.", "t", 0),
    Message("assistant", "", "t", 0, tool_calls=(ToolCall("1", "read", {"path": "a.txt"}),)),
    Message("tool", "secret " * 10_000, "t", 0, tool_result=ToolResult("1", "read")),
    Message("assistant", "It is full of secrets.", "t", 0),
]


def summariser(agents: Configured) -> Summariser:
    agent = agents.registry.build(agents.config(max_tokens=9, output_schema={"type": "object"}))
    assert isinstance(agent, Summariser)
    return agent


def test_a_summary_is_told_with_what_it_cost(agents: Configured, provider: Provider) -> None:
    provider.answer(reply(Text(" They read a.txt. "), tokens=Tokens(500, 6)))
    summary = on_a_loop(lambda: summariser(agents).summarise(HISTORY))
    assert (summary.text, summary.usage) == ("They read a.txt.", Usage(500, 6))
    told = str(provider.bodies[0])
    assert "Look at a.txt." in told
    assert "It is full of secrets." in told
    assert len(told) < 12_000
    assert provider.refusals == []


def test_a_summary_is_tried_again_and_then_fails(chat: Configured, provider: Provider) -> None:
    for _ in range(4):
        provider.say(Fail(503, "no capacity"))
    with pytest.raises(ProviderError, match="no capacity"):
        on_a_loop(lambda: summariser(chat).summarise(HISTORY))
    assert provider.waiting == 0
