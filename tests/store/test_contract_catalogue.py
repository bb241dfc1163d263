"""What every store promises of its catalogue. See ``store/base.py``."""

from __future__ import annotations

import asyncio

from meerkat_rpc.domain import CatalogueRow, SessionChange
from meerkat_rpc.store.base import Store
from tests.store.conftest import Opener, StoreTest
from tests.store.sessions import add, create, ended, message, new_head, next_head, running


def test_the_catalogue_of_an_empty_store_is_empty(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        assert (await store.catalogue())[1] == {}
        assert list(await store.running()) == []

    on_store(test)


def test_the_catalogue_shows_every_commit_at_once(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        heads = [await create(store, title=f"session {index}", labels={"n": str(index)}) for index in range(40)]
        _, rows = await store.catalogue()
        assert rows == {head.session_id: CatalogueRow.of(head) for head in heads}
        head = next_head(heads[7], archived=True, first_prompt="a\nb 世界")
        await store.commit(SessionChange(head))
        _, rows = await store.catalogue()
        assert rows[head.session_id] == CatalogueRow.of(head)
        await store.delete(heads[39].session_id)
        _, rows = await store.catalogue()
        assert len(rows) == 39
        assert heads[39].session_id not in rows

    on_store(test)


def test_the_version_differs_whenever_the_rows_do(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        versions = [(await store.catalogue())[0]]
        head = await create(store)
        versions.append((await store.catalogue())[0])
        await add(store, head, [message("one")])
        versions.append((await store.catalogue())[0])
        assert (await store.catalogue())[0] == versions[-1]
        await store.delete(head.session_id)
        versions.append((await store.catalogue())[0])
        assert len(set(versions)) == 4

    on_store(test)


def test_a_mapping_that_was_given_away_does_not_change(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        await create(store)
        _, before = await store.catalogue()
        await create(store)
        await store.catalogue()
        assert len(before) == 1

    on_store(test)


def test_running_sessions_are_listed_from_admission_to_end(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        one, two = running(await create(store), "t1"), running(await create(store), "t2")
        await store.commit(SessionChange(one))
        await store.commit(SessionChange(two))
        assert sorted(await store.running()) == sorted([one.session_id, two.session_id])
        assert (await store.catalogue())[1][one.session_id].running == one.running
        await store.commit(SessionChange(ended(one)))
        assert list(await store.running()) == [two.session_id]
        await store.delete(two.session_id)
        assert list(await store.running()) == []

    on_store(test)


def test_another_user_of_the_store_sees_each_commit(opener: Opener) -> None:
    async def test() -> None:
        async with opener() as one, opener() as two:
            first = await create(one)
            assert set((await two.catalogue())[1]) == {first.session_id}
            second = await create(two)
            assert set((await one.catalogue())[1]) == {first.session_id, second.session_id}
            changed = next_head(first, title="from two")
            await two.commit(SessionChange(changed))
            await add(one, second, [message("from one")])
            assert (await one.catalogue())[1][first.session_id].title == "from two"
            assert (await two.catalogue())[1][second.session_id].message_count == 1
            await two.delete(second.session_id)
            assert set((await one.catalogue())[1]) == {first.session_id}

    asyncio.run(test())


def test_one_that_looked_away_for_long_sees_everything(opener: Opener) -> None:
    async def test() -> None:
        async with opener() as one, opener() as two:
            gone = await create(one)
            await two.catalogue()
            heads = [await create(one) for _ in range(100)]
            await one.delete(gone.session_id)
            again = new_head(session_id=gone.session_id, title="again")
            await one.commit(SessionChange(again))
            expected = {head.session_id: CatalogueRow.of(head) for head in [*heads, again]}
            assert (await two.catalogue())[1] == expected
            assert (await one.catalogue())[1] == expected

    asyncio.run(test())


def test_a_session_deleted_and_created_again_elsewhere_is_listed_once(opener: Opener) -> None:
    async def test() -> None:
        async with opener() as one, opener() as two:
            head = await create(one)
            await create(one)
            await two.catalogue()
            await one.delete(head.session_id)
            again = new_head(session_id=head.session_id, title="again")
            await one.commit(SessionChange(again))
            _, rows = await two.catalogue()
            assert len(rows) == 2
            assert rows[head.session_id] == CatalogueRow.of(again)

    asyncio.run(test())
