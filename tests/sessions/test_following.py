"""Whoever follows a turn, however slowly."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any

from meerkat_rpc.sessions.service import CreateSession
from tests.sessions.services import Services, echo, says, types

Run = Callable[[Any], Any]


def test_a_follower_that_has_yet_to_read_does_not_keep_the_turn_in_memory(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as service:
            created = await service.create(CreateSession("go", says("x" * 1000)))
            assert created.turn is not None
            turn, events = weakref.ref(created.turn), created.turn.events()
            await created.turn.result()
            del created
            await asyncio.sleep(0)  # what the event loop was called back for is done
            gc.collect()
            assert turn() is None
            heard = [event async for batch in events for event in batch]
            assert types(heard)[-1] == "run_completed"

    run(scenario())


def test_a_slow_follower_of_a_turn_sees_nothing_of_the_next(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            created = await service.create(CreateSession("go", says("first")))
            assert created.turn is not None
            events = created.turn.events()
            await created.turn.result()
            await echo(service, created.session_id, "second")
            heard = [event async for batch in events for event in batch]
            assert types(heard).count("run_completed") == 1
            assert types(heard)[-1] == "run_completed"

    run(scenario())
