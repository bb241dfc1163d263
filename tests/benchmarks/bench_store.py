"""What the durable store costs by itself: ``python -m tests.benchmarks.bench_store``.

Times are taken in the store's thread, where the work is done; "awaited" ones include the way there and back, which on a
virtual machine is mostly the waking of a processor.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from attrs import define, evolve

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import (
    AgentConfig,
    Event,
    LastTurn,
    LoggedEvent,
    Message,
    Owner,
    RunCompleted,
    RunningTurn,
    RunStarted,
    SessionChange,
    SessionHead,
    TextComplete,
    TextDelta,
    TurnCompleted,
    TurnOutcome,
    TurnRecord,
    TurnStarted,
    Usage,
)
from meerkat_rpc.event_json import encode_event
from meerkat_rpc.ids import new_id
from meerkat_rpc.store.disk import DiskStore
from meerkat_rpc.store.disk_parts import Parts
from tests.benchmarks.figures import AT_MOST, COLUMNS, Figure, benchmark, heading, median, row

OWNER = Owner(new_id(), os.getpid(), "bench", new_id(), now_ms())
PROMPT = "Say these words back to me, please"
USAGE = Usage(7, 7)
ROUNDS = 100


@benchmark
def store_commits() -> Iterable[Figure]:
    """Commits of small turns, early and late ones by turns."""
    with tempfile.TemporaryDirectory() as folder:
        early, late, awaited, size = asyncio.run(_commits(f"{folder}/store"))
    yield median("store: commit that ends turn 2", early, "ms", (AT_MOST, 0.5))
    yield median("store: commit that ends turn 1,000", late, "ms", (AT_MOST, 0.5))
    yield median("store: the same, awaited", awaited, "ms")
    yield Figure("store: disk a small turn", size, "KB", (AT_MOST, 1.6))


@benchmark
def store_appends() -> Iterable[Figure]:
    """Events of a streaming turn, and pages of them."""
    with tempfile.TemporaryDirectory() as folder:
        appends, pages, histories = asyncio.run(_appends(f"{folder}/store"))
    yield median("store: append of 64 events", appends, "ms", (AT_MOST, 0.2))
    yield median("store: page of 100 events, cold, awaited", pages, "ms", (AT_MOST, 2.8))
    yield median("store: page of 100 messages, cold, awaited", histories, "ms", (AT_MOST, 2.8))


@benchmark
def store_catalogue() -> Iterable[Figure]:
    """Opening, listing and closing a store of many sessions."""
    for count in (1_000, 10_000):
        with tempfile.TemporaryDirectory() as folder:
            opens, firsts, warms, closes = asyncio.run(_catalogue(f"{folder}/store", count))
        yield median(f"store of {count:,}: open", opens, "ms", (AT_MOST, 50))
        yield median(f"store of {count:,}: first listing", firsts, "ms", (AT_MOST, 100))
        yield median(f"store of {count:,}: listing, warm", warms, "ms", (AT_MOST, 1))
        yield median(f"store of {count:,}: close", closes, "ms", (AT_MOST, 10))


# -- What is stored ----------------------------------------------------------------------------------------------


@define
class Talk:
    """A session of small turns, such as the echo agent's."""

    head: SessionHead
    seq: int = 0

    def created(self) -> SessionChange:
        """Return the change that creates it."""
        return SessionChange(self.head)

    def admitted(self) -> SessionChange:
        """Return the change that lets a turn in."""
        turn_id, said = new_id(), self.head.message_count
        running = RunningTurn(turn_id, OWNER, self.seq + 1, said, now_ms())
        turn = TurnRecord(turn_id, "d" * 64, TurnOutcome.RUNNING, self.seq + 1, said)
        self.head = evolve(self.head, revision=self.head.revision + 1, running=running, message_count=said + 1)
        events = self._logged(turn_id, RunStarted(self.head.session_id, PROMPT))
        return SessionChange(self.head, [Message("user", PROMPT, turn_id, now_ms())], events, turn)

    def ended(self) -> SessionChange:
        """Return the change that ends the turn."""
        assert self.head.running is not None
        running, usage = self.head.running, self.head.usage + USAGE
        turn = TurnRecord(
            turn_id=running.turn_id,
            prompt_digest="d" * 64,
            outcome=TurnOutcome.COMPLETED,
            first_seq=running.first_seq,
            first_message=running.first_message,
            turns=1,
            usage=usage,
            turn_usage=USAGE,
            stop_reason="end_turn",
        )
        self.head = evolve(
            self.head,
            revision=self.head.revision + 1,
            updated_ms=now_ms(),
            running=None,
            message_count=self.head.message_count + 1,
            turn_count=self.head.turn_count + 1,
            usage=usage,
            last_turn=LastTurn(running.turn_id, TurnOutcome.COMPLETED),
        )
        answer = Message("assistant", PROMPT, running.turn_id, now_ms())
        events = self._logged(
            running.turn_id,
            TurnStarted(1),
            TextDelta(PROMPT),
            TextComplete(PROMPT),
            TurnCompleted("end_turn", USAGE),
            RunCompleted(self.head.session_id, PROMPT, USAGE),
        )
        return SessionChange(self.head, [answer], events, turn)

    def _logged(self, turn_id: str, *events: Event) -> list[LoggedEvent]:
        first = self.seq + 1
        self.seq += len(events)
        return [LoggedEvent(seq, now_ms(), turn_id, encode_event(event)) for seq, event in enumerate(events, first)]


def new_talk() -> Talk:
    """Return a session that is still to be created."""
    now = now_ms()
    return Talk(SessionHead(new_id(), 1, now, now, AgentConfig(model="echo"), first_prompt=PROMPT))


# -- How it is measured ------------------------------------------------------------------------------------------


@asynccontextmanager
async def opened(path: str) -> AsyncIterator[DiskStore]:
    """Yield the store at ``path``, open."""
    store = DiskStore(path)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def in_thread(store: DiskStore, job: Callable[[Parts], object]) -> float:
    """Return the milliseconds that ``job`` takes in the store's thread."""

    def clocked(parts: Parts) -> float:
        start = time.perf_counter()
        job(parts)
        return (time.perf_counter() - start) * 1e3

    return await store._run(clocked)


async def awaited(call: Awaitable[object]) -> float:
    """Return the milliseconds until ``call`` has returned."""
    start = time.perf_counter()
    await call
    return (time.perf_counter() - start) * 1e3


async def _commits(path: str) -> tuple[list[float], list[float], list[float], float]:
    """Return the times of early and of late commits, those of awaited ones, and the KB that a turn leaves."""
    long, sizes = new_talk(), []
    early: list[float] = []
    late: list[float] = []
    whole: list[float] = []
    for turns in (100, 1000):
        async with opened(path) as store:
            if turns == 100:
                await store.commit(long.created())
            await _talk(store, long, turns)
        sizes.append(_size(path))
    async with opened(path) as store:
        for _ in range(ROUNDS):
            fresh = new_talk()
            await store.commit(fresh.created())
            await _talk(store, fresh, 1)
            for talk, times in ((fresh, early), (long, late)):
                await store.commit(talk.admitted())
                times.append(await in_thread(store, _commit(talk.ended())))
            await store.commit(long.admitted())
            whole.append(await awaited(store.commit(long.ended())))
    return early, late, whole, (sizes[1] - sizes[0]) / 1e6


def _commit(change: SessionChange) -> Callable[[Parts], object]:
    return lambda parts: parts.sessions.commit(change)


def _append(session_id: str, events: list[LoggedEvent]) -> Callable[[Parts], object]:
    return lambda parts: parts.lanes.append(session_id, events)


async def _talk(store: DiskStore, talk: Talk, turns: int) -> None:
    for _ in range(turns):
        await store.commit(talk.admitted())
        await store.commit(talk.ended())


async def _appends(path: str) -> tuple[list[float], list[float], list[float]]:
    talk, turn_id = new_talk(), new_id()
    appends: list[float] = []
    pages: list[float] = []
    histories: list[float] = []
    session_id = talk.head.session_id
    async with opened(path) as store:
        await store.commit(talk.created())
        for first in range(1, 64 * 3 * ROUNDS, 64):
            bodies = [encode_event(TextDelta(f"word {number} and more ")) for number in range(64)]
            batch = [LoggedEvent(seq, now_ms(), turn_id, body) for seq, body in enumerate(bodies, first)]
            appends.append(await in_thread(store, _append(session_id, batch)))
        said = [Message("user", f"{PROMPT} {number}", turn_id, now_ms()) for number in range(2000)]
        await store.commit(SessionChange(evolve(talk.head, revision=2, message_count=2000), said))
    for _ in range(20):
        async with opened(path) as store:
            pages.append(await awaited(store.events(session_id, 5000, 100)))
        async with opened(path) as store:
            histories.append(await awaited(store.messages(session_id, 900, 100)))
    return appends, pages, histories


async def _catalogue(path: str, count: int) -> tuple[list[float], ...]:
    async with opened(path) as store:
        for _ in range(count):
            await store.commit(new_talk().created())
    rounds = []
    for _ in range(10):
        store = DiskStore(path)
        rounds.append(
            [
                await awaited(store.open()),
                await awaited(store.catalogue()),
                await awaited(store.catalogue()),
                await awaited(store.close()),
            ]
        )
    return tuple(list(times) for times in zip(*rounds, strict=True))


def _size(path: str) -> int:
    return sum(entry.stat().st_size for entry in os.scandir(path))


def main() -> int:
    """Measure, and print the table."""
    print(heading())
    print(COLUMNS)
    for measure in (store_commits, store_appends, store_catalogue):
        for figure in measure():
            print(row(figure), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
