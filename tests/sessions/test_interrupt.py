"""Interrupting turns: at once, the right one, and without harm to anything else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from meerkat_rpc.agents.base import AgentResult, AgentTurn
from meerkat_rpc.domain import AgentConfig, TextDelta, TurnStarted
from meerkat_rpc.errors import SessionNotFound, TurnInterrupted
from meerkat_rpc.ids import new_id
from meerkat_rpc.sessions.service import CreateSession
from tests.sessions.services import HANGS, Services, echo, hanging, log, make, says, script, start, types

Run = Callable[[Any], Any]


def test_an_interrupt_keeps_what_was_said_and_the_session(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn = await hanging(service, "so far")
            assert await service.interrupt(turn.session_id)
            with pytest.raises(TurnInterrupted) as caught:
                await turn.result()
            assert caught.value.data["text"] == "so far"
            assert caught.value.data["turn_id"] == turn.turn_id
            messages = (await service.history(turn.session_id, 0, 10)).messages
            assert (messages[-1].content, messages[-1].partial) == ("so far", True)
            last = orjson.loads((await log(service, turn.session_id))[-1].body)
            assert (last["type"], last["reason"]) == ("run_failed", "cancelled")
            assert (await echo(service, turn.session_id, "on")).text == "on"

    run(scenario())


def test_an_interrupt_that_names_another_turn_does_nothing(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn = await hanging(service)
            assert not await service.interrupt(turn.session_id, new_id())
            assert (await service.read(turn.session_id)).summary.is_active
            assert await service.interrupt(turn.session_id, turn.turn_id)

    run(scenario())


def test_an_interrupt_of_the_last_turn_does_not_hit_the_next(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id, old = await make(service, "one"), new_id()
            await (await start(service, session_id, "two", turn_id=old)).result()
            turn = await start(service, session_id, "three", says("x", {"sleep_ms": 20}))
            assert not await service.interrupt(session_id, old)
            assert (await turn.result()).text == "x"

    run(scenario())


def test_nothing_running_is_not_interrupted(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            assert not await service.interrupt(await make(service, "one"))
            with pytest.raises(SessionNotFound):
                await service.interrupt(new_id())

    run(scenario())


def test_an_interrupt_before_the_agent_began_still_counts(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service, None, says("x"))
            turn, interrupted = await asyncio.gather(
                start(service, session_id), _until_true(lambda: service.interrupt(session_id))
            )
            assert interrupted
            with pytest.raises(TurnInterrupted):
                await turn.result()

    run(scenario())


async def _until_true(ask: Callable[[], Any]) -> bool:
    while not await ask():  # noqa: ASYNC110 - what is asked for is the outside's to see
        await asyncio.sleep(0)
    return True


def test_many_interrupts_at_once_end_one_turn_once(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn = await hanging(service)
            assert all(await asyncio.gather(*(service.interrupt(turn.session_id) for _ in range(10))))
            assert types(await log(service, turn.session_id)).count("run_failed") == 1

    run(scenario())


def test_an_interrupt_against_a_finishing_turn_has_one_outcome(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service, None, says("x"))
            for pauses in range(30):
                turn = await start(service, session_id, f"turn {pauses}")
                for _ in range(pauses):
                    await asyncio.sleep(0)
                interrupted = await service.interrupt(session_id, turn.turn_id)
                try:
                    await turn.result()
                    completed = True
                except TurnInterrupted:
                    completed = False
                assert completed != interrupted
            ends = [kind for kind in types(await log(service, session_id)) if kind in {"run_completed", "run_failed"}]
            assert len(ends) == 30

    run(scenario())


def test_an_agent_that_will_not_stop_is_left_behind(services: Services, run: Run) -> None:
    let_go = asyncio.Event()

    async def stubborn(turn: AgentTurn) -> AgentResult:
        await turn.emit(TurnStarted(1))
        await turn.emit(TextDelta("never"))
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        await turn.emit(TextDelta("too late"))
        return AgentResult()

    async def scenario() -> None:
        services.behave("stubborn", stubborn)
        async with services.open() as service:
            created = await service.create(CreateSession("x", AgentConfig(model="stubborn")))
            assert created.turn is not None
            await _until_true(lambda: _has(service, created.session_id, "text_delta"))
            assert await service.interrupt(created.session_id)
            assert (await service.read(created.session_id)).last_assistant_text == "never"
            assert (
                await (await start(service, created.session_id, "y", AgentConfig(model="echo"))).result()
            ).text == "y"
            before = await log(service, created.session_id)
            let_go.set()
            await asyncio.sleep(0.01)
            assert await log(service, created.session_id) == before

    run(scenario())


async def _has(service: Any, session_id: str, kind: str) -> bool:
    return kind in types(await log(service, session_id))


def test_an_open_tool_call_is_closed_as_interrupted(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            slow = {"tool": {"name": "slow", "args": {}, "result": "x", "ms": 600_000}}
            created = await service.create(CreateSession("use it", script({"text": "using "}, slow)))
            await _until_true(lambda: _has(service, created.session_id, "tool_execution_started"))
            assert await service.interrupt(created.session_id)
            messages = (await service.history(created.session_id, 0, 10)).messages
            assert [message.role for message in messages] == ["user", "assistant", "tool"]
            assert messages[2].tool_result is not None
            assert messages[2].tool_result.is_error
            assert messages[2].tool_result.id == messages[1].tool_calls[0].id

    run(scenario())


def test_a_turn_that_streams_without_pause_can_be_interrupted(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            created = await service.create(CreateSession("x", script({"text": "word ", "repeat": 50_000_000})))
            await _until_true(lambda: _has(service, created.session_id, "text_delta"))
            assert await service.interrupt(created.session_id)
            view = await service.read(created.session_id)
            assert view.last_assistant_text is not None
            assert view.last_assistant_text.startswith("word word ")

    run(scenario())


def test_closing_the_service_interrupts_and_keeps_what_was_said(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as service:
            turn = await hanging(service, "half")
        with pytest.raises(TurnInterrupted):
            await turn.result()
        async with stored.open() as service:
            assert (await service.read(turn.session_id)).last_assistant_text == "half"
            last = orjson.loads((await log(service, turn.session_id))[-1].body)
            assert (last["type"], last["reason"]) == ("run_failed", "host_exit")

    run(scenario())


def test_the_hanging_step_hangs(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn = (await service.create(CreateSession("x", script(HANGS)))).turn
            assert turn is not None
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(turn.result(), 0.05)
            assert (await service.read(turn.session_id)).summary.is_active

    run(scenario())
