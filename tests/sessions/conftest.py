"""One suite for both services: each test runs on every kind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.sessions.services import KINDS, Services

T = TypeVar("T")

HANG_GUARD_S = 60


@pytest.fixture(params=KINDS)
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Services:
    """Make services of one kind; they share their store."""
    return Services(request.param, tmp_path / "store")


@pytest.fixture(params=[kind for kind in KINDS if kind != "ephemeral"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Services:
    """Make services that keep their sessions."""
    return Services(request.param, tmp_path / "store")


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, T]], T]:
    """Run a coroutine, fail if it hangs, and fail if it leaves a task behind."""

    async def guarded(work: Coroutine[Any, Any, T]) -> T:
        result = await asyncio.wait_for(work, HANG_GUARD_S)
        left = await _tasks_left()
        assert left == []
        return result

    return lambda work: asyncio.run(guarded(work))


async def _tasks_left() -> list[str]:
    """Return the names of the tasks that are still there after a moment's grace."""
    me = asyncio.current_task()
    others = [task for task in asyncio.all_tasks() if task is not me]
    if others:
        await asyncio.wait(others, timeout=1)
    return [repr(task) for task in asyncio.all_tasks() if task is not me]
