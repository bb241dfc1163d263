"""What the examination of a store finds, and that it changes nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from meerkat_rpc.domain import SessionChange, SessionHead
from meerkat_rpc.store.disk_check import check_store
from tests.store.conftest import open_disk
from tests.store.damage import change_row, execute, flip, keys, replace_row
from tests.store.sessions import add, create, ended, events, message, new_head, running, turn_record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def head(path: Path) -> SessionHead:
    """Make a store with three sessions; return the head of one that has a little of everything."""

    async def make() -> SessionHead:
        async with open_disk(path) as store:
            await create(store)
            gone = await create(store)
            first = new_head()
            await store.commit(SessionChange(first, create_turn_id="first"))
            full = await add(store, first, [message("m" * 5000, "t"), *[message("m", "t")] * 20], events(1, 70))
            full = running(full, "t")
            await store.commit(SessionChange(full, turn=turn_record("t")))
            await store.renew_lease(full.running.owner, 1) if full.running else None
            await store.delete(gone.session_id)
            return full

    return asyncio.run(make())


def files(path: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in path.iterdir()}


def test_a_sound_store_has_no_problems_and_stays_as_it_is(path: Path, head: SessionHead) -> None:
    before = files(path)
    report = check_store(str(path))
    assert report.problems == []
    assert (report.sessions, report.rows) == (2, len(keys(path)))
    assert report.files == {name: len(content) for name, content in before.items()}
    assert report.store_id is not None
    assert files(path) == before


def _begin(path: Path, statements: str) -> None:
    """Leave what a process left that died while it made a store."""
    path.mkdir()
    if statements:
        (path / "cache.db").touch()
        execute(path, statements)


@pytest.mark.parametrize("statement", ["", "PRAGMA journal_mode = wal", "CREATE TABLE Cache (key, raw, value)"])
def test_a_store_that_was_never_finished_has_no_problems(path: Path, statement: str) -> None:
    _begin(path, statement)
    assert check_store(str(path)).problems == ()


def test_neither_has_one_whose_making_was_cut_off_within_a_write(path: Path) -> None:
    _begin(path, "PRAGMA journal_mode = delete")
    (path / "cache.db-journal").write_bytes(b"\xd9\xd5\x05\xf9 \xa1c\xd7" + bytes(504))
    assert check_store(str(path)).problems == ()


def test_nor_one_whose_opening_was(path: Path, head: SessionHead) -> None:
    execute(path, "UPDATE Settings SET value = 1 WHERE key = 'sqlite_synchronous'")
    assert check_store(str(path)).problems == []


def test_an_open_store_can_be_examined(path: Path, head: SessionHead) -> None:
    async def test() -> None:
        async with open_disk(path) as store:
            await store.append(head.session_id, events(71, 100))
            assert (await store.check()).problems == []

    asyncio.run(test())


@pytest.mark.parametrize("part", ["head", "log", "m/0", "m+/1", "e/0", "t/t"])
def test_every_damaged_row_is_named(path: Path, head: SessionHead, part: str) -> None:
    key = f"s/{head.session_id}/{part}"
    change_row(path, key, flip(-1))
    assert any(key in problem for problem in check_store(str(path)).problems)


@pytest.mark.parametrize("key", ["c/0", "pages", "changes", "leases", "t/first"])
def test_damage_outside_the_sessions_is_named_and_not_mended(path: Path, head: SessionHead, key: str) -> None:
    changed = change_row(path, key, flip(-1))
    assert any(f"row {key} " in problem for problem in check_store(str(path)).problems)
    assert change_row(path, key, lambda _: None) == changed


def test_missing_events_and_messages_are_counted(path: Path, head: SessionHead) -> None:
    execute(path, "DELETE FROM Cache WHERE key IN (?, ?)", *(f"s/{head.session_id}/{part}" for part in ("e/0", "m/0")))
    problems = check_store(str(path)).problems
    assert len([problem for problem in problems if "it is missing" in problem]) == 2


def test_a_turn_without_a_record_is_told(path: Path, head: SessionHead) -> None:
    async def end() -> None:
        async with open_disk(path) as store:
            await store.commit(SessionChange(ended(head)))

    asyncio.run(end())
    execute(path, "DELETE FROM Cache WHERE key = ?", f"s/{head.session_id}/t/t")
    assert f"Session {head.session_id} has no record of its turn t." in check_store(str(path)).problems


def test_rows_that_belong_to_nothing_are_named(path: Path, head: SessionHead) -> None:
    execute(path, "UPDATE Cache SET key = 's/nobody/log' WHERE key = ?", f"s/{head.session_id}/log")
    execute(path, "INSERT INTO Cache (key, raw, mode, value) VALUES ('who', 1, 1, x'00')")
    execute(path, "INSERT INTO Cache (key, raw, mode, value) VALUES ('pickle', 1, 4, x'00')")
    problems = "\n".join(check_store(str(path)).problems)
    assert "The row s/nobody/log belongs to a session that isn't there." in problems
    assert "The row who belongs to nothing." in problems
    assert "The row pickle isn't one of this program's." in problems


def test_a_catalogue_that_differs_from_the_heads_is_told(path: Path, head: SessionHead) -> None:
    replace_row(path, "c/0", b"\n".join([b"null"] * 16))
    replace_row(path, "changes", b"[7,[],3,[]]")
    problems = "\n".join(check_store(str(path)).problems)
    assert f"The catalogue has not what session {head.session_id} says of itself." in problems
    assert f"Session {head.session_id} is not where it belongs in the list of running ones." in problems


def test_a_setting_that_was_changed_is_told(path: Path, head: SessionHead) -> None:
    execute(path, "UPDATE Settings SET value = 'least-recently-used' WHERE key = 'eviction_policy'")
    (problem,) = check_store(str(path)).problems
    assert problem == "The setting eviction_policy is 'least-recently-used'; the next start makes it 'none'."


def test_a_store_that_does_not_open_is_examined_all_the_same(path: Path, head: SessionHead) -> None:
    (path / "cache.db").write_bytes(b"")
    (problem,) = check_store(str(path)).problems
    assert "lost its content" in problem
    assert check_store(str(path / "nothing")).problems
    assert not (path / "nothing").exists()


def test_a_torn_page_is_told(path: Path, head: SessionHead) -> None:
    with (path / "cache.db").open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096 * 4)
    assert check_store(str(path)).problems


def test_an_examination_makes_no_file(path: Path, head: SessionHead) -> None:
    change_row(path, f"s/{head.session_id}/head", flip(-1))
    before = files(path)
    subprocess.run([sys.executable, "-m", "meerkat_rpc", "doctor", "--store", str(path)], check=False)
    assert files(path) == before


@pytest.mark.parametrize("byte", [b"\xc5", b"q"])
def test_a_damaged_description_of_the_tables_is_told(path: Path, head: SessionHead, byte: bytes) -> None:
    content = (path / "cache.db").read_bytes()
    at = content.index(b"CREATE TABLE Cache") + 20
    (path / "cache.db").write_bytes(content[:at] + byte + content[at + 1 :])
    (problem,) = check_store(str(path)).problems
    assert "sessions salvage" in problem
