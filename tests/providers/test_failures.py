"""What goes wrong at a provider: what is tried again, what is said about it, and that no turn is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.providers.provider import KEY, Provider
from tests.providers.script import Call, Drop, Fail, Garbage, Reply, Stall, Step, Text, Trouble
from tests.providers.talking import KEY_NAMES, RETRY, Outcome, Talk, environment, model_of

PASSING: list[Step] = [
    Fail(429, "slow down"),
    Fail(500, "internal"),
    Fail(502, body=b"<html>Bad Gateway</html>"),
    Fail(503, "unavailable"),
    Fail(529, "overloaded"),
    Fail(408, "too slow"),
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.fail)
def test_what_passes_is_tried_again_and_said(talk: Talk, provider: Provider, kind: str, fault: Fail) -> None:
    provider.say(fault)
    provider.say(fault)
    provider.say(Text("there you are"))
    turn = talk.once(kind)
    assert turn.result["text"] == "there you are"
    retries = turn.of("retrying")
    assert [(event["attempt"], event["max_attempts"]) for event in retries] == [(1, 3), (2, 3)]
    assert all(str(fault.fail) in event["error"] for event in retries)
    assert turn.types.count("turn_started") == turn.types.count("turn_completed") == 1


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.fail)
def test_what_does_not_pass_in_time_ends_the_turn(talk: Talk, provider: Provider, kind: str, fault: Fail) -> None:
    provider.always(Reply([fault]))
    turn = talk.once(kind)
    assert_failed(turn, str(fault.fail))
    assert len(provider.requests) == 3
    goes_on(talk, provider, turn)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_what_trying_again_does_not_help_is_told_at_once(
    talk: Talk, provider: Provider, kind: str, status: int
) -> None:
    provider.say(Fail(status, f"because of {status}"))
    turn = talk.once(kind)
    assert_failed(turn, f"because of {status}")
    assert turn.error["data"]["status"] == status
    assert len(provider.requests) == 1
    assert turn.of("retrying") == []
    goes_on(talk, provider, turn)


def test_the_pause_that_the_provider_asks_for_is_kept(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Fail(429, "slow down", retry_after="1"))
    provider.say(Text("there you are"))
    turn = talk.once(kind)
    assert turn.of("retrying")[0]["delay_ms"] >= 1000
    first, second = (asked.arrived_ns for asked in provider.requests)
    assert second - first >= 1e9


def test_a_pause_that_is_too_long_is_not_waited_for(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Fail(429, "come back tomorrow", retry_after="86400"))
    turn = talk.once(kind)
    assert_failed(turn, "come back tomorrow")
    assert len(provider.requests) == 1


@pytest.mark.parametrize("drop", [Drop("reset"), Drop("close")], ids=lambda drop: drop.drop)
def test_a_drop_before_the_first_word_is_tried_again(talk: Talk, provider: Provider, kind: str, drop: Drop) -> None:
    provider.say(drop)
    provider.say(Text("there you are"))
    turn = talk.once(kind)
    assert turn.result["text"] == "there you are"
    assert len(turn.of("retrying")) == 1


@pytest.mark.parametrize("drop", [Drop("reset"), Drop("close")], ids=lambda drop: drop.drop)
def test_a_drop_in_mid_sentence_keeps_what_was_said(talk: Talk, provider: Provider, kind: str, drop: Drop) -> None:
    provider.say(Text("so far", chunks=2), drop)
    turn = talk.once(kind)
    assert turn.error["data"]["code"] == "PROVIDER_ERROR"
    assert "".join(turn.deltas()) == "so far"
    kept = talk.history(turn.events[0]["session_id"])[-1]
    assert (kept["role"], kept["content"], kept["partial"]) == ("assistant", "so far", True)
    goes_on(talk, provider, turn)


def test_a_drop_in_the_middle_of_a_calls_arguments_runs_nothing(talk: Talk, provider: Provider, kind: str) -> None:
    talk.lend("add", lambda a, b: a + b)
    provider.say(Text("Adding. "), Call("add", raw='{"a": 1, "b"'), Drop("close"))
    turn = talk.once(kind)
    assert turn.error["data"]["code"] == "PROVIDER_ERROR"
    assert turn.of("tool_execution_started") == []
    goes_on(talk, provider, turn)


@pytest.mark.parametrize("said", [(), (Text("so far"),)], ids=["first", "later"])
def test_garbage_does_not_hang_or_crash(talk: Talk, provider: Provider, kind: str, said: tuple[Step, ...]) -> None:
    provider.always(Reply([*said, Garbage(b"data: {\xff\xfe not json\n\n"), Drop("close")]))
    turn = talk.once(kind)
    assert turn.error["data"]["code"] == "PROVIDER_ERROR"
    assert "".join(turn.deltas()) == "".join(step.text for step in said if isinstance(step, Text))
    goes_on(talk, provider, turn)


def test_a_page_in_place_of_a_stream_is_told_as_trouble(talk: Talk, provider: Provider, kind: str) -> None:
    provider.always(Reply([Fail(200, body=b"<html><body>Sign in to the hotel's network</body></html>")]))
    turn = talk.once(kind)
    assert turn.error["data"]["code"] == "PROVIDER_ERROR"
    goes_on(talk, provider, turn)


def test_trouble_in_a_stream_before_the_first_word_is_tried_again(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Trouble("Overloaded", 529 if kind == "anthropic" else 503))
    provider.say(Text("there you are"))
    turn = talk.once(kind)
    assert turn.result["text"] == "there you are"
    assert len(turn.of("retrying")) == 1


def test_trouble_in_mid_stream_keeps_what_was_said(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Text("so far"), Trouble("Overloaded", 529 if kind == "anthropic" else 503))
    turn = talk.once(kind)
    assert "Overloaded" in turn.error["message"]
    assert "".join(turn.deltas()) == "so far"
    goes_on(talk, provider, turn)


@pytest.mark.parametrize("stall", [Stall(), Stall(headers=False)], ids=["silent", "headless"])
def test_a_stall_counts_as_dead_after_the_timeout(talk: Talk, provider: Provider, kind: str, stall: Stall) -> None:
    provider.say(stall)
    provider.say(Text("there you are"))
    turn = talk.once(kind, provider_params={"timeout": 0.5})
    assert turn.result["text"] == "there you are"
    assert len(turn.of("retrying")) == 1
    provider.until(lambda seen: seen.requests[0].ended == "closed by the client")


def test_a_stall_in_mid_sentence_keeps_what_was_said(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Text("so far"), Stall())
    turn = talk.once(kind, provider_params={"timeout": 0.5})
    assert turn.error["data"]["code"] == "PROVIDER_ERROR"
    assert "timeout" in turn.error["message"]
    assert talk.history(turn.events[0]["session_id"])[-1]["content"] == "so far"
    goes_on(talk, provider, turn)


def test_a_failure_between_two_calls_of_tools_repeats_no_tool(talk: Talk, provider: Provider, kind: str) -> None:
    ran: list[int] = []

    def add(a: int, b: int) -> int:
        ran.append(a)
        return a + b

    talk.lend("add", add)
    provider.say(Call("add", {"a": 1, "b": 2}))
    provider.say(Fail(529, "overloaded"))
    provider.say(Call("add", {"a": 3, "b": 4}))
    provider.say(Drop("close"))
    provider.say(Text("3, 7"))
    turn = talk.once(kind)
    assert turn.result["text"] == "3, 7"
    assert ran == [1, 3]
    assert len(turn.of("retrying")) == 2
    assert turn.result["turns"] == 3


@pytest.fixture(scope="module")
def keyless(serving: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    """A server that has no key for any provider."""
    folder = tmp_path_factory.mktemp("keyless")
    env = {name: value for name, value in environment(folder, serving).items() if name not in KEY_NAMES}
    with Talk(folder, serving, env=env) as talk:
        yield talk


def test_the_error_says_what_to_set_when_there_is_no_key(keyless: Talk, provider: Provider, kind: str) -> None:
    names = {"google": "GEMINI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
    assert names.get(kind, "OPENAI_API_KEY") in keyless.once(kind).error["message"]
    assert provider.requests == []


WRONG_KEY = "sk-wrong-0123456789abcdef"


@pytest.fixture(scope="module")
def refused(serving: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    """A server whose keys are wrong."""
    folder = tmp_path_factory.mktemp("refused")
    env = {name: WRONG_KEY if value == KEY else value for name, value in environment(folder, serving).items()}
    with Talk(folder, serving, env=env) as talk:
        yield talk


def test_the_error_says_what_to_check_when_the_key_is_wrong(refused: Talk, provider: Provider, kind: str) -> None:
    error = refused.once(kind).error
    assert WRONG_KEY not in str(error)
    assert "_API_KEY" in error["message"]
    assert len(provider.requests) == 1


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Talk, Provider]]:
    """A server whose provider is there no longer."""
    folder = tmp_path_factory.mktemp("alone")
    with Provider() as gone:
        env = environment(folder, gone)
    with Talk(folder, gone, env=env) as talk:
        yield talk, gone


def test_a_server_that_is_not_there_is_named(alone: tuple[Talk, Provider], kind: str) -> None:
    talk, gone = alone
    turn = talk.once(kind)
    assert gone.url in turn.error["message"]
    assert len(turn.of("retrying")) == 2


@pytest.mark.parametrize("model", ["nobody:gpt-4o", "anthropic:", ":x", "gpt", "acme/claude"])
def test_a_model_nobody_has_is_told_as_such(talk: Talk, provider: Provider, model: str) -> None:
    error = talk.error("session/create", prompt="hi", model=model)
    assert error["code"] == -32010
    assert provider.requests == []


def test_the_configured_number_of_tries_holds(folder: Path, provider: Provider) -> None:
    env = environment(folder, provider, RETRY.replace("max_attempts = 3", "max_attempts = 1"))
    provider.always(Reply([Fail(503, "no")]))
    with Talk(folder, provider, env=env) as talk:
        turn = talk.once()
    assert turn.of("retrying") == []
    assert len(provider.requests) == 1


def assert_failed(turn: Outcome, why: str) -> None:
    """Check that the turn ended as a failure of the provider that says ``why``, and was closed."""
    assert turn.error["code"] == -32010
    assert turn.error["data"]["code"] == "PROVIDER_ERROR"
    assert why in turn.error["message"]
    assert turn.types[-1] == "run_failed"
    assert turn.types.count("turn_started") == turn.types.count("turn_completed") or "turn_started" in turn.types


def goes_on(talk: Talk, provider: Provider, turn: Outcome) -> None:
    """Check that the next turn works, its history being one that the provider takes."""
    provider.forget()
    provider.say(Text("back"))
    assert talk.turn(turn.events[0]["session_id"], model=model_of("anthropic")).result["text"] == "back"
    assert provider.refusals == []
