"""What is there after the process has ended, however it ended, and when other processes use the store too."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from meerkat_rpc.domain import SessionChange
from meerkat_rpc.errors import StoreError
from meerkat_rpc.store import disk_rows
from meerkat_rpc.store.disk import DiskStore
from meerkat_rpc.store.disk_cache import SETTINGS
from meerkat_rpc.store.disk_check import check_store
from meerkat_rpc.store.disk_parts import Parts, open_parts
from tests.imported import packages_after
from tests.store import processes
from tests.store.conftest import open_disk
from tests.store.damage import execute, on_connection
from tests.store.sessions import add, create, events, message, new_head, next_head, turn_record

ROOT = Path(__file__).parents[2]

PATIENCE_S = 1
"""For how long a lock is waited for here."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start a function of ``processes.py`` in a process of its own."""
    command = [sys.executable, "-m", "tests.store.processes", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_everything_is_there_after_the_store_was_closed(path: Path) -> None:
    head = new_head()

    async def write() -> None:
        nonlocal head
        async with open_disk(path) as store:
            await store.commit(SessionChange(head, create_turn_id="first"))
            head = next_head(head, message_count=2, labels={"a": "b"}, archived=True)
            await store.commit(SessionChange(head, [message("one"), message("two")], events(1, 5), turn_record("t")))
            await store.append(head.session_id, events(6, 100))

    async def read() -> None:
        async with open_disk(path) as store:
            assert await store.head(head.session_id) == head
            assert await store.messages(head.session_id, 0, 10) == [message("one"), message("two")]
            assert await store.events(head.session_id, 0, 1000) == events(1, 105)
            assert await store.turn(head.session_id, "t") == turn_record("t")
            assert await store.session_of_turn("first") == head.session_id
            assert set((await store.catalogue())[1]) == {head.session_id}

    asyncio.run(write())
    asyncio.run(read())


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_what_was_appended_survives_the_killing_of_the_process(path: Path, batch: int) -> None:
    head = new_head()
    with start("append_for_ever", path, head.session_id, str(batch)) as child:
        assert child.stdout is not None
        acknowledged = [int(child.stdout.readline()) for _ in range(30)]
        child.kill()
        acknowledged += [int(line) for line in child.stdout if line.endswith("\n")]
    assert child.returncode == -signal.SIGKILL

    async def read() -> None:
        async with open_disk(path) as store:
            last = await store.last_seq(head.session_id)
            assert last >= acknowledged[-1]
            assert await store.events(head.session_id, 0, last + 100) == events(1, last)
            await add(store, head, events=events(last + 1, 3))

    asyncio.run(read())


def test_a_commit_survives_the_killing_of_the_process_whole(path: Path) -> None:
    head = new_head()
    with start("commit_for_ever", path, head.session_id) as child:
        assert child.stdout is not None
        acknowledged = [int(child.stdout.readline()) for _ in range(30)]
        child.kill()
        acknowledged += [int(line) for line in child.stdout if line.endswith("\n")]

    async def read() -> None:
        async with open_disk(path) as store:
            found = await store.head(head.session_id)
            assert found is not None
            assert found.revision >= acknowledged[-1]
            assert len(await store.messages(head.session_id, 0, 10_000)) == found.message_count
            assert await store.last_seq(head.session_id) == 2 * (found.revision - 1)
            assert (await store.catalogue())[1][head.session_id].message_count == found.message_count

    asyncio.run(read())


def test_processes_that_commit_to_one_session_never_overwrite_each_other(path: Path) -> None:
    async def make() -> None:
        async with open_disk(path) as store:
            await store.commit(SessionChange(head))

    head = new_head()
    asyncio.run(make())
    children = [start("contend", path, head.session_id, name) for name in ("a", "b", "c")]
    assert [child.communicate(timeout=60)[0] for child in children] == ["done\n"] * 3

    async def read() -> None:
        async with open_disk(path) as store:
            said = await store.messages(head.session_id, 0, 1000)
            for name in "abc":
                expected = [f"{name} {number}" for number in range(processes.CONTENTIONS)]
                assert [text.content for text in said if text.content.startswith(name)] == expected
            assert len((await store.catalogue())[1]) == 1 + 3

    asyncio.run(read())


def test_what_is_read_of_a_session_is_as_of_one_moment(path: Path) -> None:
    texts = ["x" * 5000 for _ in range(20)]  # each in a row of its own
    other = []

    async def scenario() -> None:
        async with open_disk(path) as store:
            head = await add(store, await create(store), [message(text) for text in texts])

            def read(parts: Parts) -> list[str]:
                assert parts.sessions.head(head.session_id) is not None
                other.append(open_parts(str(path)))
                other[0].sessions.delete(head.session_id)
                return [found.content for found in parts.sessions.messages(head.session_id, 0, 100)]

            assert await store._read(read) == texts
            assert await store.messages(head.session_id, 0, 100) == []

    asyncio.run(scenario())
    other[0].rows.close()


def test_processes_that_create_the_same_store_at_once_share_it(path: Path) -> None:
    children = [start("create_one", path) for _ in range(4)]
    assert [child.communicate(timeout=60)[0] for child in children] == ["done\n"] * 4

    async def read() -> None:
        async with open_disk(path) as store:
            assert len((await store.catalogue())[1]) == 4

    asyncio.run(read())


def test_a_store_whose_making_was_cut_off_is_made_after_all(path: Path, tmp_path: Path) -> None:
    async def make() -> None:
        async with open_disk(path) as store:
            await create(store)

    making = tmp_path / "making.db"
    with closing(sqlite3.connect(making, isolation_level=None)) as connection:
        connection.executescript(
            "PRAGMA cache_size = 1; CREATE TABLE t (x); BEGIN"
        )  # the cache is too small: it spills
        connection.executemany("INSERT INTO t VALUES (?)", [("x" * 3000,)] * 100)
        path.mkdir(mode=0o700)
        shutil.copy(making, path / "cache.db")
        shutil.copy(f"{making}-journal", path / "cache.db-journal")
    assert not check_store(str(path)).problems
    asyncio.run(make())
    assert not check_store(str(path)).problems


@pytest.mark.parametrize("replaced", [False, True])
def test_a_store_that_was_deleted_is_noticed(path: Path, replaced: bool) -> None:
    async def test() -> None:
        async with open_disk(path) as store:
            head = await create(store)
            shutil.move(path, path.with_name("moved"))
            if replaced:
                shutil.copytree(path.with_name("moved"), path)
            calls = (
                store.commit(SessionChange(next_head(head))),
                store.append(head.session_id, events(1, 1)),
                store.delete(head.session_id),
            )
            for call in calls:
                with pytest.raises(StoreError, match="deleted, moved or replaced"):
                    await call

    asyncio.run(test())


def test_the_job_of_a_cancelled_caller_runs_and_its_result_is_dropped(path: Path) -> None:
    async def test() -> None:
        async with open_disk(path) as store:
            head = new_head()
            task = asyncio.create_task(store.commit(SessionChange(head)))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await store.head(head.session_id) == head
            assert set((await store.catalogue())[1]) == {head.session_id}

    asyncio.run(test())


def test_what_was_handed_over_is_finished_before_the_store_closes(path: Path) -> None:
    async def test() -> None:
        heads = [new_head() for _ in range(5)]
        store = DiskStore(path)
        await store.open()
        tasks = [asyncio.create_task(store.commit(SessionChange(head))) for head in heads]
        await asyncio.sleep(0)
        await asyncio.gather(store.close(), store.close(), *tasks)
        with pytest.raises(StoreError, match="closed"):
            await store.head(heads[0].session_id)
        async with open_disk(path) as again:
            assert len((await again.catalogue())[1]) == 5

    asyncio.run(test())


def test_a_store_that_was_never_opened_says_so_and_closes(path: Path) -> None:
    async def test() -> None:
        store = DiskStore(path)
        with pytest.raises(StoreError, match="not open"):
            await store.head("x")
        await store.close()
        assert not path.exists()

    asyncio.run(test())


def test_every_setting_that_a_store_needs_is_in_force(path: Path) -> None:
    async def test() -> None:
        async with open_disk(path) as store:
            head = await create(store)
            pragmas = {"synchronous": 2, "journal_mode": "wal", "mmap_size": 0}
            for pragma, value in pragmas.items():
                assert await on_connection(store, f"PRAGMA {pragma}") == [(value,)]
            await store.append(head.session_id, events(1, 1))
            assert await on_connection(store, "PRAGMA synchronous") == [(1,)]
            await add(store, head)
            assert await on_connection(store, "PRAGMA synchronous") == [(2,)]

    asyncio.run(test())
    settings = dict(execute(path, "SELECT key, value FROM Settings"))
    assert SETTINGS.items() <= settings.items()
    assert (settings["eviction_policy"], settings["cull_limit"]) == ("none", 0)
    assert min(settings["size_limit"], settings["disk_min_file_size"]) == 2**62


def test_a_full_disk_is_said_and_the_store_goes_on_when_there_is_room(path: Path) -> None:
    async def test() -> None:
        async with open_disk(path) as store:
            head = await create(store)
            await on_connection(store, "PRAGMA max_page_count = 1")
            large = next_head(head, message_count=1, title="large")
            with pytest.raises(StoreError, match="disk is full") as refused:
                await store.commit(SessionChange(large, [message("x" * 1_000_000)]))
            assert refused.value.data["reason"] == "SQLITE_FULL"
            assert await store.head(head.session_id) == head
            await store.commit(SessionChange(large, [message("x" * 1_000_000)]))
            assert await on_connection(store, "PRAGMA synchronous") == [(2,)]
            assert await store.head(head.session_id) == large

    asyncio.run(test())


def test_a_read_only_database_is_said(path: Path) -> None:
    async def test() -> None:
        async with open_disk(path) as store:
            head = await create(store)
            await on_connection(store, "PRAGMA query_only = 1")
            with pytest.raises(StoreError, match="read-only"):
                await add(store, head)
            assert await store.head(head.session_id) == head

    asyncio.run(test())


def test_a_lock_that_another_process_keeps_is_said_and_waited_for_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with open_disk(path) as store, open_disk(path) as other:
            head = await create(store)
            await on_connection(other, "BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="another process has kept it locked"):
                await add(store, head)
            begun = time.monotonic()
            for refused in await asyncio.gather(*(add(store, head) for _ in range(20)), return_exceptions=True):
                assert isinstance(refused, StoreError)
            assert time.monotonic() - begun < 20 * PATIENCE_S
            assert await store.head(head.session_id) == head
            await on_connection(other, "ROLLBACK")
            head = await add(store, head)
            await add(store, head)
            assert await on_connection(store, "PRAGMA busy_timeout") == [(PATIENCE_S * 1000,)]

    monkeypatch.setattr(disk_rows, "BUSY_TIMEOUT", PATIENCE_S)
    asyncio.run(test())


def test_importing_the_store_imports_neither_diskcache_nor_sqlite() -> None:
    assert {"diskcache", "sqlite3"} & packages_after("import meerkat_rpc.store.disk") == set()
