"""More sessions than may be live: idle ones make room, and whatever is being done to one gets done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from meerkat_rpc.errors import CapacityExhausted
from meerkat_rpc.ids import new_id
from tests.sessions.services import Services, echo, make, start

Run = Callable[[Any], Any]


def test_an_idle_archived_session_does_not_keep_others_from_being_put_to_rest(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open(max_sessions=2) as service:
            put_away = [await make(service, "first"), await make(service, "second")]
            for session_id in put_away:
                await service.archive(session_id)
            for _ in range(4):
                await make(service, "one more")
            assert (await service.health()).live_sessions <= 2

    run(scenario())


def test_an_archived_session_is_taken_back_when_all_live_ones_are_idle(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open(max_sessions=2) as service:
            archived = await make(service, "put away")
            await service.archive(archived)
            await make(service, "one")
            await make(service, "another")
            await service.unarchive(archived)
            assert (await echo(service, archived, "back")).text == "back"

    run(scenario())


def test_a_session_is_not_put_to_rest_while_it_is_forked(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open(max_sessions=2) as service:
            parent = await make(service, "the eldest")
            await make(service, "another")
            child = await service.fork(parent, 2)
            assert (await service.read(child)).head.message_count == 2

    run(scenario())


def test_turns_in_more_sessions_than_may_be_live_run_or_are_refused_for_that(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open(max_sessions=3) as service:
            sessions = [await make(service, "begin") for _ in range(30)]
            turns = (start(service, session_id, "all at once", turn_id=new_id()) for session_id in sessions)
            started = await asyncio.gather(*turns, return_exceptions=True)
            refused = [turn for turn in started if isinstance(turn, BaseException)]
            assert {type(error) for error in refused} <= {CapacityExhausted}
            assert len(refused) < len(sessions)
            for turn in started:
                if not isinstance(turn, BaseException):
                    assert (await turn.result()).text == "all at once"

    run(scenario())
