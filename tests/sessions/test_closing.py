"""A service that closes: what runs is ended and saved, and nothing begins that could not be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from meerkat_rpc.errors import SessionNotFound
from tests.sessions.services import Services, hanging, make, start


def test_a_turn_is_refused_while_others_are_being_ended(
    services: Services, run: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            await hanging(service)
            idle = await make(service, "one")
            closing = asyncio.get_running_loop().create_task(service.close())
            await asyncio.sleep(0)
            assert not closing.done()
            with pytest.raises(SessionNotFound, match="shutting down"):
                await start(service, idle)
            await closing

    run(scenario())
