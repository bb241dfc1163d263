"""What goes wrong with a provider: tried again where that makes sense, told so that a person can act."""

from __future__ import annotations

import time
from typing import Any

import pytest

from meerkat_rpc.agent_settings import Retrying as Retries
from meerkat_rpc.domain import Retrying, TextDelta, TurnStarted
from meerkat_rpc.errors import ProviderError
from tests.agents.llm.configured import Configured
from tests.providers.provider import KEY, Provider
from tests.providers.script import Drop, Fail, Garbage, Stall, Text, Trouble

SOON = {"timeout": 0.3}
"""A stall limit that a test can wait for."""


def failed(agents: Configured, **params: Any) -> tuple[ProviderError, list[Retrying]]:
    """Run a turn that fails. Return its error and the retries it told of."""
    turn = agents.turn(config=agents.config(provider_params=params))
    with pytest.raises(ProviderError) as error:
        agents.complete(turn)
    return error.value, [event for event in turn.events if isinstance(event, Retrying)]


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_a_passing_failure_is_tried_again_and_told(agents: Configured, provider: Provider, status: int) -> None:
    provider.say(Fail(status, "come back later"))
    provider.say(Text("Five."))
    turn = agents.turn()
    agents.complete(turn)
    assert turn.kinds == ["turn_started", "retrying", "text_delta", "text_complete", "turn_completed"]
    (told,) = turn.of(Retrying)
    assert isinstance(told, Retrying)
    assert (told.attempt, told.max_attempts) == (1, 4)
    assert str(status) in told.error
    assert "come back later" in told.error


@pytest.mark.parametrize("step", [Drop("reset"), Drop("close"), Trouble("overloaded", 529)])
def test_a_connection_lost_before_the_first_word_is_tried_again(
    agents: Configured, provider: Provider, step: Any
) -> None:
    provider.say(step)
    provider.say(Text("Five."))
    turn = agents.turn()
    agents.complete(turn)
    assert turn.text == "Five."
    assert len(turn.of(Retrying)) == 1


@pytest.mark.parametrize("headers", [True, False])
def test_a_provider_that_stalls_is_given_up_and_tried_again(
    agents: Configured, provider: Provider, *, headers: bool
) -> None:
    provider.say(Stall(headers=headers))
    provider.say(Text("Five."))
    turn = agents.turn(config=agents.config(provider_params=SOON))
    agents.complete(turn)
    assert turn.text == "Five."
    assert len(turn.of(Retrying)) == 1


@pytest.mark.parametrize(
    "step", [Drop("reset"), Drop("close"), Stall(), Trouble("overloaded", 529), Garbage(b"\xff{{\n\n")]
)
def test_what_was_said_already_is_not_said_twice(agents: Configured, provider: Provider, step: Any) -> None:
    provider.say(Text("The sum"), step)
    provider.say(Text("Five."))
    turn = agents.turn(config=agents.config(provider_params=SOON))
    with pytest.raises(ProviderError):
        agents.complete(turn)
    assert turn.events == [TurnStarted(1), TextDelta("The sum")]
    assert provider.waiting == 1


def test_after_the_last_try_the_turn_fails_with_the_provider_s_words(agents: Configured, provider: Provider) -> None:
    for _ in range(4):
        provider.say(Fail(503, "no capacity"))
    error, retries = failed(agents)
    assert [event.attempt for event in retries] == [1, 2, 3]
    assert "HTTP 503: no capacity" in error.message
    assert error.data == {"provider": "loopback", "model": error.data["model"], "status": 503}


@pytest.mark.parametrize(
    ("status", "advice"),
    [(400, "HTTP 400"), (401, "Check LOOPBACK_API_KEY"), (403, "Check LOOPBACK_API_KEY"), (404, "models/catalog")],
)
def test_what_time_does_not_heal_fails_at_once_and_says_what_to_do(
    agents: Configured, provider: Provider, status: int, advice: str
) -> None:
    provider.say(Fail(status, "not like this"))
    error, retries = failed(agents)
    assert retries == []
    assert advice in error.message
    assert "not like this" in error.message
    assert error.data["status"] == status


def test_what_the_provider_asks_to_wait_is_waited(chat: Configured, provider: Provider) -> None:
    provider.say(Fail(429, retry_after="1"))
    provider.say(Text("Five."))
    turn = chat.turn()
    began = time.monotonic()
    chat.complete(turn)
    assert time.monotonic() - began >= 1
    (told,) = turn.of(Retrying)
    assert isinstance(told, Retrying)
    assert told.delay_ms == 1000


def test_a_provider_that_asks_to_wait_for_an_hour_is_not_waited_for(chat: Configured, provider: Provider) -> None:
    provider.say(Fail(429, retry_after="3600"))
    error, retries = failed(chat)
    assert retries == []
    assert "wait, or use another model" in error.message


def test_pauses_double(chat: Configured, provider: Provider) -> None:
    chat.retry = Retries(max_attempts=4, base_delay_ms=20)
    for _ in range(4):
        provider.say(Fail(500))
    _, retries = failed(chat)
    for event, usual in zip(retries, (20, 40, 80), strict=True):
        assert 0.7 * usual <= event.delay_ms <= 1.3 * usual


def test_a_server_that_is_not_there_is_named(chat: Configured) -> None:
    chat.changes = {"base_url": "http://127.0.0.1:9/v1"}
    error, retries = failed(chat)
    assert len(retries) == 3
    assert "http://127.0.0.1:9/v1" in error.message


def test_a_key_that_a_provider_repeats_is_taken_out(agents: Configured, provider: Provider) -> None:
    provider.say(Fail(401, f"Incorrect API key provided: {KEY}"))
    error, _ = failed(agents)
    assert "Incorrect API key provided: …" in error.message
    assert KEY not in repr(error.data)


def test_a_web_page_in_place_of_an_error_is_cut(chat: Configured, provider: Provider) -> None:
    provider.say(Fail(403, body=b"<html>" + b"blocked by a proxy " * 1000))
    error, _ = failed(chat)
    assert len(error.message) < 1000


def test_a_conversation_that_is_too_long_is_to_be_compacted(chat: Configured, provider: Provider) -> None:
    said = '{"error": {"message": "maximum context length is 8192", "code": "context_length_exceeded"}}'
    provider.say(Fail(400, body=said.encode()))
    error, _ = failed(chat)
    assert "compact the session" in error.message


def test_a_quota_that_is_used_up_is_not_tried_again(chat: Configured, provider: Provider) -> None:
    said = (
        '{"error": {"message": "You exceeded your quota", "type": "insufficient_quota", "code": "insufficient_quota"}}'
    )
    provider.say(Fail(429, body=said.encode()))
    error, retries = failed(chat)
    assert retries == []
    assert "no credit or quota left" in error.message
