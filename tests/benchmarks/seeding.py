"""Stores with a past: sessions and turns written through the store's own interface, without running any."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from attrs import evolve

from meerkat_rpc.domain import (
    AgentConfig,
    Event,
    LastTurn,
    LoggedEvent,
    Message,
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
from meerkat_rpc.processes import this_process
from meerkat_rpc.store.base import Store
from meerkat_rpc.store.disk import DiskStore
from tests.benchmarks.server import now

BEGAN_MS = 1_750_000_000_000
FOLDERS = 20
EVENTS_A_TURN = 6
BATCH = 256
PROMPT = "Why does the second test of the parser fail when the first one ran before it?"
ANSWER = "Because the first leaves its handle open; the second then reads what is left of the buffer."


@asynccontextmanager
async def opened(path: str) -> AsyncIterator[Store]:
    """The store at ``path``, open."""
    store = DiskStore(path)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def seed_sessions(path: str, count: int) -> None:
    """Write ``count`` sessions of one turn each."""
    async with opened(path) as store:
        for number in range(count):
            turn_id, at = new_id(), BEGAN_MS + number * 1000
            head = SessionHead(
                session_id=new_id(),
                revision=1,
                created_ms=at,
                updated_ms=at,
                config=AgentConfig(model="echo"),
                first_prompt=f"Question {number}: {PROMPT}",
                labels={"team": f"t{number % 7}"},
                cwd=f"/home/me/project-{number % FOLDERS}",
                message_count=2,
                turn_count=1,
                usage=Usage(20, 20),
                last_turn=LastTurn(turn_id, TurnOutcome.COMPLETED),
            )
            record = TurnRecord(turn_id, "0" * 24, TurnOutcome.COMPLETED, 1, 0, message_count=2, turns=1)
            await store.commit(SessionChange(head, _messages(turn_id, at), turn=record))


class _Bulk:
    """Events that take a kilobyte each on disk: hexadecimal digits, which compress to a half."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        # Enough of them that no two within the reach of zlib's window are the same.
        self._bodies = [encode_event(TextDelta(rng.randbytes(1000).hex())) for _ in range(2000)]

    def events(self, first: int, count: int, turn_id: str) -> list[LoggedEvent]:
        """Return ``count`` events."""
        bodies = self._rng.sample(self._bodies, count)
        return [LoggedEvent(seq, BEGAN_MS, turn_id, body) for seq, body in enumerate(bodies, first)]


async def seed_archive(path: str, ages_ms: Sequence[int], kilobytes: int, rng: random.Random) -> list[str]:
    """Write a session of one turn for each of ``ages_ms``, last used so long ago; return their ids.

    Every tenth is archived.
    """
    written, now_ms, bulk = [], time.time_ns() // 1_000_000, _Bulk(rng)
    async with opened(path) as store:
        for number, age_ms in enumerate(ages_ms):
            turn_id, at = new_id(), now_ms - age_ms
            head = SessionHead(
                session_id=new_id(),
                revision=1,
                created_ms=at,
                updated_ms=at,
                config=AgentConfig(model="echo"),
                first_prompt=f"Question {number}: {PROMPT}",
                labels={"team": f"t{number % 7}"},
                cwd=f"/home/me/project-{number % FOLDERS}",
                archived=number % 10 == 0,
                message_count=2,
                turn_count=1,
                usage=Usage(20, 20),
                last_turn=LastTurn(turn_id, TurnOutcome.COMPLETED),
            )
            events = bulk.events(1, kilobytes, turn_id)
            record = TurnRecord(turn_id, "0" * 24, TurnOutcome.COMPLETED, 1, 0, message_count=2, turns=1)
            await store.commit(SessionChange(head, _messages(turn_id, at), events, record))
            written.append(head.session_id)
    return written


async def seed_bulk(path: str, kilobytes: int, rng: random.Random) -> str:
    """Write one session with a log of so many kilobytes; return its id."""
    bulk = _Bulk(rng)
    async with opened(path) as store:
        head = SessionHead(new_id(), 1, BEGAN_MS, time.time_ns() // 1_000_000, AgentConfig(model="echo"))
        await store.commit(SessionChange(head))
        for first in range(1, kilobytes + 1, BATCH):
            count = min(BATCH, kilobytes + 1 - first)
            await store.append(head.session_id, bulk.events(first, count, head.session_id))
        return head.session_id


class Talk:
    """One session of a store, which takes turn after turn."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._owner = this_process()
        self._head = SessionHead(new_id(), 1, BEGAN_MS, BEGAN_MS, AgentConfig(model="echo"), first_prompt=PROMPT)

    async def begin(self) -> str:
        """Create the session and return its id."""
        await self._store.commit(SessionChange(self._head))
        return self._head.session_id

    async def turn(self) -> float:
        """Write a turn, with its two commits, and return the milliseconds that the last one took."""
        head, turn_id = self._head, new_id()
        seq = head.turn_count * EVENTS_A_TURN
        question, answer = _messages(turn_id, BEGAN_MS)
        first, *events = _events(head.session_id, turn_id, seq)
        record = TurnRecord(turn_id, "0" * 24, TurnOutcome.RUNNING, seq + 1, head.message_count)
        running = RunningTurn(turn_id, self._owner, seq + 1, head.message_count, BEGAN_MS)
        head = _advanced(head, turn_count=head.turn_count + 1, running=running)
        await self._store.commit(SessionChange(head, [question], [first], record))
        usage = head.usage + Usage(20, 20)
        last = LastTurn(turn_id, TurnOutcome.COMPLETED)
        self._head = _advanced(head, usage=usage, running=None, last_turn=last)
        record = evolve(record, outcome=TurnOutcome.COMPLETED, message_count=2, turns=1, usage=usage)
        begin = now()
        await self._store.commit(SessionChange(self._head, [answer], events, record))
        return now() - begin


def _advanced(head: SessionHead, **changes: Any) -> SessionHead:
    return evolve(head, revision=head.revision + 1, message_count=head.message_count + 1, **changes)


async def seed_turns(path: str, count: int) -> str:
    """Write one session of ``count`` turns; return its id."""
    async with opened(path) as store:
        talk = Talk(store)
        session_id = await talk.begin()
        for _ in range(count):
            await talk.turn()
        return session_id


def _messages(turn_id: str, at: int) -> tuple[Message, Message]:
    return Message("user", PROMPT, turn_id, at), Message("assistant", ANSWER, turn_id, at)


def _events(session_id: str, turn_id: str, seq: int) -> list[LoggedEvent]:
    happened: list[Event] = [
        RunStarted(session_id, PROMPT),
        TurnStarted(1),
        TextDelta(ANSWER),
        TextComplete(ANSWER),
        TurnCompleted("end_turn", Usage(20, 20)),
        RunCompleted(session_id, ANSWER, Usage(20, 20)),
    ]
    return [LoggedEvent(n, BEGAN_MS, turn_id, encode_event(event)) for n, event in enumerate(happened, seq + 1)]
