"""What a store says of the room it takes."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from meerkat_rpc.domain import LoggedEvent
from meerkat_rpc.errors import StoreError
from meerkat_rpc.store.disk_folder import StoreFolder
from meerkat_rpc.store.disk_sizes import sizes_of_sessions
from tests.store.conftest import open_disk
from tests.store.sessions import NOW, create


def test_the_files_the_log_and_what_is_free_are_told(tmp_path: Path) -> None:
    async def test() -> None:
        async with open_disk(tmp_path / "store") as store:
            head = await create(store)
            await store.append(head.session_id, [LoggedEvent(1, NOW, "t", os.urandom(500_000))])
            usage = await store.usage()
            files = {path.name: path.stat().st_size for path in (tmp_path / "store").iterdir()}
            assert usage.store_bytes == sum(files.values())
            assert usage.wal_bytes == files["cache.db-wal"] > 500_000
            assert usage.free_bytes == 0
            assert usage.disk_free_bytes > 0
            store._tidying.begin = lambda: None  # type: ignore[method-assign]  # what is free stays so
            await store.delete(head.session_id)
            assert (await store.usage()).free_bytes >= 450_000

    asyncio.run(test())


def test_the_sizes_of_all_sessions_are_less_than_the_file(tmp_path: Path) -> None:
    async def test() -> None:
        async with open_disk(tmp_path / "store") as store:
            heads = [await create(store) for _ in range(20)]
            for head in heads:
                await store.append(head.session_id, [LoggedEvent(1, NOW, "t", os.urandom(100_000))])
            sizes = await store.sizes([head.session_id for head in heads])
        assert 20 * 100_000 <= sum(sizes.values()) < (tmp_path / "store" / "cache.db").stat().st_size

    asyncio.run(test())


def test_sizes_that_cannot_be_read_are_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "cache.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="damaged"):
        sizes_of_sessions(StoreFolder(str(tmp_path)), [1])
