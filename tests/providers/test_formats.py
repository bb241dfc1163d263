"""What the providers send is of the types that the makers of the real ones publish, and faults are what they claim."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from tests.providers.asking import ADDRESSES, BODIES, events, headers, post
from tests.providers.provider import KEY, Provider
from tests.providers.script import Call, Drop, Fail, Garbage, Hold, Reasoning, Stall, Text, Tokens, Trouble, reply

EVERYTHING = reply(
    Reasoning("hm, well", chunks=2),
    Text("I'll add. 🌍", chunks=3),
    Call("add", {"a": 1}),
    Call("add", {"a": 2}, id="own_id"),
    tokens=Tokens(100, 40, cache_read=60, reasoning=10),
)


def published(kind: str) -> TypeAdapter[Any]:
    """Return the type of what a stream of ``kind`` is made of."""
    if kind == "openai":
        from openai.types.chat import ChatCompletionChunk

        return TypeAdapter(ChatCompletionChunk)
    if kind == "openai-responses":
        from openai.types.responses import ResponseStreamEvent

        return TypeAdapter(ResponseStreamEvent)
    if kind == "anthropic":
        from anthropic.types import RawMessageStreamEvent

        return TypeAdapter(RawMessageStreamEvent)
    from google.genai.types import GenerateContentResponse

    return TypeAdapter(GenerateContentResponse)


def test_every_event_is_of_the_published_type(kind: str, provider: Provider) -> None:
    provider.answer(EVERYTHING)
    answer = post(provider, kind)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    adapter = published(kind)
    said = [event for event in events(answer) if event.get("type") != "ping"]
    for event in said:
        parsed = adapter.validate_python(event)
        assert getattr(parsed, "type", event.get("type")) == event.get("type")
    assert len(said) > 5


def test_numbers_of_responses_have_no_gap(provider: Provider) -> None:
    provider.answer(EVERYTHING)
    said = list(events(post(provider, "openai-responses")))
    assert [event["sequence_number"] for event in said] == list(range(len(said)))
    assert said[-1]["type"] == "response.completed"
    assert [item["type"] for item in said[-1]["response"]["output"]] == [
        "reasoning",
        "message",
        "function_call",
        "function_call",
    ]


def test_an_http_error_has_the_providers_form_and_its_header(kind: str, provider: Provider) -> None:
    provider.say(Fail(429, "slow down", retry_after="7"))
    answer = post(provider, kind)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json()["error"]["message"] == "slow down"


def test_a_drop_leaves_the_body_unfinished(kind: str, provider: Provider) -> None:
    provider.say(Text("so far"), Drop("close"))
    with pytest.raises(httpx.RemoteProtocolError):
        post(provider, kind)
    assert provider.requests[0].ended == "dropped"


def test_a_stall_lasts_until_the_client_goes(kind: str, provider: Provider) -> None:
    provider.say(Text("so far"), Stall())
    with httpx.stream(
        "POST", provider.url + ADDRESSES[kind], json=BODIES[kind], headers=headers(kind), timeout=30
    ) as answer:
        chunks = answer.iter_text()  # kept: its end would close the connection
        assert any("so far" in chunk for chunk in chunks)
        assert provider.requests[0].ended == ""
    provider.until(lambda seen: seen.requests[0].ended == "closed by the client")


def test_a_held_reply_goes_on_when_it_is_released(kind: str, provider: Provider) -> None:
    provider.say(Text("one "), Hold(), Text("two"))
    with httpx.stream(
        "POST", provider.url + ADDRESSES[kind], json=BODIES[kind], headers=headers(kind), timeout=30
    ) as answer:
        chunks = answer.iter_text()
        assert "two" not in next(chunk for chunk in chunks if "one" in chunk)
        provider.release()
        assert "two" in "".join(chunks)


def test_garbage_and_trouble_come_in_mid_stream(kind: str, provider: Provider) -> None:
    provider.say(Text("so far"), Garbage(b"\xff\xfe{{{\n\n"), Trouble("overloaded", 529))
    answer = post(provider, kind)
    assert b"\xff\xfe{{{" in answer.content
    assert b"overloaded" in answer.content
    assert b"[DONE]" not in answer.content


def test_times_are_kept_in_the_order_of_what_happened(kind: str, provider: Provider) -> None:
    provider.say(Reasoning("hm"), Text("hello"))
    post(provider, kind)
    asked = provider.requests[0]
    assert asked.first_byte_ns is not None
    assert asked.first_text_ns is not None
    assert asked.arrived_ns <= asked.first_byte_ns <= asked.first_text_ns


def test_a_request_that_no_reply_waits_for_is_refused_plainly(kind: str, provider: Provider) -> None:
    answer = post(provider, kind)
    assert answer.status_code == 400
    assert "no further reply" in answer.text


def test_a_wrong_key_is_refused_and_not_repeated(kind: str, provider: Provider) -> None:
    answer = post(provider, kind, key="sk-wrong-key-0123456789")
    assert answer.status_code == (400 if kind == "google" else 401)
    assert "sk-wrong-key-0123456789" not in answer.text
    assert KEY not in answer.text
