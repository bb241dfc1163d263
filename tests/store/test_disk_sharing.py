"""What processes over one store learn of one another."""

from __future__ import annotations

import asyncio
from pathlib import Path

from meerkat_rpc.store.disk_backup import back_up, unpack
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
