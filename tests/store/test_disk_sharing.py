"""What processes over one store learn of one another."""

from __future__ import annotations

import asyncio
from pathlib import Path

from meerkat_rpc.store.disk_backup import back_up, unpack
from meerkat_rpc.store.disk_index import RING_SIZE
from tests.store.conftest import open_disk
from tests.store.sessions import OWNER, add, create, events


def test_others_writing_is_noticed_and_ones_own_is_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with open_disk(tmp_path / "store") as one, open_disk(tmp_path / "store") as two:
            head, before = await create(one), await one.others_version()
            head = await add(one, head, events=events(1, 3))
            await one.ask_to_stop("a", "1")
            assert await one.others_version() == before
            for write in (
                lambda: two.append(head.session_id, events(4, 1)),
                lambda: two.ask_to_stop("a", "2"),
                lambda: two.renew_lease(OWNER, 1),
                lambda: two.delete(head.session_id),
            ):
                await write()
                after = await one.others_version()
                assert after != before
                assert await one.others_version() == after
                before = after

    asyncio.run(scenario())


def test_a_backup_stops_no_turn(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with open_disk(tmp_path / "store") as store:
            await store.ask_to_stop((await create(store)).session_id, "1")
            assert len(await store.stops()) == 1
        back_up(str(tmp_path / "store"), str(tmp_path / "backup"))
        unpack(str(tmp_path / "backup"), str(tmp_path / "restored"))
        async with open_disk(tmp_path / "restored") as store:
            assert await store.stops() == {}

    asyncio.run(scenario())


def test_others_commits_are_told_by_session_and_ones_own_are_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with open_disk(tmp_path / "store") as one, open_disk(tmp_path / "store") as two:
            old = await create(two)
            since, changed = await one.changed_by_others(None)
            assert changed == ()
            mine, theirs = await create(one), await create(two)
            old = await add(two, old)
            mine = await add(one, mine)
            since, changed = await one.changed_by_others(since)
            assert changed == {theirs.session_id, old.session_id}
            await two.append(old.session_id, events(1, 5))
            assert await one.changed_by_others(since) == (since, ())
            await add(one, mine)
            since, changed = await one.changed_by_others(since)
            assert changed == set()
            await two.delete(old.session_id)
            since, changed = await one.changed_by_others(since)
            assert changed == {old.session_id}

    asyncio.run(scenario())


def test_more_commits_than_are_kept_or_an_unknown_deletion_are_told_as_such(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with open_disk(tmp_path / "store") as one, open_disk(tmp_path / "store") as two:
            head = await create(two)
            since, _ = await one.changed_by_others(None)
            await two.delete(head.session_id)
            since, changed = await one.changed_by_others(since)
            assert changed is None
            head = await create(two)
            for _ in range(RING_SIZE):
                head = await add(two, head)
            since, changed = await one.changed_by_others(since)
            assert changed is None
            assert await one.changed_by_others(since) == (since, ())

    asyncio.run(scenario())


def test_a_watcher_hears_of_each_commit_of_its_own_store_object(tmp_path: Path) -> None:
    async def scenario() -> None:
        heard: list[str] = []
        async with open_disk(tmp_path / "store") as one, open_disk(tmp_path / "store") as two:
            one.watch_commits(heard.append)
            mine, theirs = await create(one), await create(two)
            await one.append(mine.session_id, events(1, 1))
            await one.delete(theirs.session_id)
            await one.delete(theirs.session_id)
            assert heard == [mine.session_id, theirs.session_id]
            one.watch_commits(None)
            await add(one, mine)
            assert len(heard) == 2

    asyncio.run(scenario())
