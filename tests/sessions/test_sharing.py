"""Two processes, one store: what one does as the other sees it, and what becomes of a session whose process is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from attrs import evolve

from meerkat_rpc.agents.base import AgentResult, AgentTurn
from meerkat_rpc.domain import AgentConfig, LoggedEvent, Owner, TextDelta
from meerkat_rpc.errors import InvalidArgument, SessionBusy, SessionNotFound, StoreError, TurnInterrupted
from meerkat_rpc.ids import new_id
from meerkat_rpc.processes import this_process
from meerkat_rpc.sessions import lease
from meerkat_rpc.sessions.service import CreateSession, ListQuery, SessionService
from tests.sessions.services import Services, echo, hanging, log, make, said, says, start, types

Run = Callable[[Any], Any]


def elsewhere() -> Owner:
    """Return this process as it would look from another machine: only its lease tells whether it is alive."""
    return evolve(this_process(), host="elsewhere")


@pytest.fixture
def expired(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every lease run out at once, as that of a process that was stopped does."""
    monkeypatch.setattr(lease, "LEASE_MS", 0)


async def follow(service: SessionService, session_id: str, seen: list[LoggedEvent]) -> None:
    """Put the session's events into ``seen``, to the end."""
    async for batch in service.subscribe(session_id, 0):
        seen += batch


async def until(holds: Callable[[], bool]) -> None:
    """Wait until ``holds``; the guard against hangs is the runner's."""
    while not holds():  # noqa: ASYNC110 - what is waited for happens in another service
        await asyncio.sleep(0.01)


def test_a_second_service_sees_what_the_first_did_and_is_refused_while_it_runs(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as one, stored.open() as two:
            turn = await hanging(one, "busy")
            with pytest.raises(SessionBusy) as caught:
                await start(two, turn.session_id)
            assert caught.value.data["owner"]["pid"] > 0
            assert (await two.read(turn.session_id)).summary.is_active
            assert (await two.list(ListQuery())).sessions[0].is_active
            await one.interrupt(turn.session_id)
            assert (
                await (await start(two, turn.session_id, "mine", AgentConfig(model="echo"))).result()
            ).text == "mine"
            assert (
                await (await start(one, turn.session_id, "mine again", AgentConfig(model="echo"))).result()
            ).text == "mine again"
            await two.archive(turn.session_id)
            with pytest.raises(SessionNotFound):
                await start(one, turn.session_id)

    run(scenario())


def test_a_session_run_elsewhere_is_followed_without_gap_or_repeat(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as one, stored.open() as two:
            session_id = await make(one, "before")
            seen: list[int] = []

            async def watch() -> None:
                async for batch in two.subscribe(session_id, 0):
                    seen.extend(event.seq for event in batch)

            watching = asyncio.create_task(watch())
            for number in range(3):
                await (await start(one, session_id, f"turn {number}")).result()
                await (await start(two, session_id, f"turn {number} there")).result()
            last = await one.latest_seq(session_id)
            while not seen or seen[-1] < last:  # noqa: ASYNC110 - what is waited for happens in the other service
                await asyncio.sleep(0.01)
            watching.cancel()
            await asyncio.wait({watching})
            assert seen == list(range(1, last + 1))

    run(scenario())


def test_a_repeat_of_a_turn_that_another_service_runs_waits_for_it(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as one, stored.open() as two:
            session_id, turn_id = await make(one, None, says("done", {"sleep_ms": 150})), new_id()
            turn = await start(one, session_id, "x", turn_id=turn_id)
            with pytest.raises(InvalidArgument, match="turn_id"):
                await start(two, session_id, "y", turn_id=turn_id)
            again = await start(two, session_id, "x", turn_id=turn_id)
            assert again.replayed
            assert await again.result() == await turn.result()

    run(scenario())


def test_a_session_whose_turn_another_service_runs_is_not_put_away_from_here(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as one, stored.open() as two:
            turn = await hanging(one)
            for refused in (two.archive(turn.session_id), two.delete(turn.session_id)):
                with pytest.raises(SessionBusy):
                    await refused
            assert (await two.update(turn.session_id, "renamed", None)).summary.title == "renamed"
            assert await one.interrupt(turn.session_id)
            assert (await one.read(turn.session_id)).summary.title == "renamed"

    run(scenario())


def test_followers_elsewhere_end_when_the_session_is_deleted(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as one, stored.open() as two:
            session_id, heard = await make(one, "short-lived"), asyncio.Event()

            async def follow() -> None:
                async for batch in two.subscribe(session_id, 0):
                    if types(batch)[-1] == "run_completed":
                        heard.set()

            following = asyncio.create_task(follow())
            await heard.wait()
            await one.delete(session_id)
            await following

    run(scenario())


def test_a_session_deleted_elsewhere_ends_its_followers_even_if_a_request_notices_first(
    stored: Services, run: Run
) -> None:
    async def scenario() -> None:
        async with stored.open() as one, stored.open() as two:
            session_id, seen = await make(one, "short-lived"), list[LoggedEvent]()
            following = asyncio.create_task(follow(two, session_id, seen))
            await until(lambda: "run_completed" in types(seen))
            await one.delete(session_id)
            with pytest.raises(SessionNotFound):
                await start(two, session_id)
            await following

    run(scenario())


def test_a_session_replaced_elsewhere_is_another_session(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as one, stored.open() as two:
            session_id, seen = await make(one, "hello"), list[LoggedEvent]()
            await echo(two, session_id, "mine")
            following = asyncio.create_task(follow(two, session_id, seen))
            await until(lambda: types(seen).count("run_completed") == 2)
            await one.delete(session_id)
            # As much is done to the new one as was to the old one, so that only its time of birth differs.
            await make(one, "hello again", session_id=session_id, title="new")
            await echo(one, session_id, "yours")
            await echo(two, session_id, "mine")
            await following
            assert (await one.read(session_id)).summary.title == "new"
            said_since = [message.content for message in (await one.history(session_id, 0, 10)).messages[::2]]
            assert said_since == ["hello again", "yours", "mine"]

    run(scenario())


def test_one_turn_id_given_to_two_processes_at_once_runs_once(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as one, stored.open() as two:
            session_id = await make(one, None)
            prompts = [f"turn {number}" for number in range(20)]
            for prompt in prompts:
                turn_id = new_id()
                both = (_insist(service, session_id, prompt, turn_id) for service in (one, two))
                assert await asyncio.gather(*both) == [prompt, prompt]
            history = await one.history(session_id, 0, 100)
            assert [message.content for message in history.messages[::2]] == prompts

    run(scenario())


async def _insist(service: SessionService, session_id: str, prompt: str, turn_id: str) -> str:
    """Run the turn as a client does that tries again while the session is busy; return the answer."""
    while True:
        try:
            return (await (await start(service, session_id, prompt, turn_id=turn_id)).result()).text
        except SessionBusy:
            continue


def test_turns_end_well_while_another_process_keeps_renaming_their_session(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as one, stored.open() as two, asyncio.TaskGroup() as tasks:
            session_id = await make(one, None)

            async def rename() -> None:
                number = 0
                while True:
                    number += 1
                    await two.update(session_id, f"name {number}", None)
                    await asyncio.sleep(0)  # a store in memory never makes anybody wait

            renaming = [tasks.create_task(rename()) for _ in range(3)]
            for number in range(20):
                assert (await echo(one, session_id, f"turn {number}")).text == f"turn {number}"
            for task in renaming:
                task.cancel()

    run(scenario())


def test_a_follower_sees_the_end_of_a_turn_whose_process_goes(
    stored: Services, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LEASE_MS", 500)

    async def scenario() -> None:
        async with stored.open(owner=elsewhere()) as gone, stored.open() as here:
            turn = await hanging(gone, "so far")
            seen: list[LoggedEvent] = []
            following = asyncio.create_task(follow(here, turn.session_id, seen))
            await until(lambda: "run_failed" in types(seen))
            assert orjson.loads(seen[-1].body)["reason"] == "host_exit"
            assert (await echo(here, turn.session_id, "on")).text == "on"
            await until(lambda: types(seen)[-1] == "run_completed")
            assert seen == await log(here, turn.session_id)
            following.cancel()
            await asyncio.wait({following})

    run(scenario())


def test_a_process_elsewhere_keeps_its_session_while_its_lease_is_good(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open(owner=elsewhere()) as there, stored.open() as here:
            turn = await hanging(there)
            with pytest.raises(SessionBusy) as caught:
                await start(here, turn.session_id)
            assert caught.value.data["owner"]["host"] == "elsewhere"
            assert await there.interrupt(turn.session_id)

    run(scenario())


@pytest.mark.usefixtures("expired")
@pytest.mark.parametrize("speaks", [True, False], ids=["appends", "commits"])
def test_a_process_that_comes_back_after_its_session_was_taken_over_changes_nothing(
    stored: Services, run: Run, speaks: bool
) -> None:
    async def scenario() -> None:
        awake = asyncio.Event()

        async def sleeper(turn: AgentTurn) -> AgentResult:
            await turn.emit(TextDelta("so far"))
            await awake.wait()
            if speaks:
                await turn.emit(TextDelta(" and on"))
                await asyncio.sleep(3600)  # until the refused append ends the turn
            return AgentResult()

        stored.behave("sleeper", sleeper)
        async with stored.open(owner=elsewhere()) as back, stored.open() as here:
            created = await back.create(CreateSession("begin", AgentConfig(model="sleeper")))
            assert created.turn is not None
            await said(created.turn, "so far")
            assert (await echo(here, created.session_id, "taken over")).text == "taken over"
            before = await log(here, created.session_id)
            awake.set()
            with pytest.raises(StoreError) as caught:
                await created.turn.result()
            assert caught.value.data["text"].startswith("so far")
            assert await log(here, created.session_id) == before
            mine = [event for event in before if event.turn_id == created.turn.turn_id]
            assert [event async for batch in created.turn.events() for event in batch] == mine
            assert types(mine)[-1] == "run_failed"
            assert (await echo(back, created.session_id, "friends")).text == "friends"

    run(scenario())


@pytest.mark.usefixtures("expired")
def test_a_retry_of_a_turn_whose_process_is_gone_says_that_it_was_interrupted(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        turn_id = new_id()
        async with stored.open(owner=elsewhere()) as gone, stored.open() as here:
            turn = await hanging(gone, "so far", turn_id=turn_id)
            with pytest.raises(TurnInterrupted) as caught:
                await (await start(here, turn.session_id, "begin", turn_id=turn_id)).result()
            assert caught.value.data["text"] == "so far"

    run(scenario())


def test_a_session_replaced_elsewhere_can_be_put_away(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as one, stored.open() as two:
            session_id = await make(one, "hello")
            await echo(two, session_id, "mine")
            await one.delete(session_id)
            await make(one, "hello again", session_id=session_id)
            await two.archive(session_id)
            assert (await one.read(session_id)).summary.archived

    run(scenario())


@pytest.mark.usefixtures("expired")
def test_a_listing_and_a_start_end_the_turns_of_processes_that_are_gone(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open(owner=elsewhere()) as gone, stored.open() as here:
            await here.list(ListQuery())
            turn = await hanging(gone)
            assert [row.is_active for row in (await here.list(ListQuery())).sessions] == [False]
            another = await hanging(gone)
            async with stored.open() as fresh:
                assert [row.is_active for row in (await fresh.list(ListQuery())).sessions] == [False, False]
            for session_id in (turn.session_id, another.session_id):
                assert types(await log(here, session_id))[-1] == "run_failed"

    run(scenario())
