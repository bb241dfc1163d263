"""Stores with a past: sessions and turns written through the store's own interface, without running any."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
            await store.commit(SessionChange(head, _messages(turn_id, at)))


async def seed_turns(path: str, count: int) -> tuple[str, list[float]]:
    """Write one session of ``count`` turns; return its id and the milliseconds that each turn's last commit took."""
    owner = this_process()
    at = BEGAN_MS
    head = SessionHead(new_id(), 1, at, at, AgentConfig(model="echo"), first_prompt=PROMPT)
    spent = []
    async with opened(path) as store:
        await store.commit(SessionChange(head))
        for number in range(count):
            turn_id, seq = new_id(), number * 6
            question, answer = _messages(turn_id, at)
            running = RunningTurn(turn_id, owner, seq + 1, head.message_count, at)
            record = TurnRecord(turn_id, "0" * 24, TurnOutcome.RUNNING, seq + 1, head.message_count)
            first, *events = _events(head.session_id, turn_id, seq)
            head = evolve(
                head,
                revision=head.revision + 1,
                message_count=head.message_count + 1,
                turn_count=number + 1,
                running=running,
            )
            await store.commit(SessionChange(head, [question], [first], record))
            head = evolve(
                head,
                revision=head.revision + 1,
                message_count=head.message_count + 1,
                usage=head.usage + Usage(20, 20),
                running=None,
                last_turn=LastTurn(turn_id, TurnOutcome.COMPLETED),
            )
            record = evolve(record, outcome=TurnOutcome.COMPLETED, message_count=2, turns=1, usage=head.usage)
            begin = now()
            await store.commit(SessionChange(head, [answer], events, record))
            spent.append(now() - begin)
    return head.session_id, spent


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
