"""Budgets: warned of, ended by, counted over turns; nothing of what was said is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from attrs import evolve

from meerkat_rpc.domain import AgentConfig
from meerkat_rpc.errors import BudgetExhausted
from meerkat_rpc.sessions.surroundings import Surroundings
from tests.sessions.services import HANGS, Services, asking, documents, log, make, script, start

Run = Callable[[Coroutine[Any, Any, Any]], Any]

TOOL: dict[str, Any] = {"tool": {"name": "t", "result": 1}}
USES: dict[str, Any] = {"usage": {"input_tokens": 30, "output_tokens": 10}}

ROUNDS = [step for number in range(5) for step in ({"text": f"{number} "}, USES, TOOL)]
"""Five model calls of 40 tokens that each ask for a tool."""


def limited(scope: str, kind: str, limit: int, *steps: dict[str, Any]) -> AgentConfig:
    return evolve(script(*(steps or ROUNDS), {"text": "end"}), budget={scope: {kind: limit}})


@pytest.mark.parametrize("scope", ["turn", "session"])
@pytest.mark.parametrize(
    ("kind", "limit", "used", "text", "warned"),
    [
        ("model_calls", 3, 3, "0 1 2 ", [3]),
        ("model_calls", 1, 1, "0 ", [1]),
        ("tool_calls", 2, 2, "0 1 2 ", [2]),
        ("tool_calls", 0, 0, "0 ", []),
        ("tokens", 100, 120, "0 1 2 ", [80]),
        ("tokens", 40, 40, "0 ", [40]),
    ],
)
def test_a_turn_ends_where_its_budget_does_and_keeps_what_it_said(
    services: Services, run: Run, scope: str, kind: str, limit: int, used: int, text: str, warned: list[int]
) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service, config=limited(scope, kind, limit))
            with pytest.raises(BudgetExhausted, match=f"budget.{scope}.{kind}") as caught:
                await (await start(service, session_id)).result()
            data = {name: caught.value.data[name] for name in ("budget_type", "used", "limit")}
            assert data == {"budget_type": f"{scope}_{kind}", "used": used, "limit": limit}
            events = documents(await log(service, session_id))
            assert (events[-1]["type"], events[-1]["reason"]) == ("run_failed", "budget")
            assert [event["used"] for event in events if event["type"] == "budget_warning"] == warned
            messages = (await service.history(session_id, 0, 100)).messages
            assert "".join(message.content for message in messages if message.role == "assistant") == text

    run(scenario())


@pytest.mark.parametrize(("kind", "limit"), [("model_calls", 8), ("tool_calls", 7), ("tokens", 300)])
def test_a_sessions_budget_is_used_up_by_all_its_turns(services: Services, run: Run, kind: str, limit: int) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service, config=limited("session", kind, limit))
            assert (await (await start(service, session_id)).result()).stop_reason == "end_turn"
            with pytest.raises(BudgetExhausted):
                await (await start(service, session_id)).result()
            with pytest.raises(BudgetExhausted):
                await (await start(service, session_id)).result()
            await service.update(session_id, None, None, AgentConfig(budget={"session": {kind: 10_000}}))
            assert (await (await start(service, session_id)).result()).stop_reason == "end_turn"

    run(scenario())


def test_an_answer_that_is_complete_is_not_taken_back_for_having_cost_too_much(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service, config=limited("turn", "tokens", 1, {"text": "long "}, USES))
            assert (await (await start(service, session_id)).result()).text == "long end"

    run(scenario())


@pytest.mark.parametrize("scope", ["turn", "session"])
def test_time_ends_a_turn_where_it_stands(services: Services, run: Run, scope: str) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service, config=limited(scope, "duration_ms", 200, {"text": "so far"}, HANGS))
            with pytest.raises(BudgetExhausted, match="200 ms"):
                await (await start(service, session_id)).result()
            events = documents(await log(service, session_id))
            (warning,) = [event for event in events if event["type"] == "budget_warning"]
            assert 80 <= warning["percent"] <= 150
            assert (await service.read(session_id)).last_assistant_text == "so far"
            if scope == "session":
                with pytest.raises(BudgetExhausted):
                    await (await start(service, session_id)).result()

    run(scenario())


def test_time_that_a_turn_waits_for_a_person_is_not_its_own(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            config = limited("turn", "duration_ms", 300, {"approval": {"summary": "?"}}, {"text": "x"})
            turn, approval_id = await asking(service, config)
            await asyncio.sleep(0.5)  # the time itself is what is tested
            await service.respond(approval_id, "allow")
            assert (await turn.result()).text == "xend"
            assert (await service.read(turn.session_id)).head.spent.duration_ms < 300

    run(scenario())


def test_what_is_configured_holds_where_a_turn_says_nothing_else(services: Services, run: Run) -> None:
    async def scenario() -> None:
        settings = Surroundings().settings_for(None)._replace(budget={"turn": {"model_calls": 2}})
        services.surroundings = Surroundings(settings_for=lambda _: settings)
        async with services.open() as service:
            session_id = await make(service, config=script(*ROUNDS))
            with pytest.raises(BudgetExhausted):
                await (await start(service, session_id)).result()
            more = AgentConfig(budget={"turn": {"model_calls": 100}})
            assert (await (await start(service, session_id, config=more)).result()).stop_reason == "end_turn"

    run(scenario())


def test_limits_of_a_turn_do_not_lift_those_of_its_session(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service, config=limited("session", "model_calls", 2))
            with pytest.raises(BudgetExhausted, match=r"budget.session.model_calls"):
                await (await start(service, session_id, config=AgentConfig(budget={"turn": {"tokens": 1000}}))).result()

    run(scenario())
