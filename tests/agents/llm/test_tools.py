"""Tools that a model calls run through the turn, whatever the model makes of their names and arguments."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from meerkat_rpc.domain import (
    JSON,
    Message,
    ToolCall,
    ToolCallRequested,
    ToolExecutionCompleted,
    ToolResult,
    ToolResultReceived,
    TurnCompleted,
)
from meerkat_rpc.errors import BudgetExhausted
from meerkat_rpc.tools.base import ToolOutcome
from tests.agents.llm.configured import Configured, on_a_loop
from tests.providers.provider import Provider
from tests.providers.script import Call, Text


async def add(args: JSON) -> ToolOutcome:
    return ToolOutcome({"sum": args["a"] + args["b"]})


async def fail(_args: JSON) -> ToolOutcome:
    return ToolOutcome("there is no such file", is_error=True)


def said_of_tools(body: dict[str, Any]) -> str:
    """Return what the provider was told, as text."""
    return str(body)


def test_a_call_is_requested_before_it_runs_and_its_result_is_read_by_the_next_model_call(
    agents: Configured, provider: Provider
) -> None:
    provider.say(Text("Let me add."), Call("add", {"a": 2, "b": 3}))
    provider.say(Text("Five."))
    turn = agents.turn(functions={"add": add})
    agents.complete(turn)
    assert turn.kinds == [
        "turn_started",
        "text_delta",
        "text_complete",
        "tool_call_requested",
        "turn_completed",
        "tool_execution_started",
        "tool_execution_completed",
        "tool_result_received",
        "turn_started",
        "text_delta",
        "text_complete",
        "turn_completed",
    ]
    (requested,) = turn.of(ToolCallRequested)
    assert isinstance(requested, ToolCallRequested)
    assert (requested.name, requested.args) == ("add", {"a": 2, "b": 3})
    first, last = turn.of(TurnCompleted)
    assert isinstance(first, TurnCompleted)
    assert isinstance(last, TurnCompleted)
    assert (first.stop_reason, last.stop_reason) == ("tool_use", "end_turn")
    assert "'sum'" in str(provider.bodies[1]) or '"sum":5' in str(provider.bodies[1])
    assert provider.refusals == []


def test_calls_of_one_answer_run_at_the_same_time(agents: Configured, provider: Provider) -> None:
    both = asyncio.Event()

    async def meet(_args: JSON) -> ToolOutcome:
        if turn.running_tools == 2:
            both.set()
        await both.wait()
        return ToolOutcome("met")

    provider.say(Call("meet", {}), Call("meet", {"who": "other"}))
    provider.say(Text("They met."))
    turn = agents.turn(functions={"meet": meet})
    agents.complete(turn)
    assert turn.most_tools_at_once == 2
    assert turn.text == "They met."


def test_a_tool_s_error_is_for_the_model_to_read(agents: Configured, provider: Provider) -> None:
    provider.say(Call("fail", {}))
    provider.say(Text("It isn't there."))
    turn = agents.turn(functions={"fail": fail})
    agents.complete(turn)
    assert turn.text == "It isn't there."
    assert "there is no such file" in str(provider.bodies[1])


def test_a_tool_that_nobody_knows_is_an_error_that_the_model_reads(agents: Configured, provider: Provider) -> None:
    provider.say(Call("subtract", {"a": 1}), Call("add", {"a": 2, "b": 3}))
    provider.say(Text("I see."))
    turn = agents.turn(functions={"add": add})
    agents.complete(turn)
    results = {event.name: event.is_error for event in turn.events if isinstance(event, ToolResultReceived)}
    assert results == {"subtract": True, "add": False}
    assert "subtract" in str(provider.bodies[1])
    assert turn.text == "I see."


@pytest.mark.parametrize("raw", ['{"a": 2, "b"', "[1, 2]", "nonsense", '"text"'])
def test_arguments_that_are_no_object_are_an_error_that_the_model_reads(
    chat: Configured, provider: Provider, raw: str
) -> None:
    provider.say(Call("add", raw=raw))
    provider.say(Text("I'll do better."))
    turn = chat.turn(functions={"add": add})
    chat.complete(turn)
    completed = turn.of(ToolExecutionCompleted)[0]
    assert isinstance(completed, ToolExecutionCompleted)
    assert completed.is_error
    assert turn.text == "I'll do better."
    assert provider.refusals == []


def test_no_arguments_at_all_are_an_empty_object(chat: Configured, provider: Provider) -> None:
    async def look(args: JSON) -> ToolOutcome:
        return ToolOutcome({"got": args})

    provider.say(Call("look", raw=""))
    provider.say(Text("Nothing."))
    turn = chat.turn(functions={"look": look})
    chat.complete(turn)
    completed = turn.of(ToolExecutionCompleted)[0]
    assert isinstance(completed, ToolExecutionCompleted)
    assert completed.result == {"got": {}}


def test_a_model_that_never_gets_it_right_is_stopped_by_the_budget_and_by_nothing_else(
    chat: Configured, provider: Provider
) -> None:
    for _ in range(30):
        provider.say(Call("subtract", {}))
    provider.say(Text("I give up."))
    turn = chat.turn(functions={"add": add})
    chat.complete(turn)
    assert turn.text == "I give up."


def test_ids_that_a_server_uses_twice_are_told_apart(chat: Configured, provider: Provider) -> None:
    provider.say(Call("add", {"a": 1, "b": 1}, id="call_0"), Call("add", {"a": 2, "b": 2}, id="call_0"))
    provider.say(Call("add", {"a": 3, "b": 3}, id="call_0"))
    provider.say(Text("Done."))
    turn = chat.turn(functions={"add": add})
    chat.complete(turn)
    ids = [event.id for event in turn.events if isinstance(event, ToolCallRequested)]
    assert len(set(ids)) == len(ids) == 3
    results = {event.id: event.result for event in turn.events if isinstance(event, ToolExecutionCompleted)}
    assert [results[call_id] for call_id in ids] == [{"sum": 2}, {"sum": 4}, {"sum": 6}]
    assert provider.refusals == []


@pytest.mark.parametrize("result", [None, 0, "", [], {"deep": [1, {"x": None}]}, "漢字" * 1000, True])
def test_a_tool_may_return_any_json(agents: Configured, provider: Provider, result: JSON) -> None:
    async def give(_args: JSON) -> ToolOutcome:
        return ToolOutcome(result)

    provider.say(Call("give", {}))
    provider.say(Text("Thanks."))
    turn = agents.turn(functions={"give": give})
    agents.complete(turn)
    assert turn.text == "Thanks."
    assert provider.refusals == []


def test_what_the_turn_raises_while_a_tool_runs_ends_the_turn_as_it_is(chat: Configured, provider: Provider) -> None:
    async def spend(_args: JSON) -> ToolOutcome:
        raise BudgetExhausted("no more tool calls", budget_type="tool_calls")

    provider.say(Call("spend", {}))
    with pytest.raises(BudgetExhausted, match="no more tool calls"):
        chat.complete(chat.turn(functions={"spend": spend}))


def test_an_interrupt_reaches_a_running_tool(chat: Configured, provider: Provider) -> None:
    async def test() -> None:
        began, ended = asyncio.Event(), asyncio.Event()

        async def wait(_args: JSON) -> ToolOutcome:
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            return ToolOutcome(None)

        provider.say(Call("wait", {}))
        running = asyncio.ensure_future(chat.run(chat.turn(functions={"wait": wait})))
        await began.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert ended.is_set()

    on_a_loop(test)


def test_tools_that_appear_in_mid_turn_are_offered_with_the_next_call(chat: Configured, provider: Provider) -> None:
    async def learn(_args: JSON) -> ToolOutcome:
        turn.functions = {"learn": learn, "add": add}
        return ToolOutcome("learned")

    provider.say(Call("learn", {}))
    provider.say(Text("Now I can add."))
    turn = chat.turn(functions={"learn": learn})
    chat.complete(turn)
    offered = [{tool["function"]["name"] for tool in body["tools"]} for body in provider.bodies]
    assert offered == [{"learn"}, {"learn", "add"}]


def test_a_resumed_turn_runs_the_calls_it_had_left_and_goes_on(agents: Configured, provider: Provider) -> None:
    turn = agents.turn("Add.", functions={"add": add}, resumed=True)
    calls = (ToolCall("1", "add", {"a": 1, "b": 1}), ToolCall("2", "add", {"a": 2, "b": 2}))
    turn.began = [
        Message("user", "Add.", turn.turn_id, 0),
        Message("assistant", "", turn.turn_id, 0, tool_calls=calls),
        Message("tool", '{"sum":2}', turn.turn_id, 0, tool_result=ToolResult("1", "add")),
    ]
    provider.say(Text("Two and four."))
    agents.complete(turn)
    assert turn.kinds[:4] == [
        "tool_execution_started",
        "tool_execution_completed",
        "tool_result_received",
        "turn_started",
    ]
    assert [event.id for event in turn.events if isinstance(event, ToolResultReceived)] == ["2"]
    assert turn.events[3].turn_number == 2  # type: ignore[attr-defined]
    assert provider.refusals == []
    assert turn.text == "Two and four."
