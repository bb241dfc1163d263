"""Deleting what is large: at once for whoever looks, in steps for the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from meerkat_rpc.domain import LoggedEvent, SessionChange, SessionHead
from meerkat_rpc.errors import RevisionConflict
from meerkat_rpc.ids import new_id
from meerkat_rpc.store.disk import DiskStore
from meerkat_rpc.store.disk_check import check_store
from meerkat_rpc.store.disk_rows import STEP_BYTES
from meerkat_rpc.store.disk_space import SPARE_PAGES
from tests.store.conftest import open_disk
from tests.store.damage import change_row, execute, flip, keys
from tests.store.sessions import NOW, add, create, events, message, new_head, turn_record

LARGE = 4 * STEP_BYTES
PAGE_BYTES = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


def incompressible(first: int, count: int) -> Iterator[LoggedEvent]:
    """Yield events of 16 KiB that don't get smaller."""
    for seq in range(first, first + count):
        yield LoggedEvent(seq, NOW, "t", b'"%b"' % bytes(33 + (seq * n * n) % 61 for n in range(16_384)))


async def large(store: DiskStore, session_id: str | None = None) -> SessionHead:
    """Create a session that takes several steps to remove, with a little of everything."""
    head = new_head(message_count=1, **({"session_id": session_id} if session_id else {}))
    await store.commit(SessionChange(head, [message("m")], turn=turn_record("t"), create_turn_id=head.session_id))
    await store.append(head.session_id, list(incompressible(1, LARGE // 16_384)))
    return head


def untidied(path: Path, test: Callable[[DiskStore, SessionHead], object]) -> None:
    """Run ``test`` on a store in which a large session has just been deleted, and nobody clears up after it."""

    async def run() -> None:
        async with open_disk(path) as store:
            head = await large(store)
            await stopped(store).delete(head.session_id)
            await test(store, head)  # type: ignore[misc]

    asyncio.run(run())


def stopped(store: DiskStore) -> DiskStore:
    """Return the store, which doesn't clear up any more: as if the process had died in time."""
    store._tidying.begin = lambda: None  # type: ignore[method-assign]
    return store


def left(path: Path, head: SessionHead) -> int:
    return sum(head.session_id in key for key in keys(path))


def test_nothing_shows_a_session_whose_rows_are_still_there(path: Path) -> None:
    async def test(store: DiskStore, head: SessionHead) -> None:
        gone = head.session_id
        assert left(path, head) > 100
        assert await store.head(gone) is None
        assert await store.messages(gone, 0, 10) == []
        assert await store.events(gone, 0, 10) == []
        assert await store.last_seq(gone) == 0
        assert await store.turn(gone, "t") is None
        assert await store.session_of_turn(gone) is None
        assert (await store.catalogue())[1] == {}
        assert await store.delete(gone) is False
        with pytest.raises(RevisionConflict):
            await store.append(gone, list(incompressible(LARGE // 16_384 + 1, 1)))

    untidied(path, test)


def test_a_session_whose_head_was_written_after_all_its_rows_is_gone_as_soon(path: Path) -> None:
    async def test() -> None:
        async with open_disk(path) as store:
            head = new_head()
            await store.commit(SessionChange(head, events=list(incompressible(1, LARGE // 16_384))))
            await stopped(store).delete(head.session_id)
            assert await store.head(head.session_id) is None
            assert await store.last_seq(head.session_id) == 0
            assert (await store.check()).problems == []

    asyncio.run(test())


def test_the_examination_has_nothing_against_rows_that_are_being_removed(path: Path) -> None:
    async def test(store: DiskStore, head: SessionHead) -> None:
        assert (await store.check()).problems == []

    untidied(path, test)


def test_whoever_opens_the_store_next_goes_on_with_removing(path: Path) -> None:
    async def test(store: DiskStore, head: SessionHead) -> None:
        async with open_disk(path) as other:
            await other.tidied()
        assert left(path, head) == 0
        assert "removals" not in keys(path)

    untidied(path, test)


def test_a_session_created_anew_under_the_id_has_nothing_of_the_old_one(path: Path) -> None:
    async def test(store: DiskStore, head: SessionHead) -> None:
        again = new_head(session_id=head.session_id)
        await store.commit(SessionChange(again, events=events(1, 3)))
        assert await store.events(again.session_id, 0, 1000) == events(1, 3)
        async with open_disk(path) as other:
            await other.tidied()
            assert await other.head(again.session_id) == again
            assert (await other.check()).problems == []

    untidied(path, test)


def test_a_list_of_removals_that_was_damaged_is_named_and_keeps_nobody_from_working(path: Path) -> None:
    async def test(store: DiskStore, head: SessionHead) -> None:
        change_row(path, "removals", flip(-1))
        assert any("row removals" in problem for problem in (await store.check()).problems)
        other = await add(store, await create(store), [message("m")])
        assert await store.head(other.session_id) == other
        assert "removals" not in keys(path)

    untidied(path, test)


def test_what_is_deleted_is_given_back_to_the_disk(path: Path) -> None:
    async def test() -> None:
        async with open_disk(path) as store:
            small = await add(store, await create(store), [message("kept")])
            for _ in range(2):
                await store.delete((await large(store)).session_id)
            await store.tidied()
            size = (path / "cache.db").stat().st_size
            assert size <= (SPARE_PAGES + 50) * PAGE_BYTES
            assert (path / "cache.db-wal").stat().st_size == 0
            assert (await store.messages(small.session_id, 0, 1))[0].content == "kept"
            assert (await store.check()).problems == []

    asyncio.run(test())


def test_what_folding_freed_is_given_back_when_it_is_done(path: Path) -> None:
    async def test() -> None:
        async with open_disk(path) as store:
            head, begin = await large(store), store._tidying.begin
            await stopped(store).delete(head.session_id)
            store._tidying.begin = begin  # type: ignore[method-assign]
            await store.note_folded(1)
            await store.tidied()
            assert (await store.usage()).free_bytes <= SPARE_PAGES * PAGE_BYTES

    asyncio.run(test())


def test_a_reader_holds_nothing_up(path: Path) -> None:
    async def test() -> None:
        async with open_disk(path) as store, open_disk(path) as other:
            assert other._parts is not None
            rows = other._parts.rows
            await other._thread.run(lambda: rows._cache._con.execute("BEGIN").execute("SELECT * FROM Cache").fetchone())  # type: ignore[attr-defined]
            await store.delete((await large(store)).session_id)
            async with asyncio.timeout(5):
                await store.tidied()

    asyncio.run(test())


def test_a_store_that_gave_space_back_in_each_commit_does_so_in_steps_from_now_on(path: Path) -> None:
    async def fill() -> None:
        async with open_disk(path) as store:
            await large(store)

    asyncio.run(fill())
    execute(path, "UPDATE Settings SET value = 1 WHERE key = 'sqlite_auto_vacuum'")
    execute(path, "PRAGMA auto_vacuum = 1")
    assert check_store(str(path)).problems == []
    asyncio.run(fill())
    assert execute(path, "PRAGMA auto_vacuum") == [(2,)]


def test_an_unknown_id_is_not_a_removal(path: Path) -> None:
    async def test(store: DiskStore, head: SessionHead) -> None:
        assert await store.delete(new_id()) is False
        assert left(path, head) > 100

    untidied(path, test)
