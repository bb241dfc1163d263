"""A turn of a real server, over each protocol."""

from __future__ import annotations

import pytest

from tests.providers.provider import Provider
from tests.providers.script import Answer, Reasoning, Reply, Stop, Text, Tokens, reply
from tests.providers.talking import Talk

PLACE = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "inhabitants": {"type": "integer"}},
    "required": ["city", "inhabitants"],
    "additionalProperties": False,
}
MB = 1_000_000


def test_text_goes_out_piece_by_piece_and_the_run_is_framed(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Text("Grüße, 世界 🌍 — e\u0301!", chunks=5))
    turn = talk.once(kind)
    assert turn.types == [
        "run_started",
        "turn_started",
        *["text_delta"] * len(turn.deltas()),
        "text_complete",
        "turn_completed",
        "run_completed",
    ]
    assert len(turn.deltas()) >= 4
    assert "".join(turn.deltas()) == turn.result["text"] == "Grüße, 世界 🌍 — e\u0301!"
    assert (turn.result["turns"], turn.result["stop_reason"]) == (1, "end_turn")


def test_reasoning_goes_out_as_such(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Reasoning("First I think.", chunks=3), Text("Then I speak."))
    turn = talk.once(kind, provider_params={"thinking": "low"})
    assert "".join(turn.deltas("reasoning_delta")) == "First I think."
    assert turn.of("reasoning_complete") == [{"type": "reasoning_complete", "content": "First I think."}]
    assert turn.types.index("text_delta") > turn.types.index("reasoning_delta")
    assert turn.result["text"] == "Then I speak."


def test_usage_is_told_for_the_call_the_turn_and_the_session(talk: Talk, provider: Provider, kind: str) -> None:
    provider.always(Reply([Text("hello")], Tokens(input=100, output=40, cache_read=60, reasoning=10)))
    session_id = talk.create(kind)
    talk.turn(session_id)
    turn = talk.turn(session_id)
    one = {"input_tokens": 100, "output_tokens": 40, "total_tokens": 140, "cache_read_tokens": 60}
    assert turn.of("turn_completed")[0]["usage"] == one
    assert turn.result["turn_usage"] == one
    assert turn.result["usage"] == {name: 2 * tokens for name, tokens in one.items()}


def test_what_was_written_to_the_cache_is_told(talk: Talk, provider: Provider) -> None:
    provider.answer(reply(Text("hello"), tokens=Tokens(100, 5, cache_read=20, cache_write=30)))
    usage = talk.once("anthropic").result["turn_usage"]
    assert (usage["input_tokens"], usage["cache_read_tokens"], usage["cache_creation_tokens"]) == (100, 20, 30)


@pytest.mark.parametrize(("stop", "told"), [("max_tokens", "max_tokens"), ("end_turn", "end_turn")])
def test_why_the_model_stopped_is_told(talk: Talk, provider: Provider, kind: str, stop: Stop, told: str) -> None:
    provider.answer(reply(Text("so far"), stop=stop))
    assert talk.once(kind).result["stop_reason"] == told


def test_a_refusal_keeps_the_text_and_says_so(talk: Talk, provider: Provider, kind: str) -> None:
    provider.answer(reply(Text("I'd rather"), stop="refusal"))
    turn = talk.once(kind)
    assert "".join(turn.deltas()) == "I'd rather"
    assert turn.types[-1] in {"run_completed", "run_failed"}
    assert talk.history(turn.events[0]["session_id"])[-1]["content"] == "I'd rather"


def test_what_the_session_asks_for_reaches_the_provider(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Text("ok"))
    talk.once(kind, system_prompt="Be brief, ünd kind.", max_tokens=2000, provider_params={"stop_sequences": ["END"]})
    body = str(provider.bodies[0])
    assert "Be brief, ünd kind." in body
    assert "2000" in body


def test_a_structured_answer_is_checked_and_returned(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Answer({"city": "Bern", "inhabitants": 134_000}))
    turn = talk.once(kind, output_schema=PLACE)
    assert turn.result["structured_output"] == {"city": "Bern", "inhabitants": 134_000}
    assert not turn.result.get("schema_warnings")


def test_a_structured_answer_that_does_not_fit_is_asked_for_again(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Answer({"city": "Bern"}))
    provider.say(Answer({"city": "Bern", "inhabitants": 134_000}))
    turn = talk.once(kind, output_schema=PLACE)
    assert turn.result["structured_output"] == {"city": "Bern", "inhabitants": 134_000}
    assert turn.result["turns"] == 2
    assert "inhabitants" in str(provider.bodies[1])


def test_a_structured_answer_that_never_fits_is_returned_with_warnings(
    talk: Talk, provider: Provider, kind: str
) -> None:
    provider.always(Reply([Answer({"city": 7})]))
    result = talk.once(kind, output_schema=PLACE).result
    assert result["structured_output"] == {"city": 7}
    assert result["schema_warnings"]
    assert len(provider.requests) == 3


def test_an_answer_that_is_no_json_is_asked_for_again(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Text("Gladly! The city is Bern."))
    provider.say(Text('```json\n{"city": "Bern", "inhabitants": 1}\n```'))
    assert talk.once(kind, output_schema=PLACE).result["structured_output"] == {"city": "Bern", "inhabitants": 1}


def test_a_reply_of_a_megabyte_arrives_whole(talk: Talk, provider: Provider, kind: str) -> None:
    text = "ä🌍x" * (MB // 3)
    provider.say(Text(text, chunks=500))
    turn = talk.once(kind)
    assert "".join(turn.deltas()) == turn.result["text"] == text


def test_a_reply_in_one_delta_of_a_megabyte_arrives_whole(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Text("x" * MB))
    assert len(talk.once(kind).result["text"]) == MB


def test_a_prompt_of_a_megabyte_arrives_whole(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Text("long"))
    talk.once(kind, prompt="€" * (MB // 3))
    assert "€" * (MB // 3) in str(provider.bodies[0])


def test_a_model_that_says_nothing_ends_the_turn(talk: Talk, provider: Provider, kind: str) -> None:
    provider.always(Reply([]))
    turn = talk.once(kind)
    assert turn.types[0] == "run_started"
    assert turn.types[-1] in {"run_completed", "run_failed"}
    provider.always(Reply([Text("back")]))
    assert talk.turn(turn.events[0]["session_id"]).result["text"] == "back"
