"""What the service says of itself and of the store."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from meerkat_rpc.sessions.health import HEALTH_PATIENCE_S
from meerkat_rpc.sessions.persistent import PersistentSessionService
from meerkat_rpc.store.disk import DiskStore
from tests.sessions.services import Services, make

Run = Callable[[Coroutine[Any, Any, None]], None]


def test_a_store_on_disk_says_how_much_room_it_takes_and_one_in_memory_does_not(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as service:
            await make(service, "hello")
            health = await service.health()
            assert health.stored_sessions == 1
            assert health.store_answers
            assert (health.usage is not None) == (stored.kind == "disk")

    run(scenario())


def test_a_store_that_does_not_answer_is_said_at_once_with_what_else_is_known(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        async with Services("disk", tmp_path / "store").open() as service:
            assert isinstance(service, PersistentSessionService)
            store = service._store
            assert isinstance(store, DiskStore)
            await make(service, "hello")
            released = threading.Event()
            blocked = asyncio.create_task(store._thread.run(released.wait))
            await asyncio.sleep(0)  # it comes before whatever is asked of the store now
            try:
                begin = time.monotonic()
                health = await service.health()
                assert time.monotonic() - begin < 5 * HEALTH_PATIENCE_S
            finally:
                released.set()
                await blocked
            assert (health.store_answers, health.usage) == (False, None)
            assert (health.live_sessions, health.running_turns) == (1, 0)
            assert (await service.health()).store_answers

    run(scenario())
