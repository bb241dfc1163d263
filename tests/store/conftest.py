from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from meerkat_rpc.store.base import Store
from meerkat_rpc.store.disk import DiskStore
from meerkat_rpc.store.memory import MemoryStore

Opener = Callable[[], AbstractAsyncContextManager[Store]]
"""Opens the store that a test is about; a second time, the same one again."""

StoreTest = Callable[[Callable[[Store], Awaitable[None]]], None]
"""Runs a coroutine function on an open store."""


@asynccontextmanager
async def open_disk(path: Path) -> AsyncIterator[DiskStore]:
    store = DiskStore(path)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture(params=["memory", "disk"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Each test that asks for this runs over every store."""
    if request.param == "disk":
        return lambda: open_disk(tmp_path / "store")
    store = MemoryStore()

    @asynccontextmanager
    async def open_memory() -> AsyncIterator[MemoryStore]:
        await store.open()
        yield store
        await store.close()

    return open_memory


@pytest.fixture
def on_store(opener: Opener) -> StoreTest:
    def run(test: Callable[[Store], Awaitable[None]]) -> None:
        async def opened() -> None:
            async with opener() as store:
                await test(store)

        asyncio.run(opened())

    return run
