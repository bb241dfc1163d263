"""Running turns: admission, results, failures, exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from meerkat_rpc.agents.base import AgentResult, AgentTurn
from meerkat_rpc.domain import AgentConfig, TextDelta, TurnStarted, Usage
from meerkat_rpc.errors import (
    AgentError,
    BudgetExhausted,
    InvalidArgument,
    MeerkatError,
    ProviderError,
    SessionBusy,
    SessionNotFound,
    TurnInterrupted,
)
from meerkat_rpc.ids import new_id
from meerkat_rpc.sessions.service import CreateSession, SessionService
from tests.sessions.services import Services, hanging, log, make, says, script, start, types

Run = Callable[[Any], Any]


def test_a_first_turn_answers_with_what_the_agent_said(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            created = await service.create(CreateSession("hello big world", AgentConfig(model="echo")))
            assert created.turn is not None
            result = await created.turn.result()
            assert (result.text, result.turns, result.tool_calls, result.stop_reason) == (
                "hello big world",
                1,
                0,
                "end_turn",
            )
            assert result.usage == result.turn_usage == Usage(3, 3)

    run(scenario())


def test_usage_adds_up_over_turns(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service, "one two")
            result = await (await start(service, session_id, "three")).result()
            assert result.turn_usage == Usage(1, 1)
            assert result.usage == Usage(3, 3)
            assert (await service.read(session_id)).head.usage == Usage(3, 3)

    run(scenario())


def test_a_deferred_session_waits_for_its_first_turn(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            created = await service.create(CreateSession(None, AgentConfig(model="echo")))
            assert created.turn is None
            assert (await service.read(created.session_id)).summary.message_count == 0
            assert (await (await start(service, created.session_id, "now")).result()).text == "now"

    run(scenario())


def test_exactly_one_of_racing_turns_is_admitted(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service, None, says("x"))
            raced = await asyncio.gather(
                *(start(service, session_id, f"racer {number}") for number in range(20)), return_exceptions=True
            )
            won = [turn for turn in raced if not isinstance(turn, BaseException)]
            assert len(won) == 1
            assert all(isinstance(loser, SessionBusy) for loser in raced if isinstance(loser, BaseException))
            await won[0].result()
            assert (await service.read(session_id)).summary.message_count == 2

    run(scenario())


def test_creates_run_concurrently(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turns = await asyncio.gather(*(hanging(service) for _ in range(10)))
            assert (await service.health()).running_turns == 10
            await asyncio.gather(*(service.interrupt(turn.session_id) for turn in turns))

    run(scenario())


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ({"fail": "no key", "code": "PROVIDER_ERROR"}, ProviderError),
        ({"fail": "enough", "code": "BUDGET_EXHAUSTED"}, BudgetExhausted),
        ({"fail": "oops"}, AgentError),
    ],
)
def test_a_failed_first_turn_is_kept_and_the_session_goes_on(
    services: Services, run: Run, step: dict[str, Any], error: type[MeerkatError]
) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            created = await service.create(CreateSession("try", says("partly", step)))
            assert created.turn is not None
            with pytest.raises(error):
                await created.turn.result()
            view = await service.read(created.session_id)
            assert view.head.last_turn is not None
            assert view.head.last_turn.outcome.value == "failed"
            assert view.last_assistant_text == "partly"
            result = await (await start(service, created.session_id, "again", AgentConfig(model="echo"))).result()
            assert result.text == "again"
            assert types(await log(service, created.session_id)).count("run_failed") == 1

    run(scenario())


@pytest.mark.parametrize(
    "raised",
    [
        ValueError("v"),
        SystemExit(3),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
        RecursionError(),
        StopIteration(),
        GeneratorExit(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_an_agent_raises_the_session_stays_usable(services: Services, run: Run, raised: BaseException) -> None:
    async def behaviour(turn: AgentTurn) -> AgentResult:
        await turn.emit(TurnStarted(1))
        await turn.emit(TextDelta("before the fall"))
        raise raised

    async def scenario() -> None:
        services.behave("falls", behaviour)
        async with services.open() as service:
            created = await service.create(CreateSession("x", AgentConfig(model="falls")))
            assert created.turn is not None
            with pytest.raises(AgentError):
                await created.turn.result()
            assert (await service.read(created.session_id)).last_assistant_text == "before the fall"
            assert (
                await (await start(service, created.session_id, "y", AgentConfig(model="echo"))).result()
            ).text == "y"

    run(scenario())


def test_an_unknown_model_fails_the_turn_and_keeps_the_prompt(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            created = await service.create(CreateSession("precious", AgentConfig(model="parrot-99")))
            assert created.turn is not None
            with pytest.raises(ProviderError, match="parrot-99"):
                await created.turn.result()
            page = await service.history(created.session_id, 0, 10)
            assert [message.content for message in page.messages] == ["precious"]

    run(scenario())


def test_every_run_opens_and_closes_once_with_contiguous_numbers(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            tool = {"tool": {"name": "look", "args": {"at": 1}, "result": {"found": True}}}
            session_id = await make(service, "a", script({"reasoning": "hm"}, {"text": "one "}, tool, {"text": "two"}))
            await (await start(service, session_id, "b")).result()
            events = await log(service, session_id)
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            half = types(events)[: len(events) // 2]
            assert half == types(events)[len(events) // 2 :]
            assert half == [
                "run_started",
                "turn_started",
                "reasoning_delta",
                "reasoning_complete",
                "text_delta",
                "tool_call_requested",
                "text_complete",
                "turn_completed",
                "tool_execution_started",
                "tool_execution_completed",
                "tool_result_received",
                "turn_started",
                "text_delta",
                "text_complete",
                "turn_completed",
                "run_completed",
            ]
            messages = (await service.history(session_id, 0, 100)).messages
            assert [message.role for message in messages[:4]] == ["user", "assistant", "tool", "assistant"]
            assert messages[1].reasoning == "hm"
            assert messages[2].content == '{"found":true}'

    run(scenario())


def test_the_streamed_events_are_the_logged_ones(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            created = await service.create(CreateSession("x", script({"text": "word ", "repeat": 5000})))
            assert created.turn is not None
            streamed = [event async for batch in created.turn.events() for event in batch]
            await created.turn.result()
            assert streamed == await log(service, created.session_id)

    run(scenario())


# -- exactly once ------------------------------------------------------------------------------------------------


def test_a_repeat_of_a_committed_turn_returns_its_result_and_runs_nothing(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id, turn_id = await make(service, "first"), new_id()
            result = await (await start(service, session_id, "second", turn_id=turn_id)).result()
            await (await start(service, session_id, "third")).result()
            again = await start(service, session_id, "second", turn_id=turn_id)
            assert again.replayed
            assert await again.result() == result
            assert (await service.read(session_id)).summary.message_count == 6

    run(scenario())


def test_a_repeat_of_a_running_turn_waits_for_it(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id, turn_id = await make(service, None, says("done", {"sleep_ms": 50})), new_id()
            first = await start(service, session_id, "x", turn_id=turn_id)
            second = await start(service, session_id, "x", turn_id=turn_id)
            assert (first.replayed, second.replayed) == (False, True)
            assert await first.result() == await second.result()

    run(scenario())


def test_a_repeat_of_an_interrupted_turn_says_so_and_runs_nothing(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn = await hanging(service, "half", turn_id=new_id())
            assert await service.interrupt(turn.session_id)
            again = await start(service, turn.session_id, "begin", turn_id=turn.turn_id)
            with pytest.raises(TurnInterrupted) as caught:
                await again.result()
            assert caught.value.data["text"] == "half"
            assert (await service.read(turn.session_id)).summary.message_count == 2

    run(scenario())


def test_a_repeat_of_a_failed_turn_fails_the_same_way(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id, turn_id = await make(service, None, script({"fail": "no", "code": "PROVIDER_ERROR"})), new_id()
            for _ in range(2):
                with pytest.raises(ProviderError, match="no"):
                    await (await start(service, session_id, "x", turn_id=turn_id)).result()
            assert (await service.read(session_id)).summary.message_count == 1

    run(scenario())


def test_a_turn_id_with_another_prompt_is_refused(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn_id = new_id()
            session_id = await make(service, "this", turn_id=turn_id)
            with pytest.raises(InvalidArgument, match="turn_id"):
                await start(service, session_id, "that", turn_id=turn_id)

    run(scenario())


@pytest.mark.parametrize("given", [{"session_id"}, {"turn_id"}, {"session_id", "turn_id"}], ids=sorted)
def test_a_repeated_create_finds_the_session_by_either_id(services: Services, run: Run, given: set[str]) -> None:
    async def scenario() -> None:
        ids: dict[str, Any] = {name: new_id() for name in given}
        async with services.open() as service:
            first = await service.create(CreateSession("hello", AgentConfig(model="echo"), **ids))
            assert first.turn is not None
            result = await first.turn.result()
            second = await service.create(CreateSession("hello", AgentConfig(model="echo"), **ids))
            assert second.turn is not None
            assert second.turn.replayed
            assert await second.turn.result() == result
            with pytest.raises(InvalidArgument):
                await service.create(CreateSession("something else", AgentConfig(model="echo"), **ids))

    run(scenario())


def test_concurrent_creates_with_the_same_ids_make_one_session(services: Services, run: Run) -> None:
    async def scenario() -> None:
        ids: dict[str, Any] = {"session_id": new_id(), "turn_id": new_id()}

        async def create(service: SessionService) -> str:
            created = await service.create(CreateSession("hello", AgentConfig(model="echo"), **ids))
            assert created.turn is not None
            return (await created.turn.result()).turn_id

        async with services.open() as service:
            turns = await asyncio.gather(*(create(service) for _ in range(5)))
            assert set(turns) == {ids["turn_id"]}
            assert (await service.read(ids["session_id"])).summary.message_count == 2

    run(scenario())


def test_turns_of_unknown_sessions_are_refused(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            with pytest.raises(SessionNotFound):
                await start(service, new_id(), "x")

    run(scenario())


def test_reading_and_listing_answer_while_turns_run(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn = await hanging(service)
            view = await service.read(turn.session_id)
            assert (view.summary.state, view.summary.is_active) == ("running", True)
            assert view.head.running is not None
            assert view.head.running.turn_id == turn.turn_id
            await service.interrupt(turn.session_id)

    run(scenario())


def test_a_model_of_one_turn_does_not_stick(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service, "a")
            await (await start(service, session_id, "b", says("other"))).result()
            assert (await service.read(session_id)).head.config.model == "echo"
            assert (await (await start(service, session_id, "c")).result()).text == "c"

    run(scenario())
