"""What every store promises of folded logs. See ``store/base.py``."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from meerkat_rpc.domain import DeltasFolded, Folded, Folding, LoggedEvent, SessionChange
from meerkat_rpc.event_json import encode_event, first_seq
from meerkat_rpc.ids import new_id
from meerkat_rpc.store.base import Store
from meerkat_rpc.store.rules import FOLD_BLOCK, run_checksum
from tests.store.conftest import StoreTest
from tests.store.sessions import NOW, add, create, events, next_head


def folding(log: Sequence[LoggedEvent], first: int, last: int, content: str | None = None) -> Folding:
    """Return the folding of that range of ``log``, which has every event."""
    run = log[first - 1 : last]
    body = encode_event(DeltasFolded("text", first, content))
    return Folding(first, run_checksum(run), run[-1]._replace(body=body))


def folded(log: Sequence[LoggedEvent], foldings: Sequence[Folding]) -> list[LoggedEvent]:
    """Return ``log`` as it is to be afterwards."""
    kept = {event.seq: event for event in log}
    for first, _, event in foldings:
        for seq in range(first, event.seq):
            kept.pop(seq)
        kept[event.seq] = event
    return list(kept.values())


RANGES = [
    [(1, 1)],
    [(1, 64)],
    [(2, 63)],
    [(60, 70)],
    [(64, 65)],
    [(1, 128)],
    [(65, 192)],
    [(10, 300)],
    [(3, FOLD_BLOCK)],
    [(1, FOLD_BLOCK), (FOLD_BLOCK + 1, FOLD_BLOCK + 66)],
    [(5, 9), (11, 12), (20, 400), (401, 402), (FOLD_BLOCK - 4, FOLD_BLOCK), (FOLD_BLOCK + 1, FOLD_BLOCK + 6)],
    [(1090, 1099)],
    [(1000, 1024), (1025, 1100)],
]


@pytest.mark.parametrize("ranges", RANGES, ids=str)
def test_a_folded_range_is_read_as_one_event_from_wherever_one_begins(
    on_store: StoreTest, ranges: list[tuple[int, int]]
) -> None:
    log = events(1, 1100)
    foldings = [folding(log, first, last) for first, last in ranges]
    expected = folded(log, foldings)

    async def test(store: Store) -> None:
        head = await add(store, await create(store), events=log)
        done = await store.fold(head.session_id, foldings)
        assert done.events == len(log) - len(expected)
        for after in range(0, 1101, 7):
            rest = [event for event in expected if event.seq > after]
            assert await store.events(head.session_id, after, 2000) == rest
            assert await store.events(head.session_id, after, 3) == rest[:3]
        assert await store.last_seq(head.session_id) == 1100
        assert await store.head(head.session_id) == head

    on_store(test)


def test_a_log_is_gone_on_with_after_its_tail_was_folded(on_store: StoreTest) -> None:
    log = events(1, 300)

    async def test(store: Store) -> None:
        head = await add(store, await create(store), events=log[:100])
        first = folding(log, 60, 99)
        await store.fold(head.session_id, [first])
        await store.append(head.session_id, log[100:110])
        second = folding(log, 101, 109)
        await store.fold(head.session_id, [second])
        await store.append(head.session_id, log[110:130])
        head = await add(store, head, events=log[130:])
        expected = folded(log, [first, second])
        assert await store.events(head.session_id, 0, 1000) == expected
        assert await store.events(head.session_id, 70, 1000) == [event for event in expected if event.seq > 70]

    on_store(test)


def test_folding_again_changes_nothing(on_store: StoreTest) -> None:
    log = events(1, 500)

    async def test(store: Store) -> None:
        head = await add(store, await create(store), events=log)
        foldings = [folding(log, 10, 20), folding(log, 30, 300, "said")]
        assert (await store.fold(head.session_id, foldings)).events == 280
        assert await store.fold(head.session_id, foldings) == Folded()
        assert await store.events(head.session_id, 0, 1000) == folded(log, foldings)

    on_store(test)


def test_what_is_no_longer_as_it_was_looked_at_is_left(on_store: StoreTest) -> None:
    log = events(1, 200)
    others = events(1, 200, "another turn")

    async def test(store: Store) -> None:
        head = await add(store, await create(store), events=log)
        known = folding(log, 100, 190)
        await store.fold(head.session_id, [known])
        wrong = [
            folding(others, 10, 20),
            folding(log, 95, 105),
            folding(log, 180, 195),
            folding(events(1, 300), 199, 210),
        ]
        assert await store.fold(head.session_id, wrong) == Folded()
        assert await store.events(head.session_id, 0, 1000) == folded(log, [known])
        await store.delete(head.session_id)
        assert await store.fold(head.session_id, [known], 200) == Folded()
        assert await store.fold(new_id(), [known], 200) == Folded()
        assert await store.head(head.session_id) is None

    on_store(test)


def test_a_dry_run_says_what_would_come_of_it(on_store: StoreTest) -> None:
    log = events(1, 400)

    async def test(store: Store) -> None:
        head = await add(store, await create(store), events=log)
        foldings = [folding(log, 3, 330)]
        said = await store.fold(head.session_id, foldings, 400, dry_run=True)
        assert said.events == 327
        assert said.bytes > 1000
        assert await store.events(head.session_id, 0, 1000) == log
        assert await store.folded_seq(head.session_id) == 0
        assert (await store.fold(head.session_id, foldings, 400)).events == 327

    on_store(test)


@pytest.mark.parametrize(("first", "last"), [(FOLD_BLOCK, FOLD_BLOCK + 1), (0, 5), (9, 8)])
def test_a_run_that_is_not_within_a_block_is_refused(on_store: StoreTest, first: int, last: int) -> None:
    async def test(store: Store) -> None:
        head = await add(store, await create(store), events=events(1, 1100))
        wide = Folding(first, 0, LoggedEvent(last, NOW, "turn", b"{}"))
        with pytest.raises(ValueError, match="can't be folded at once"):
            await store.fold(head.session_id, [wide])
        assert await store.events(head.session_id, 0, 2000) == events(1, 1100)

    on_store(test)


def test_up_to_where_was_looked_is_remembered_with_the_log_and_never_goes_back(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = await add(store, await create(store), events=events(1, 100))
        assert await store.folded_seq(head.session_id) == 0
        for upto, remembered in ((40, 40), (90, 90), (50, 90), (0, 90)):
            await store.fold(head.session_id, [], upto)
            assert await store.folded_seq(head.session_id) == remembered
        head = await add(store, head, events=events(101, 100))
        await store.append(head.session_id, events(201, 1))
        assert await store.folded_seq(head.session_id) == 90
        await store.commit(SessionChange(next_head(head)))
        assert await store.events(head.session_id, 0, 1000) == events(1, 201)
        await store.delete(head.session_id)
        assert await store.folded_seq(head.session_id) == 0

    on_store(test)


def test_before_when_everything_was_folded_is_remembered(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        assert await store.folded_before() == 0
        for at, remembered in ((NOW, NOW), (NOW - 1, NOW), (NOW + 1, NOW + 1)):
            await store.note_folded(at)
            assert await store.folded_before() == remembered

    on_store(test)


@pytest.mark.parametrize("seed", range(4))
def test_any_log_folded_in_any_order_is_read_from_anywhere(on_store: StoreTest, seed: int) -> None:
    choose = random.Random(seed)
    bodies = (b"x" * choose.choice((5, 50, 5000)) if choose.random() < 0.1 else b"%d" % seq for seq in range(1, 2500))
    log = [LoggedEvent(seq, NOW + seq, f"turn {seq // 90}", body) for seq, body in enumerate(bodies, 1)]
    foldings, at = [], 1
    while at < len(log):
        last = min(at + choose.choice((1, 2, 10, 200, 700)), len(log), (at - 1) // FOLD_BLOCK * FOLD_BLOCK + FOLD_BLOCK)
        if choose.random() < 0.7:
            foldings.append(folding(log, at, last, choose.choice((None, "y" * 9000))))
        at = last + choose.choice((1, 1, 3))
    mixed = choose.sample(foldings, len(foldings))

    async def test(store: Store) -> None:
        head = await add(store, await create(store), events=log)
        for start in range(0, len(mixed), 5):
            await store.fold(head.session_id, mixed[start : start + 5])
        expected = folded(log, foldings)
        assert await store.events(head.session_id, 0, 5000) == expected
        for _ in range(200):
            after, limit = choose.randrange(len(log) + 2), choose.choice((1, 2, 50, 999))
            rest = [event for event in expected if event.seq > after][:limit]
            assert await store.events(head.session_id, after, limit) == rest
        for event in await store.events(head.session_id, 0, 5000):
            assert first_seq(event) <= event.seq

    on_store(test)
