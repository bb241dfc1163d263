"""Old deltas are folded into what has their text, and nothing else changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from meerkat_rpc.domain import (
    DeltasFolded,
    Event,
    Folded,
    LoggedEvent,
    ReasoningComplete,
    ReasoningDelta,
    RunCompleted,
    RunFailed,
    RunStarted,
    TextComplete,
    TextDelta,
    ToolCallRequested,
    TurnCompleted,
    TurnStarted,
    Usage,
)
from meerkat_rpc.errors import StoreCorrupt, StoreError
from meerkat_rpc.event_json import decode_event, encode_event, first_seq
from meerkat_rpc.sessions.folding import FoldingPolicy, fold_old, fold_session
from meerkat_rpc.sessions.runs import Plan
from meerkat_rpc.sessions.service import SessionService
from meerkat_rpc.sessions.transcript import TurnTranscript
from meerkat_rpc.store.base import Store
from meerkat_rpc.store.memory import MemoryStore
from meerkat_rpc.store.rules import FOLD_BLOCK
from tests.sessions.services import Services, echo, log, make, script, types
from tests.store.sessions import NOW, add, create

Run = Callable[[Coroutine[Any, Any, None]], None]

SAID = "what was said"
LATER = NOW + 10**9
LATER_STILL = 2 * NOW
"""After any time that a clock says now."""


def logged(*events: Event, first: int = 1, turn_id: str = "turn") -> list[LoggedEvent]:
    return [LoggedEvent(seq, NOW + seq, turn_id, encode_event(event)) for seq, event in enumerate(events, first)]


def deltas(text: str, times: int = 1) -> list[Event]:
    return [TextDelta(piece) for piece in text * times]


def turn(*said: Event, end: Event | None = None) -> list[Event]:
    ended = end or RunCompleted("s", SAID, Usage())
    return [RunStarted("s", "go"), TurnStarted(1), *said, *([] if end else [TurnCompleted("end_turn", Usage())]), ended]


CUT = RunFailed("s", "why", "host_exit")


def found(events: Sequence[LoggedEvent]) -> list[tuple[int, int, str | None]]:
    """Return what the plan for these events is: first and last sequence number, and the text that is kept there."""
    plan = Plan()
    for event in events:
        plan.add(event)
    folded: list[tuple[int, int, str | None]] = []
    for first, _, event in plan.take():
        said = decode_event(event.body)
        assert isinstance(said, DeltasFolded)
        assert said.from_seq == first
        folded.append((first, event.seq, said.content))
    return folded


THOUGHT = [ReasoningDelta("h"), ReasoningDelta("m"), ReasoningDelta("!")]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (turn(*deltas(SAID), TextComplete(SAID)), [(3, 15, None)]),
        (turn(*deltas(SAID), end=CUT), [(3, 15, SAID)]),
        (turn(*deltas(SAID), TextComplete("something else")), [(3, 15, SAID)]),
        (turn(*deltas(SAID)), [(3, 15, SAID)]),
        (turn(*THOUGHT, ReasoningComplete("hm!"), *deltas(SAID), TextComplete(SAID)), [(3, 5, None), (7, 19, None)]),
        (
            turn(*deltas(SAID), *THOUGHT, *deltas(SAID), TextComplete(SAID * 2)),
            [(3, 15, None), (16, 18, "hm!"), (19, 31, None)],
        ),
        (
            turn(*deltas(SAID), ToolCallRequested("1", "t", {}), TextComplete(SAID), *deltas(SAID), end=CUT),
            [(3, 15, None), (18, 30, SAID)],
        ),
        (turn(*deltas(SAID), TurnStarted(2), TextComplete(SAID)), [(3, 15, SAID)]),
        (turn(TextDelta("a"), TextComplete("a")), []),
        (turn(TextDelta("a" * 100), TextComplete("a" * 100)), [(3, 3, None)]),
        (turn(TextDelta("a" * 100), end=CUT), []),
        (turn(TextComplete("a")), []),
    ],
)
def test_a_run_of_deltas_becomes_one_event_that_has_the_text_unless_a_complete_event_has(
    events: list[Event], expected: list[tuple[int, int, str | None]]
) -> None:
    assert found(logged(*events)) == expected


def test_a_run_that_goes_beyond_its_block_is_folded_in_parts() -> None:
    events = logged(*turn(*deltas("x", 2 * FOLD_BLOCK), TextComplete("x" * 2 * FOLD_BLOCK)))
    assert found(events)[:2] == [(3, FOLD_BLOCK, None), (FOLD_BLOCK + 1, 2 * FOLD_BLOCK, None)]


@pytest.mark.parametrize("content", [None, "so far"])
def test_what_was_folded_in_part_is_folded_on_in_the_same_way(content: str | None) -> None:
    before = logged(*turn(DeltasFolded("text", 1, content), *deltas(SAID), TextComplete("cut off")))
    assert found(before) == [(4, 16, None if content is None else SAID)]


def test_the_end_of_a_turn_is_told_by_its_last_event() -> None:
    plan = Plan()
    assert [plan.add(event) for event in logged(*turn(TextDelta("a")))] == [False, False, False, False, True]


def test_a_recovered_turn_has_the_text_of_folded_deltas_too() -> None:
    transcript = TurnTranscript("turn")
    for event in (TurnStarted(1), DeltasFolded("text", 3, "a"), DeltasFolded("reasoning", 5, "b"), TextDelta("c")):
        transcript.add(event)
    (message,) = transcript.finish()
    assert (message.content, message.reasoning) == ("ac", "b")


# -- In a store ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def opened(store: Store) -> AsyncIterator[Store]:
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def stored_in(store: Store, events: Sequence[LoggedEvent], **fields: Any) -> str:
    head = await create(store, **fields)
    await add(store, head, events=events)
    return head.session_id


def test_turns_that_are_not_over_or_not_old_are_left_alone(run: Run) -> None:
    long = turn(*deltas(SAID), TextComplete(SAID))
    first, second, third = (logged(*long, first=1 + len(long) * at, turn_id=f"{at}") for at in range(3))
    events = [*first, *second, *third[:-1]]

    async def test() -> None:
        store = MemoryStore()
        session_id = await stored_in(store, events)
        old = second[-1].timestamp_ms
        assert (await fold_session(store, session_id, old)).events == len(SAID) - 1
        assert await store.folded_seq(session_id) == first[-1].seq
        assert (await store.events(session_id, first[-1].seq, 1000)) == [*second, *third[:-1]]
        assert (await fold_session(store, session_id, LATER)).events == len(SAID) - 1
        assert await store.folded_seq(session_id) == second[-1].seq
        assert (await store.events(session_id, second[-1].seq, 1000)) == third[:-1]
        assert await fold_session(store, session_id, LATER) == Folded()

    run(test())


def test_a_long_log_is_folded_in_steps_with_a_pause_before_each(run: Run) -> None:
    events = logged(*turn(*deltas("x", 3 * FOLD_BLOCK), TextComplete("x" * 3 * FOLD_BLOCK)))
    pauses = []

    async def pause() -> None:
        pauses.append(0)

    async def test() -> None:
        store = MemoryStore()
        session_id = await stored_in(store, events)
        folded = await fold_session(store, session_id, LATER, pause)
        assert folded.events == len(events) - len(await store.events(session_id, 0, 10_000))
        assert len(pauses) > len(events) / 256

    run(test())


def test_folding_that_was_cut_off_is_gone_on_with(run: Run) -> None:
    events = logged(*turn(*deltas("x", 3 * FOLD_BLOCK), TextComplete("x" * 3 * FOLD_BLOCK)))

    async def test() -> None:
        whole, cut = MemoryStore(), MemoryStore()
        session_id = await stored_in(whole, events)
        await fold_session(whole, session_id, LATER)
        other_id = await stored_in(cut, events)
        for steps in range(1, 30):
            left = iter(range(steps))

            async def pause(left: Any = left) -> None:
                if next(left, None) is None:
                    raise asyncio.CancelledError

            try:
                await fold_session(cut, other_id, LATER, pause)
                break
            except asyncio.CancelledError:
                continue
        assert await cut.events(other_id, 0, 10_000) == await whole.events(session_id, 0, 10_000)

    run(test())


def test_each_session_is_looked_at_once_for_the_same_time(run: Run) -> None:
    events = logged(*turn(*deltas(SAID), TextComplete(SAID)))

    async def looked_at(store: MemoryStore, before_ms: int) -> set[str]:
        return {session_id async for session_id, _ in fold_old(store, before_ms)}

    async def test() -> None:
        store = MemoryStore()
        old = await stored_in(store, events)
        new = await stored_in(store, events, created_ms=LATER, updated_ms=LATER)
        assert await looked_at(store, NOW + 1000) == {old}
        assert await looked_at(store, NOW + 1000) == set()
        assert await looked_at(store, NOW + 2000) == set()
        assert await looked_at(store, LATER + 1000) == {new}

    run(test())


def test_a_damaged_session_is_told_of_and_the_others_are_folded(run: Run) -> None:
    class Damaged(MemoryStore):
        async def folded_seq(self, session_id: str) -> int:
            if session_id == broken:
                raise StoreCorrupt("broken", row="a row of its")
            return await super().folded_seq(session_id)

    events = logged(*turn(*deltas(SAID), TextComplete(SAID)))
    broken = ""

    async def test() -> None:
        nonlocal broken
        store = Damaged()
        broken = await stored_in(store, events)
        whole = await stored_in(store, events)
        found = {session_id: done async for session_id, done in fold_old(store, LATER)}
        assert isinstance(found[broken], StoreCorrupt)
        assert isinstance(found[whole], Folded)

    run(test())


def test_a_store_that_refuses_ends_it_and_nothing_is_noted(run: Run) -> None:
    class Refusing(MemoryStore):
        async def folded_seq(self, session_id: str) -> int:
            raise StoreError("the disk is full")

    async def test() -> None:
        store = Refusing()
        await stored_in(store, logged(*turn(*deltas(SAID), TextComplete(SAID))))
        with pytest.raises(StoreError, match="full"):
            assert [done async for done in fold_old(store, LATER)] == []
        assert await store.folded_before() == 0

    run(test())


# -- In a service ----------------------------------------------------------------------------------------------


SCRIPT = script({"text": "abcdefghij", "chunks": 10, "repeat": 30}, {"tool": {"name": "t"}}, {"text": "done"})


def test_a_session_reads_the_same_but_for_its_deltas(stored: Services, run: Run) -> None:
    async def test() -> None:
        async with stored.open() as service, opened(stored.store()) as store:
            session_id = await make(service, "go", SCRIPT)
            before, history = await log(service, session_id), await service.history(session_id, 0, 100)
            folded = await fold_session(store, session_id, LATER_STILL)
            after = await log(service, session_id)
            assert folded.events == len(before) - len(after) == 299
            assert [event for event in after if event not in before] == [after[2]]
            assert decode_event(after[2].body) == DeltasFolded("text", 3, None)
            assert await service.history(session_id, 0, 100) == history
            await echo(service, session_id, "and on")
            whole = await log(service, session_id)
            for cursor in range(0, before[-1].seq + 1, 13):
                page = await service.events_since(session_id, cursor, 1000)
                assert page.events == [event for event in whole if event.seq > cursor]

    run(test())


def test_a_follower_in_the_middle_of_what_is_folded_goes_on_without_a_gap(stored: Services, run: Run) -> None:
    async def test() -> None:
        async with stored.open() as service, opened(stored.store()) as store:
            session_id = await make(service, "go", SCRIPT)
            whole = await log(service, session_id)
            seen: list[LoggedEvent] = []
            async with aclosing(service.subscribe(session_id, 0)) as batches:
                async for batch in batches:
                    if not seen:
                        await fold_session(store, session_id, LATER_STILL)
                    for event in batch:
                        last = seen[-1].seq if seen else 0
                        assert event.seq > last
                        assert first_seq(event) <= last + 1
                        seen.append(event)
                    if seen[-1].seq == whole[-1].seq:
                        break
            assert seen[-1] == whole[-1]
            assert b"deltas_folded" in b"".join(event.body for event in seen)

    run(test())


def test_the_service_folds_by_itself_what_is_old(stored: Services, run: Run) -> None:
    async def test() -> None:
        async with stored.open() as service:
            session_id = await make(service, "go", SCRIPT)
            before = await log(service, session_id)
        stored.folding = True
        async with stored.open() as service:
            await until(lambda: shorter(service, session_id, len(before)))
            assert types(await log(service, session_id)).count("deltas_folded") == 1

    run(test())


def test_folding_waits_for_running_turns(run: Run) -> None:
    events = logged(*turn(*deltas(SAID), TextComplete(SAID)))

    async def test() -> None:
        store, asked, ended = MemoryStore(), asyncio.Event(), asyncio.Event()
        session_id = await stored_in(store, events)

        async def turns_ended() -> None:
            asked.set()
            await ended.wait()

        async def is_folded() -> bool:
            return await store.folded_before() > 0

        policy = FoldingPolicy(store, -1, lambda: not ended.is_set(), turns_ended, start_s=0)
        task = asyncio.create_task(policy.run())
        await asked.wait()
        assert await store.events(session_id, 0, 1000) == events
        ended.set()
        await until(is_folded)
        assert len(await store.events(session_id, 0, 1000)) < len(events)
        task.cancel()

    run(test())


async def shorter(service: SessionService, session_id: str, count: int) -> bool:
    return len(await log(service, session_id)) < count


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it holds; the test's guard bounds it."""
    while not await holds():  # noqa: ASYNC110 - what is asked for is the store's to see
        await asyncio.sleep(0.01)
