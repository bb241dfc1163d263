"""What every store promises of event logs. See ``store/base.py``."""

from __future__ import annotations

import pytest

from meerkat_rpc.domain import LoggedEvent, SessionChange
from meerkat_rpc.errors import RevisionConflict
from meerkat_rpc.ids import new_id
from meerkat_rpc.store.base import Store
from tests.store.conftest import StoreTest
from tests.store.sessions import NOW, add, create, events, next_head


def test_an_empty_log_has_no_events(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = await create(store)
        assert await store.last_seq(head.session_id) == 0
        assert await store.events(head.session_id, 0, 10) == []
        await store.append(head.session_id, [])
        assert await store.last_seq(head.session_id) == 0

    on_store(test)


def test_batches_of_any_size_are_read_back_in_order_and_in_pages(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = await create(store)
        everything = events(1, 400)
        at = 0
        for size in (1, 62, 1, 1, 64, 63, 65, 128, 15):
            await store.append(head.session_id, everything[at : at + size])
            at += size
        assert at == await store.last_seq(head.session_id) == 400
        assert await store.events(head.session_id, 0, 1000) == everything
        for after, limit in ((0, 1), (63, 1), (63, 2), (64, 64), (100, 100), (399, 5), (400, 5), (900, 5), (5, 0)):
            assert await store.events(head.session_id, after, limit) == everything[after : after + limit]

    on_store(test)


def test_appends_and_commits_share_one_log(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = await add(store, await create(store), events=events(1, 3))
        await store.append(head.session_id, events(4, 70))
        head = await add(store, head, events=events(74, 2))
        await store.append(head.session_id, events(76, 1))
        assert await store.events(head.session_id, 0, 1000) == events(1, 76)

    on_store(test)


@pytest.mark.parametrize("first", [1, 3, 5, 7])
def test_an_append_that_leaves_a_gap_or_repeats_is_refused(on_store: StoreTest, first: int) -> None:
    async def test(store: Store) -> None:
        head = await add(store, await create(store), events=events(1, 5))
        with pytest.raises(RevisionConflict):
            await store.append(head.session_id, events(first, 2))
        assert await store.events(head.session_id, 0, 1000) == events(1, 5)

    on_store(test)


def test_a_batch_with_a_hole_in_it_is_refused_whole(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = await create(store)
        with pytest.raises(RevisionConflict):
            await store.append(head.session_id, [*events(1, 2), *events(4, 1)])
        assert await store.last_seq(head.session_id) == 0

    on_store(test)


def test_appending_to_a_session_that_is_gone_is_refused(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = await create(store)
        await store.delete(head.session_id)
        for session_id in (head.session_id, new_id()):
            with pytest.raises(RevisionConflict):
                await store.append(session_id, events(1, 1))
        assert await store.last_seq(head.session_id) == 0

    on_store(test)


def test_bodies_come_back_byte_for_byte(on_store: StoreTest) -> None:
    bodies = [
        b'{"type":"x","a": 1.0}',  # as it was written, not as a serialiser would write it
        b"",
        b"{}",
        '{"delta":"Grüße \u2028 世界"}'.encode(),
        b"not json \x00\xff",
        b"two\nlines",
        b"\n",
        b"x" * 4096,
        b"x" * 4097,
        b"y" * 5_000_000,
        b'{"last":true}',
    ]
    log = [LoggedEvent(seq, NOW - seq, f"turn {seq % 3}", body) for seq, body in enumerate(bodies, 1)]

    async def test(store: Store) -> None:
        head = await create(store)
        await store.append(head.session_id, log[:4])
        await store.append(head.session_id, log[4:])
        assert await store.events(head.session_id, 0, 100) == log
        assert await store.events(head.session_id, 6, 3) == log[6:9]

    on_store(test)


def test_a_segment_of_nothing_but_large_bodies_is_read_back(on_store: StoreTest) -> None:
    log = [LoggedEvent(seq, NOW, "turn", b"%d" % seq * 5000) for seq in range(1, 131)]

    async def test(store: Store) -> None:
        head = await create(store)
        for at in range(0, 130, 13):
            await store.append(head.session_id, log[at : at + 13])
        assert await store.events(head.session_id, 0, 1000) == log

    on_store(test)


def test_logs_of_sessions_do_not_mix(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        one, two = await create(store), await create(store)
        for seq in range(1, 100):
            await store.append(one.session_id, events(seq, 1, "of one"))
            await store.append(two.session_id, events(seq, 1, "of two"))
        assert await store.events(one.session_id, 0, 100) == events(1, 99, "of one")
        assert await store.events(two.session_id, 0, 100) == events(1, 99, "of two")

    on_store(test)


def test_appending_does_not_change_the_head(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = await create(store)
        await store.append(head.session_id, events(1, 3))
        assert await store.head(head.session_id) == head
        await store.commit(SessionChange(next_head(head)))

    on_store(test)
