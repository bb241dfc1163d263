"""Calls of tools that the host lends, over each protocol: the next request is one that the provider takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.providers.provider import Provider
from tests.providers.script import Call, Reasoning, Reply, Text
from tests.providers.talking import RETRY, Talk, environment, model_of

MB = 1_000_000


def test_parallel_calls_run_at_once_and_are_answered_together(talk: Talk, provider: Provider, kind: str) -> None:
    talk.lend("add", None)
    provider.say(Text("Adding. "), Call("add", {"a": 1, "b": 2}), Call("add", {"a": 3, "b": 4}))
    provider.say(Text("3 and 7"))
    session_id = talk.create(kind)
    talk.begin(session_id)
    first, second = talk.next_call(), talk.next_call()
    talk.respond(second["id"], second["params"]["args"]["a"] + second["params"]["args"]["b"])
    talk.respond(first["id"], first["params"]["args"]["a"] + first["params"]["args"]["b"])
    talk.saw(session_id, "run_completed")
    said = [event["type"] for event in talk.logged(session_id)]
    assert said.count("tool_call_requested") == said.count("tool_execution_completed") == 2
    assert max(at for at, type_ in enumerate(said) if type_ == "tool_execution_started") < said.index(
        "tool_execution_completed"
    )
    assert len(provider.requests) == 2
    assert talk.call("session/read", session_id=session_id)["last_assistant_text"].endswith("3 and 7")


def test_every_call_is_opened_and_closed_in_the_events(talk: Talk, provider: Provider, kind: str) -> None:
    talk.lend("add", lambda a, b: a + b)
    provider.say(Call("add", {"a": 1, "b": 2}, chunks=5))
    provider.say(Text("3"))
    turn = talk.once(kind)
    requested = turn.of("tool_call_requested")[0]
    assert (requested["name"], requested["args"]) == ("add", {"a": 1, "b": 2})
    for type_ in ("tool_execution_started", "tool_execution_completed", "tool_result_received"):
        assert [event["id"] for event in turn.of(type_)] == [requested["id"]]
    assert turn.of("tool_execution_completed")[0]["result"] == 3
    assert turn.types.count("turn_started") == turn.types.count("turn_completed") == turn.result["turns"] == 2
    assert turn.result["tool_calls"] == 1


def test_reasoning_before_a_call_goes_back_as_it_came(talk: Talk, provider: Provider, kind: str) -> None:
    talk.lend("add", lambda a, b: a + b)
    provider.say(Reasoning("I should add."), Call("add", {"a": 1, "b": 2}))
    provider.say(Reasoning("And once more."), Call("add", {"a": 3, "b": 2}))
    provider.say(Text("3, 5"))
    assert talk.once(kind, provider_params={"thinking": "low"}).result["text"] == "3, 5"
    if kind == "anthropic":
        assert [block["type"] for block in provider.bodies[2]["messages"][-2]["content"]] == ["thinking", "tool_use"]


def test_a_model_of_gemini_3_gets_its_signatures_back(talk: Talk, provider: Provider) -> None:
    talk.lend("add", lambda a, b: a + b)
    provider.say(Call("add", {"a": 1, "b": 2}), Call("add", {"a": 1, "b": 1}))
    provider.say(Call("add", {"a": 3, "b": 2}))
    provider.say(Text("5"))
    assert talk.once("google", model=model_of("google", "gemini-3-pro-preview")).result["text"] == "5"


def test_an_error_of_the_tool_is_for_the_model_to_read(talk: Talk, provider: Provider, kind: str) -> None:
    talk.lend("add", None)
    provider.say(Call("add", {"a": 1, "b": 2}))
    provider.say(Text("I see."))
    session_id = talk.create(kind)
    talk.begin(session_id)
    talk.respond(talk.next_call()["id"], "the calculator is out of paper", is_error=True)
    talk.saw(session_id, "run_completed")
    assert "out of paper" in str(provider.bodies[1])
    assert talk.saw(session_id, "tool_execution_completed")["is_error"]


def test_a_tool_nobody_knows_is_answered_and_the_model_goes_on(talk: Talk, provider: Provider, kind: str) -> None:
    talk.lend("add", lambda a, b: a + b)
    provider.say(Call("subtract", {"a": 1}))
    provider.say(Text("Never mind."))
    turn = talk.once(kind)
    assert turn.result["text"] == "Never mind."
    completed = turn.of("tool_execution_completed")
    assert [(event["name"], event["is_error"]) for event in completed] == [("subtract", True)]


@pytest.mark.parametrize("raw", ['{"a": 1, "b"', "not json", "[1, 2]", '"text"', ""])
def test_arguments_that_are_no_object_are_answered_and_the_model_goes_on(
    talk: Talk, provider: Provider, kind: str, raw: str
) -> None:
    if kind == "google" and raw:
        pytest.skip("Gemini's arguments are an object, or nothing arrives at all")
    talk.lend("add", lambda **given: sum(given.values()) if given else 0)
    provider.say(Call("add", raw=raw))
    provider.say(Text("Sorry."))
    turn = talk.once(kind)
    assert turn.result["text"] == "Sorry."
    assert len(turn.of("tool_call_requested")) == len(turn.of("tool_result_received")) == 1


@pytest.mark.parametrize("ids", [("", ""), ("same", "same"), ("0", "0")])
def test_ids_that_repeat_are_told_apart(talk: Talk, provider: Provider, kind: str, ids: tuple[str, str]) -> None:
    talk.lend("add", lambda a, b: a + b)
    provider.say(*(Call("add", {"a": n, "b": 1}, id=id_) for n, id_ in enumerate(ids)))
    provider.say(Call("add", {"a": 5, "b": 1}, id=ids[0]))
    provider.say(Text("done"))
    turn = talk.once(kind)
    requested = [event["id"] for event in turn.of("tool_call_requested")]
    assert len(set(requested)) == 3
    assert sorted(event["id"] for event in turn.of("tool_result_received")) == sorted(requested)
    assert sorted(event["result"] for event in turn.of("tool_execution_completed")) == [1, 2, 6]


@pytest.mark.parametrize(
    "result", [None, True, 3.5, "", "ünï 🌍", [], [1, {"a": [None]}], {}, {"ключ": "значение"}], ids=repr
)
def test_a_result_may_be_any_json(talk: Talk, provider: Provider, kind: str, result: Any) -> None:
    talk.lend("look", lambda **_: result)
    provider.say(Call("look", {}))
    provider.say(Text("ok"))
    turn = talk.once(kind)
    assert turn.of("tool_execution_completed")[0]["result"] == result
    assert turn.result["text"] == "ok"


def test_a_large_result_is_bounded_for_the_model(talk: Talk, provider: Provider, kind: str) -> None:
    talk.lend("look", lambda **_: "é" * (5 * MB))
    provider.say(Call("look", {}))
    provider.say(Text("a lot"))
    assert talk.once(kind).result["text"] == "a lot"
    assert len(str(provider.bodies[1])) < 2 * MB


def test_ten_rounds_of_tools_keep_their_order(talk: Talk, provider: Provider, kind: str) -> None:
    talk.lend("add", lambda a, b: a + b)
    for n in range(10):
        provider.say(Call("add", {"a": n, "b": 0}))
    provider.say(Text("done"))
    turn = talk.once(kind)
    assert [event["result"] for event in turn.of("tool_execution_completed")] == list(range(10))
    assert turn.result["turns"] == 11


def test_the_tools_of_the_session_are_offered_with_their_schemas(talk: Talk, provider: Provider, kind: str) -> None:
    talk.lend("look-at_it", lambda **_: 1, description="Loök at it.")
    provider.say(Text("ok"))
    talk.once(kind)
    body = str(provider.bodies[0])
    assert "look-at_it" in body
    assert "Loök at it." in body


def test_a_tool_that_asks_first_runs_once_it_is_allowed(talk: Talk, provider: Provider, kind: str) -> None:
    talk.lend("add", lambda a, b: a + b, requires_approval=True)
    provider.say(Reasoning("Hm."), Call("add", {"a": 1, "b": 2}))
    provider.say(Text("3"))
    session_id = talk.create(kind, provider_params={"thinking": "low"})
    talk.begin(session_id)
    asked = talk.saw(session_id, "approval_requested")
    talk.call("approval/respond", approval_id=asked["approval_id"], choice="allow")
    talk.saw(session_id, "run_completed")
    assert talk.saw(session_id, "tool_execution_completed")["result"] == 3


def test_a_tool_that_is_refused_is_answered_so(talk: Talk, provider: Provider, kind: str) -> None:
    talk.lend("add", lambda a, b: a + b, requires_approval=True)
    provider.say(Call("add", {"a": 1, "b": 2}))
    provider.say(Text("As you like."))
    session_id = talk.create(kind)
    talk.begin(session_id)
    asked = talk.saw(session_id, "approval_requested")
    talk.call("approval/respond", approval_id=asked["approval_id"], choice="deny")
    talk.saw(session_id, "run_completed")
    assert talk.history(session_id)[-1]["content"] == "As you like."


def test_a_model_that_calls_for_ever_is_ended_by_its_budget(talk: Talk, provider: Provider, kind: str) -> None:
    talk.lend("add", lambda a, b: a + b)
    provider.always(Reply([Text("again "), Call("add", {"a": 1, "b": 1})]))
    turn = talk.once(kind, budget={"turn": {"model_calls": 5}})
    assert turn.error["data"]["code"] == "BUDGET_EXHAUSTED"
    assert len(provider.requests) == 5
    assert turn.of("run_failed")[0]["reason"] == "budget"


def test_a_built_in_tool_reads_in_the_sessions_folder(folder: Path, provider: Provider, kind: str) -> None:
    (folder / "work").mkdir()
    (folder / "work" / "note.txt").write_text("the answer is 42")
    env = environment(folder, provider, RETRY + '[tools]\nbuiltin = ["read"]\n')
    provider.say(Call("read_file", {"path": "note.txt"}))
    provider.say(Text("42"))
    with Talk(folder, provider, env=env) as talk:
        session_id = talk.create(kind, cwd=str(folder / "work"))
        assert talk.turn(session_id).result["text"] == "42"
    assert "the answer is 42" in str(provider.bodies[1])
    assert provider.refusals == []
