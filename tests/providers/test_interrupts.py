"""What comes in between: an interrupt reaches the provider's connection, additions reach its next request."""

from __future__ import annotations

import pytest

from tests.providers.provider import Provider
from tests.providers.script import Call, Fail, Hold, Reasoning, Stall, Step, Text
from tests.providers.talking import Talk, model_of


@pytest.mark.parametrize(
    "said",
    [(), (Text("so far", chunks=2),), (Reasoning("hm"),), (Call("add", raw='{"a"'),)],
    ids=["nothing", "text", "reasoning", "half a call"],
)
def test_an_interrupt_closes_the_connection_at_once(
    talk: Talk, provider: Provider, kind: str, said: tuple[Step, ...]
) -> None:
    provider.say(*said, Stall())
    session_id = talk.create(kind, provider_params={"thinking": "low"})
    talk.begin(session_id)
    provider.until(lambda seen: seen.requests and (seen.requests[0].first_byte_ns or not said))
    if said and isinstance(said[0], Text):
        talk.saw(session_id, "text_delta")
    assert talk.call("turn/interrupt", session_id=session_id) == {"interrupted": True}
    provider.until(lambda seen: seen.requests[0].ended == "closed by the client")
    assert talk.saw(session_id, "run_failed")["reason"] == "cancelled"
    provider.say(Text("back"))
    assert talk.turn(session_id).result["text"] == "back"


def test_an_interrupt_before_the_headers_closes_the_connection(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Stall(headers=False))
    session_id = talk.create(kind)
    talk.begin(session_id)
    provider.until(lambda seen: seen.requests)
    assert talk.call("turn/interrupt", session_id=session_id) == {"interrupted": True}
    provider.until(lambda seen: seen.requests[0].ended == "closed by the client")


def test_an_interrupt_in_the_pause_before_another_try_ends_it(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Fail(429, "slow down", retry_after="30"))
    session_id = talk.create(kind)
    talk.begin(session_id)
    talk.saw(session_id, "retrying")
    assert talk.call("turn/interrupt", session_id=session_id) == {"interrupted": True}
    talk.saw(session_id, "run_failed")
    assert len(provider.requests) == 1


def test_an_interrupt_while_tools_run_cancels_them_and_their_calls_are_answered(
    talk: Talk, provider: Provider, kind: str
) -> None:
    talk.lend("add", None)
    provider.say(Reasoning("I'll add."), Call("add", {"a": 1, "b": 2}), Call("add", {"a": 3, "b": 4}))
    session_id = talk.create(kind, provider_params={"thinking": "low"})
    talk.begin(session_id)
    first, second = talk.next_call(), talk.next_call()
    talk.respond(first["id"], 3)
    talk.saw(session_id, "tool_result_received")
    assert talk.call("turn/interrupt", session_id=session_id) == {"interrupted": True}
    talk.saw(session_id, "run_failed")
    talk.call("runtime/health")
    assert talk.cancelled[-1] == second["id"]
    provider.say(Text("back"))
    assert talk.turn(session_id).result["text"] == "back"
    assert "interrupted" in str(provider.bodies[1])


def test_what_is_steered_is_in_the_next_request_of_the_turn(talk: Talk, provider: Provider, kind: str) -> None:
    talk.lend("add", None)
    provider.say(Call("add", {"a": 1, "b": 2}))
    provider.say(Text("3, in Latin"))
    session_id = talk.create(kind)
    talk.begin(session_id)
    call = talk.next_call()
    assert talk.call("turn/steer", session_id=session_id, prompt="in Latin, please")["accepted"]
    talk.respond(call["id"], 3)
    talk.saw(session_id, "run_completed")
    assert len(provider.requests) == 2
    assert "in Latin, please" in str(provider.bodies[1])


def test_what_is_steered_during_the_last_answer_gets_one_of_its_own(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Text("first"), Hold())
    provider.say(Text("second"))
    session_id = talk.create(kind)
    turn_id = talk.begin(session_id)
    talk.saw(session_id, "text_delta", delta="first")
    talk.call("turn/steer", session_id=session_id, prompt="and then?")
    provider.release()
    talk.saw(session_id, "text_delta", delta="second")
    talk.saw(session_id, "run_completed")
    assert "and then?" in str(provider.bodies[1])
    steered = [message for message in talk.history(session_id) if message.get("kind") == "steer"]
    assert [(message["content"], message["turn_id"]) for message in steered] == [("and then?", turn_id)]


def test_what_is_enqueued_becomes_the_next_turn(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Text("first"), Hold())
    provider.say(Text("second"))
    session_id = talk.create(kind)
    talk.begin(session_id)
    talk.saw(session_id, "text_delta", delta="first")
    queued = talk.call("turn/enqueue", session_id=session_id, prompt="next question")
    provider.release()
    talk.saw(session_id, "text_delta", delta="second")
    talk.saw(session_id, "run_completed", result="second")
    assert talk.history(session_id)[-1]["turn_id"] == queued["turn_id"]


def test_context_that_was_injected_is_read_by_the_next_turn(talk: Talk, provider: Provider, kind: str) -> None:
    session_id = talk.create(kind)
    talk.call("session/inject_context", session_id=session_id, content="The meeting is at nine.")
    assert provider.requests == []
    provider.say(Text("ok"))
    talk.turn(session_id)
    assert "The meeting is at nine." in str(provider.bodies[0])


def test_the_first_word_of_a_slow_answer_does_not_wait_for_the_second(
    talk: Talk, provider: Provider, kind: str
) -> None:
    provider.say(Text("first"), Hold(), Text("second"))
    session_id = talk.create(kind)
    talk.begin(session_id)
    talk.saw(session_id, "text_delta", delta="first")
    assert provider.requests[0].ended == ""
    provider.release()
    talk.saw(session_id, "run_completed", result="firstsecond")


def test_many_sessions_ask_at_once(talk: Talk, provider: Provider, kind: str) -> None:
    sessions = [talk.create(kind, model=model_of(kind)) for _ in range(20)]
    for _ in sessions:
        provider.say(Text("mine"), Hold())
    for session_id in sessions:
        talk.begin(session_id)
    provider.until(lambda seen: len(seen.requests) == len(sessions))
    provider.release()
    for session_id in sessions:
        talk.saw(session_id, "run_completed", result="mine")
