"""Interrupting a turn that another process runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from meerkat_rpc.agents.base import AgentResult, AgentTurn
from meerkat_rpc.domain import AgentConfig, TextDelta, TurnOutcome
from meerkat_rpc.errors import SessionBusy, SessionNotFound, TurnInterrupted
from meerkat_rpc.ids import new_id
from meerkat_rpc.sessions import neighbours, remote_interrupts
from meerkat_rpc.sessions.service import CreateSession, StartTurn
from tests.sessions.services import HANGS, Services, asking, hanging, make, said, says, script, start, until

Run = Callable[[Any], Any]


def test_it_ends_at_once_and_what_it_said_is_kept(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as one, stored.open() as two:
            turn = await hanging(one, "so far")
            clock = asyncio.get_running_loop().time
            asked = clock()
            assert await two.interrupt(turn.session_id, turn.turn_id)
            assert clock() - asked < remote_interrupts.PATIENCE_S  # a third of a second where nothing else is going on
            with pytest.raises(TurnInterrupted):
                await turn.result()
            view = await two.read(turn.session_id)
            assert view.head.last_turn is not None
            assert (view.head.last_turn.outcome, view.last_assistant_text) == (TurnOutcome.INTERRUPTED, "so far")
            assert (await two.history(turn.session_id, 0, 10)).messages[-1].partial
            assert not await two.interrupt(turn.session_id)

    run(scenario())


def test_of_many_turns_that_a_process_runs_it_ends_the_one_that_is_meant(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as one, stored.open() as two:
            turns = [await hanging(one, "so far") for _ in range(10)]
            assert not await two.interrupt(turns[0].session_id, new_id())
            assert await two.interrupt(turns[4].session_id)
            running = [(await two.read(turn.session_id)).summary.is_active for turn in turns]
            assert running == [number != 4 for number in range(10)]
            assert all(
                await asyncio.gather(*(two.interrupt(turn.session_id) for turn in turns if turn is not turns[4]))
            )

    run(scenario())


def test_the_turn_behind_it_in_the_queue_is_let_run(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as one, stored.open() as two:
            turn = await hanging(one)
            await two.enqueue(StartTurn(turn.session_id, "next", says("done")))
            assert await two.interrupt(turn.session_id)

            async def is_over() -> bool:
                view = await two.read(turn.session_id)
                return view.head.turn_count == 2 and not view.summary.is_active

            await until(is_over)
            assert (await two.read(turn.session_id)).last_assistant_text == "done"

    run(scenario())


def test_a_turn_that_waits_for_an_answer_in_a_living_process_ends_too(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as one, stored.open() as two:
            approval = {"approval": {"summary": "May I?", "choices": ["yes", "no"]}}
            turn, _ = await asking(one, script({"text": "before"}, approval))
            assert await two.interrupt(turn.session_id)
            assert await two.waiting() == []
            with pytest.raises(TurnInterrupted):
                await turn.result()

    run(scenario())


def test_one_that_completes_all_the_same_was_not_interrupted(stored: Services, run: Run) -> None:
    async def stubborn(turn: AgentTurn) -> AgentResult:
        await turn.emit(TextDelta("begun"))
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            await asyncio.sleep(0.05)
        return AgentResult("end_turn")

    async def scenario() -> None:
        stored.behave("stubborn", stubborn)
        async with stored.open() as one, stored.open() as two:
            created = await one.create(CreateSession("go", AgentConfig(model="stubborn")))
            assert created.turn is not None
            await said(created.turn, "begun")
            assert not await two.interrupt(created.session_id)
            assert (await created.turn.result()).text == "begun"

    run(scenario())


def test_where_its_process_does_not_react_the_owner_is_named_and_the_wish_forgotten(
    stored: Services, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "LOOK_S", 600)
    monkeypatch.setattr(remote_interrupts, "PATIENCE_S", 0.2)

    async def scenario() -> None:
        async with stored.open() as one, stored.open() as two:
            turn = await hanging(one)
            with pytest.raises(SessionBusy) as caught:
                await two.interrupt(turn.session_id)
            assert caught.value.data["owner"]["pid"] > 0
            assert (await one.read(turn.session_id)).summary.is_active
            store = stored.store()
            await store.open()
            assert await store.stops() == {}
            await store.close()

    run(scenario())


def test_a_session_that_is_deleted_meanwhile_is_not_there(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as one, stored.open() as two:
            turn = await hanging(one)
            interrupting = asyncio.create_task(two.interrupt(turn.session_id))
            await one.delete(turn.session_id)
            with pytest.raises(SessionNotFound):
                await interrupting

    run(scenario())


def test_a_process_that_runs_nothing_does_not_look(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as one:
            session_id = await make(one, None, says("so far", HANGS))
            assert not _looks()
            await start(one, session_id)
            assert _looks()
            await one.interrupt(session_id)

            async def rests() -> bool:
                return not _looks()

            await until(rests)

    run(scenario())


def _looks() -> bool:
    return any(task.get_name() == "neighbours" for task in asyncio.all_tasks())
