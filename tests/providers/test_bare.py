"""Each protocol as pydantic-ai understands it: the proof that the providers speak as the real ones do."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, NativeOutput, ToolOutput
from pydantic_ai.settings import ModelSettings

from tests.providers.asking import PIXEL
from tests.providers.bare import model, run
from tests.providers.provider import Provider
from tests.providers.script import Answer, Call, Reasoning, Text, Tokens, reply

COSTS = Tokens(input=100, output=40, cache_read=60, cache_write=0, reasoning=10)


def thinking(kind: str) -> ModelSettings:
    """Return the settings by which a model of ``kind`` shows its reasoning."""
    by_kind: dict[str, dict[str, Any]] = {
        "openai": {},
        "openai-responses": {"openai_reasoning_summary": "auto", "openai_reasoning_effort": "low"},
        "anthropic": {"anthropic_thinking": {"type": "adaptive"}},
        "google": {"google_thinking_config": {"include_thoughts": True}},
    }
    return cast("ModelSettings", by_kind[kind])


def adder(kind: str, provider: Provider, **more: Any) -> Agent[None, str]:
    """Return an agent that can add."""
    agent: Agent[None, str] = Agent(model(kind, provider), **more)

    @agent.tool_plain
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    return agent


def test_text_is_streamed_in_its_pieces(kind: str, provider: Provider) -> None:
    provider.say(Text("Grüße, 世界 🌍!", chunks=4))
    heard = asyncio.run(run(Agent(model(kind, provider), system_prompt="Be kind.")))
    assert len(heard.text) == 4
    assert heard.output == "".join(heard.text) == "Grüße, 世界 🌍!"
    assert provider.refusals == []


def test_a_whole_answer_is_given_to_who_asks_for_no_stream(kind: str, provider: Provider) -> None:
    provider.answer(reply(Text("hello", chunks=2), tokens=COSTS))
    result = asyncio.run(Agent(model(kind, provider)).run("go"))
    assert result.output == "hello"
    assert (result.usage.input_tokens, result.usage.output_tokens) == (100, 40)


def test_reasoning_comes_before_the_text(kind: str, provider: Provider) -> None:
    provider.say(Reasoning("Let me think.", chunks=3), Text("Done.", chunks=2))
    heard = asyncio.run(run(Agent(model(kind, provider)), model_settings=thinking(kind)))
    assert "".join(heard.reasoning) == "Let me think."
    assert heard.order == ["reasoning"] * 3 + ["text"] * 2


def test_parallel_tool_calls_are_answered_in_one_request(kind: str, provider: Provider) -> None:
    provider.say(Text("I'll add. "), Call("add", {"a": 1, "b": 2}), Call("add", {"a": 3, "b": 4}))
    provider.say(Text("3 and 7"))
    heard = asyncio.run(run(adder(kind, provider)))
    assert heard.calls == [("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4})]
    assert heard.output == "3 and 7"
    assert provider.refusals == []
    assert len(set(heard.call_ids)) == 2


def test_thought_of_a_tool_call_goes_back_signed(kind: str, provider: Provider) -> None:
    provider.say(Reasoning("I should add."), Call("add", {"a": 1, "b": 2}))
    provider.say(Text("3"))
    heard = asyncio.run(run(adder(kind, provider), model_settings=thinking(kind)))
    assert heard.output == "3"
    assert provider.refusals == []


def test_a_model_that_has_to_think_gets_back_what_it_thought(provider: Provider) -> None:
    provider.say(Reasoning("I should add."), Call("add", {"a": 1, "b": 2}))
    provider.say(Text("3"))
    agent = adder(
        "anthropic", provider, model_settings={"anthropic_thinking": {"type": "enabled", "budget_tokens": 2048}}
    )
    asyncio.run(run(agent, model=model("anthropic", provider, "claude-haiku-4-5")))
    assert provider.refusals == []


def test_usage_is_counted_with_what_was_cached(kind: str, provider: Provider) -> None:
    provider.answer(reply(Text("hello"), tokens=COSTS))
    usage = asyncio.run(run(Agent(model(kind, provider)))).usage
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == (100, 40, 60)


def test_what_was_written_to_the_cache_is_counted_by_anthropic(provider: Provider) -> None:
    provider.answer(reply(Text("hello"), tokens=Tokens(100, 5, cache_read=20, cache_write=30)))
    usage = asyncio.run(run(Agent(model("anthropic", provider)))).usage
    assert (usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens) == (100, 20, 30)


class Place(BaseModel):
    city: str
    country: str


@pytest.mark.parametrize("way", [ToolOutput, NativeOutput])
def test_a_structured_answer_comes_in_the_way_that_was_asked_for(kind: str, provider: Provider, way: Any) -> None:
    provider.say(Answer({"city": "Bern", "country": "Switzerland"}))
    heard = asyncio.run(run(Agent(model(kind, provider), output_type=way(Place))))
    assert heard.output == Place(city="Bern", country="Switzerland")
    assert provider.refusals == []


def test_a_conversation_of_several_turns_is_taken(kind: str, provider: Provider) -> None:
    agent = adder(kind, provider)
    provider.say(Call("add", {"a": 1, "b": 2}))
    provider.say(Text("3"))
    provider.say(Text("Yes, 3."))
    first = asyncio.run(run(agent))
    second = asyncio.run(run(agent, "Are you sure?", first.messages))
    assert second.output == "Yes, 3."
    assert provider.refusals == []


def test_an_image_is_taken(kind: str, provider: Provider) -> None:
    provider.say(Text("a pixel"))
    heard = asyncio.run(
        run(Agent(model(kind, provider)), ["What is it?", BinaryContent(PIXEL, media_type="image/png")])
    )
    assert heard.output == "a pixel"
    assert provider.refusals == []


def test_a_model_of_gemini_3_wants_its_signatures_back(provider: Provider) -> None:
    provider.say(Call("add", {"a": 1, "b": 2}), Call("add", {"a": 1, "b": 2}))
    provider.say(Call("add", {"a": 2, "b": 2}))
    provider.say(Text("done"))
    agent = adder("google", provider)
    heard = asyncio.run(run(agent, model=model("google", provider, "gemini-3-pro-preview")))
    assert heard.output == "done"
    assert provider.refusals == []
