"""Coroutines run to their end, with a bound, leaving no task behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.tools.folders import Folder

T = TypeVar("T")

HANG_GUARD_S = 60


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, T]], T]:
    """Run a coroutine, fail if it hangs, and fail if it leaves a task behind."""

    async def guarded(work: Coroutine[Any, Any, T]) -> T:
        result = await asyncio.wait_for(work, HANG_GUARD_S)
        me = asyncio.current_task()
        if others := [task for task in asyncio.all_tasks() if task is not me]:
            await asyncio.wait(others, timeout=1)
        assert [task for task in asyncio.all_tasks() if task is not me] == []
        return result

    return lambda work: asyncio.run(guarded(work))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a session's folder, with something beside it that nobody may reach."""
    path = tmp_path / "project"
    path.mkdir()
    (tmp_path / "secret.txt").write_text("hidden", encoding="utf-8")
    return Folder(path)
