"""SQLite's write-ahead log: how large it may stay, and what becomes of one that a killed process left, if damaged."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from meerkat_rpc.domain import SessionChange
from meerkat_rpc.errors import StoreCorrupt
from meerkat_rpc.ids import new_id
from meerkat_rpc.store import disk_log
from meerkat_rpc.store.disk_cache import WAL_KEPT_BYTES
from meerkat_rpc.store.disk_check import check_store
from meerkat_rpc.store.disk_log import refuse_shortened
from tests.store.conftest import open_disk
from tests.store.sessions import create, message, next_head
from tests.store.test_disk_durability import start

FRAME = 24 + 4096


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a store whose process was killed while it committed."""
    path = tmp_path_factory.mktemp("killed") / "store"
    with start("commit_for_ever", path, new_id()) as child:
        assert child.stdout is not None
        for _ in range(20):
            child.stdout.readline()
        child.kill()
    return path


@pytest.fixture
def path(killed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(killed, tmp_path / "store")


def cut(path: Path) -> None:
    os.truncate(path / "cache.db-wal", (path / "cache.db-wal").stat().st_size // 2)


def flip(path: Path) -> None:
    content = bytearray((path / "cache.db-wal").read_bytes())
    content[32 + FRAME + 1000] ^= 1
    (path / "cache.db-wal").write_bytes(content)


def flip_header(path: Path) -> None:
    content = bytearray((path / "cache.db-wal").read_bytes())
    content[17] ^= 1
    (path / "cache.db-wal").write_bytes(content)


def empty(path: Path) -> None:
    os.truncate(path / "cache.db-wal", 0)


def remove(path: Path) -> None:
    (path / "cache.db-wal").unlink()


def test_a_log_as_the_killed_process_left_it_is_taken(path: Path) -> None:
    refuse_shortened(str(path / "cache.db"))
    assert check_store(str(path)).problems == []


@pytest.mark.parametrize("damage", [cut, flip, flip_header, empty, remove])
def test_a_log_that_lost_commits_is_refused_every_time_and_stays_as_it_is(
    path: Path, damage: Callable[[Path], None]
) -> None:
    damage(path)
    before = {entry.name: entry.read_bytes() for entry in path.iterdir()}
    for _ in range(2):
        with pytest.raises(StoreCorrupt, match="sessions salvage"):
            refuse_shortened(str(path / "cache.db"))
        (problem,) = check_store(str(path)).problems
        assert "write-ahead log" in problem
    assert {entry.name: entry.read_bytes() for entry in path.iterdir()} == before


def test_the_server_refuses_it_too(path: Path) -> None:
    cut(path)
    command = [sys.executable, "-m", "meerkat_rpc", "sessions", "list", "--store", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "write-ahead log" in done.stderr


def test_without_its_index_the_loss_is_accepted(path: Path) -> None:
    cut(path)
    (path / "cache.db-shm").unlink()
    refuse_shortened(str(path / "cache.db"))
    assert check_store(str(path)).problems == []


def test_after_the_machine_was_started_anew_the_index_proves_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(path)
    monkeypatch.setattr(disk_log, "booted_ms", lambda: ((path / "cache.db-shm").stat().st_mtime + 60) * 1000)
    refuse_shortened(str(path / "cache.db"))


@pytest.mark.parametrize("content", [b"", b"\xa5" * 32768, bytes(32768)])
def test_an_index_that_is_garbage_proves_nothing(path: Path, content: bytes) -> None:
    (path / "cache.db-shm").write_bytes(content)
    refuse_shortened(str(path / "cache.db"))


def test_a_log_that_grew_behind_a_long_reader_shrinks_when_the_reader_is_gone(tmp_path: Path) -> None:
    log = tmp_path / "store" / "cache.db-wal"

    async def scenario() -> None:
        async with open_disk(tmp_path / "store") as store:
            head = await create(store)
            with closing(sqlite3.connect(tmp_path / "store" / "cache.db", isolation_level=None)) as reader:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM Cache").fetchone()
                while log.stat().st_size <= 1.5 * WAL_KEPT_BYTES:
                    head = next_head(head, message_count=head.message_count + 1)
                    await store.commit(SessionChange(head, [message(os.urandom(1 << 20).hex())]))
            for _ in range(2):  # the first copies the log into the database, the second begins it anew
                head = next_head(head)
                await store.commit(SessionChange(head))
            assert log.stat().st_size <= WAL_KEPT_BYTES

    asyncio.run(scenario())
