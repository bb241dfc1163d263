"""What a provider streams becomes events: at once, in order, in every protocol."""

from __future__ import annotations

import asyncio

import pytest

from meerkat_rpc.domain import ReasoningComplete, TextComplete, TextDelta, TurnCompleted, TurnStarted, Usage
from tests.agents.llm.configured import Configured, on_a_loop
from tests.providers.provider import Provider
from tests.providers.script import Hold, Reasoning, Text, Tokens, reply

THINKING = {"thinking": "low"}


def test_an_answer_streams_between_the_opening_and_the_closing_of_one_model_call(
    agents: Configured, provider: Provider
) -> None:
    provider.say(Text("The sum is five.", chunks=4))
    turn = agents.turn()
    result = agents.complete(turn)
    assert [type(event) for event in turn.events] == [TurnStarted, *[TextDelta] * 4, TextComplete, TurnCompleted]
    assert turn.text == "The sum is five."
    assert turn.events[-2:] == [TextComplete("The sum is five."), TurnCompleted("end_turn", Usage(10, 5))]
    assert result.stop_reason == "end_turn"


def test_reasoning_streams_before_the_text(agents: Configured, provider: Provider) -> None:
    provider.say(Reasoning("Two and three…", chunks=3), Text("Five."))
    turn = agents.turn(config=agents.config(provider_params=THINKING))
    agents.complete(turn)
    assert turn.kinds == [
        "turn_started",
        "reasoning_delta",
        "text_delta",
        "reasoning_complete",
        "text_complete",
        "turn_completed",
    ]
    assert turn.of(ReasoningComplete) == [ReasoningComplete("Two and three…")]
    assert turn.reasoning == "Two and three…"


def test_a_delta_is_there_while_the_provider_still_holds_the_rest_back(agents: Configured, provider: Provider) -> None:
    async def test() -> None:
        provider.say(Text("Fi"), Hold(), Text("ve."))
        turn = agents.turn()
        running = asyncio.ensure_future(agents.run(turn))
        await turn.first_text.wait()
        assert turn.text == "Fi"
        provider.release()
        await running
        assert turn.text == "Five."

    on_a_loop(test)


def test_tokens_from_and_into_the_cache_are_counted(agents: Configured, provider: Provider) -> None:
    written = 100 if agents.kind == "anthropic" else 0
    provider.answer(reply(Text("Five."), tokens=Tokens(1000, 7, cache_read=600, cache_write=written)))
    turn = agents.turn()
    agents.complete(turn)
    assert turn.usage == Usage(1000, 7, 600, written or None)


def test_an_answer_that_was_cut_off_says_so(agents: Configured, provider: Provider) -> None:
    provider.answer(reply(Text("The sum"), stop="max_tokens"))
    turn = agents.turn(config=agents.config(max_tokens=16))
    assert agents.complete(turn).stop_reason == "max_tokens"
    assert turn.text == "The sum"


def test_a_refusal_ends_the_turn_with_the_provider_s_word(agents: Configured, provider: Provider) -> None:
    provider.answer(reply(Text("I'd rather not."), stop="refusal"))
    turn = agents.turn()
    assert agents.complete(turn).stop_reason not in {"end_turn", "max_tokens", "tool_use", ""}
    assert turn.text == "I'd rather not."


def test_an_empty_answer_is_no_failure(agents: Configured, provider: Provider) -> None:
    provider.say()
    turn = agents.turn()
    assert agents.complete(turn).stop_reason == "end_turn"
    assert turn.kinds == ["turn_started", "turn_completed"]


def test_an_interrupted_turn_ends_at_once_and_closes_the_connection(agents: Configured, provider: Provider) -> None:
    async def test() -> None:
        provider.say(Text("Once upon"), Hold(), Text(" a time"))
        turn = agents.turn()
        running = asyncio.ensure_future(agents.run(turn))
        await turn.first_text.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(1):
                await running
        assert turn.text == "Once upon"
        await asyncio.to_thread(provider.until, lambda serving: serving.requests[0].ended)

    on_a_loop(test)


@pytest.mark.parametrize(
    "text", ["naïve 漢字 👩‍👩‍👧 \u2028 \x07", "x" * 500_000, "<think>not hidden</think>", "`" * 10]
)
def test_whatever_is_said_arrives_unchanged(chat: Configured, provider: Provider, text: str) -> None:
    provider.say(Text(text, chunks=7))
    turn = chat.turn(text)
    chat.complete(turn)
    assert turn.events[-2] == TextComplete(text)
    assert provider.bodies[0]["messages"][-1]["content"] == text


def test_connections_are_kept_for_the_next_turn_and_not_for_another_loop(chat: Configured, provider: Provider) -> None:
    registry = chat.registry
    provider.always(reply(Text("Five.")))

    async def twice() -> None:
        for _ in range(2):
            turn = chat.turn()
            await registry.build(turn.config).run(turn)

    on_a_loop(twice)
    on_a_loop(twice)
    assert len(provider.requests) == 4
