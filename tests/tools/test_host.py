"""Tools that the host lends, in turns of a real service: deadlines, failures, odd and huge answers, several at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from meerkat_rpc.agents.base import AgentResult, AgentTurn
from meerkat_rpc.domain import AgentConfig, TextComplete, ToolCallRequested, TurnCompleted, TurnStarted, Usage
from meerkat_rpc.errors import CapabilityUnavailable
from meerkat_rpc.sessions.surroundings import Surroundings
from meerkat_rpc.sessions.turn_tools import MAX_RESULT_BYTES
from meerkat_rpc.tools.base import ToolDefinition, ToolOutcome
from meerkat_rpc.tools.host import HostError, HostTools
from tests.sessions.services import Services, log, make, start, types

Answer = Callable[[Mapping[str, Any]], Awaitable[Any]]

KINDS = ("ephemeral", "disk")


def calling(answer: Answer, *names: str, kind: str, path: Path, timeout_s: float = 30) -> tuple[list[Any], list[str]]:
    """Run a turn that calls the host's tools at once; return what the model is told, and the types of the events."""
    host, outcomes = HostTools(), list[ToolOutcome]()

    async def ask(method: str, params: Mapping[str, Any]) -> Any:
        assert method == "tool/execute"
        return await answer(params)

    async def calls(turn: AgentTurn) -> AgentResult:
        await turn.emit(TurnStarted(1))
        for index, name in enumerate(names):
            await turn.emit(ToolCallRequested(f"c{index}", name, {"n": index}))
        await turn.emit(TurnCompleted("tool_use", Usage()))
        running = (turn.run_tool(f"c{index}", name, {"n": index}) for index, name in enumerate(names))
        outcomes.extend(await asyncio.gather(*running))
        await turn.emit(TurnStarted(2))
        await turn.emit(TextComplete("done"))
        await turn.emit(TurnCompleted("end_turn", Usage()))
        return AgentResult()

    async def scenario() -> list[str]:
        host.connect(ask)
        host.register([ToolDefinition("tool", "", {"type": "object"}, "host", timeout_s=timeout_s)])
        services = Services(kind, path)
        services.surroundings = Surroundings([host])
        services.behave("calls", calls)
        async with services.open() as service:
            session_id = await make(service, config=AgentConfig(model="calls"))
            assert (await (await start(service, session_id)).result()).text == "done"
            return types(await log(service, session_id))

    told = asyncio.run(asyncio.wait_for(scenario(), 30))
    return outcomes, told


@pytest.mark.parametrize("kind", KINDS)
def test_several_calls_are_under_way_at_once_and_each_has_its_own_answer(kind: str, tmp_path: Path) -> None:
    under_way: list[int] = []
    all_there = asyncio.Event()

    async def answer(params: Mapping[str, Any]) -> Any:
        under_way.append(params["args"]["n"])
        if len(under_way) == 5:
            all_there.set()
        await all_there.wait()
        return {"result": params["args"]["n"], "is_error": params["args"]["n"] == 3}

    outcomes, _ = calling(answer, *["tool"] * 5, kind=kind, path=tmp_path)
    assert outcomes == [ToolOutcome(number, number == 3) for number in range(5)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_takes_too_long_is_given_up(kind: str, tmp_path: Path) -> None:
    given_up: list[str] = []

    async def answer(params: Mapping[str, Any]) -> Any:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            given_up.append(params["id"])
            raise

    outcomes, told = calling(answer, "tool", kind=kind, path=tmp_path, timeout_s=0.05)
    assert outcomes == [ToolOutcome("timed out after 50 ms", is_error=True)]
    assert "tool_execution_timed_out" in told
    assert given_up == ["c0"]


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ({"result": None}, ToolOutcome(None)),
        ({"result": 1, "is_error": "yes"}, ToolOutcome(1)),
        ({"result": 1, "more": 2}, ToolOutcome({"result": 1, "more": 2})),
        ({}, ToolOutcome({})),
        ([], ToolOutcome([])),
        (None, ToolOutcome(None)),
        ("ünïcödé \0", ToolOutcome("ünïcödé \0")),
    ],
)
def test_an_answer_of_any_shape_is_one(said: Any, outcome: ToolOutcome, tmp_path: Path) -> None:
    async def answer(_: Mapping[str, Any]) -> Any:
        return said

    assert calling(answer, "tool", kind="disk", path=tmp_path)[0] == [outcome]


@pytest.mark.parametrize("error", [HostError("the buffer is gone"), RuntimeError("x"), TimeoutError()])
def test_a_failure_is_told_to_the_model(error: Exception, tmp_path: Path) -> None:
    async def answer(_: Mapping[str, Any]) -> Any:
        raise error

    outcomes, _ = calling(answer, "tool", kind="ephemeral", path=tmp_path)
    assert outcomes[0].is_error
    assert str(error) in outcomes[0].result


def test_a_tool_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    async def answer(_: Mapping[str, Any]) -> Any:
        raise AssertionError

    outcomes, _ = calling(answer, "nothing", kind="ephemeral", path=tmp_path)
    assert outcomes == [ToolOutcome("no tool 'nothing'; there are: tool", is_error=True)]


@pytest.mark.parametrize("text", ["x" * 5_000_000, "語" * 2_000_000, ["a\n"] * 1_000_000])
def test_of_a_huge_result_the_beginning_and_the_end_are_kept(text: Any, tmp_path: Path) -> None:
    async def answer(_: Mapping[str, Any]) -> Any:
        return {"result": text}

    (outcome,), _ = calling(answer, "tool", kind="disk", path=tmp_path)
    assert "left out" in outcome.result
    assert len(outcome.result.encode()) <= MAX_RESULT_BYTES
    assert outcome.result[0] == text[0] or outcome.result.startswith('["a')


def test_a_host_that_is_gone_lends_nothing() -> None:
    host = HostTools()
    with pytest.raises(CapabilityUnavailable):
        host.register([])
