"""Sessions to store, for the tests of stores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve

from meerkat_rpc.domain import (
    AgentConfig,
    LastTurn,
    LoggedEvent,
    Message,
    Owner,
    RunningTurn,
    SessionChange,
    SessionHead,
    TurnOutcome,
    TurnRecord,
    Usage,
)
from meerkat_rpc.ids import new_id
from meerkat_rpc.store.base import Store

OWNER = Owner("019a0000-0000-7000-8000-00000000000a", 4711, "host", "boot", 1_700_000_000_000)
NOW = 1_760_000_000_000


def new_head(**fields: Any) -> SessionHead:
    """Return the head of a session to create; ``fields`` replace what it holds."""
    return evolve(SessionHead(new_id(), 1, NOW, NOW, AgentConfig()), **fields)


def next_head(head: SessionHead, **fields: Any) -> SessionHead:
    """Return the head of the commit that follows ``head``'s."""
    return evolve(head, revision=head.revision + 1, updated_ms=head.updated_ms + 1, **fields)


def message(text: str, turn_id: str = "turn", **fields: Any) -> Message:
    """Return a user's message."""
    return evolve(Message("user", text, turn_id, NOW), **fields)


def events(first: int, count: int, turn_id: str = "turn") -> list[LoggedEvent]:
    """Return ``count`` events from sequence number ``first`` on."""
    bodies = (b'{"type":"text_delta","delta":"%d"}' % seq for seq in range(first, first + count))
    return [LoggedEvent(seq, NOW + seq, turn_id, body) for seq, body in enumerate(bodies, first)]


def turn_record(turn_id: str, outcome: TurnOutcome = TurnOutcome.RUNNING) -> TurnRecord:
    """Return a turn's record."""
    return TurnRecord(turn_id, "digest", outcome, first_seq=1, first_message=0)


async def create(store: Store, **fields: Any) -> SessionHead:
    """Create a session and return its head."""
    head = new_head(**fields)
    await store.commit(SessionChange(head))
    return head


async def add(
    store: Store, head: SessionHead, messages: Sequence[Message] = (), events: Sequence[LoggedEvent] = ()
) -> SessionHead:
    """Commit messages and events to the session and return its new head."""
    following = next_head(head, message_count=head.message_count + len(messages))
    await store.commit(SessionChange(following, messages, events))
    return following


def running(head: SessionHead, turn_id: str) -> SessionHead:
    """Return the head that says that a turn runs."""
    turn = RunningTurn(turn_id, OWNER, first_seq=1, first_message=head.message_count, started_ms=NOW)
    return next_head(head, running=turn)


def ended(head: SessionHead, outcome: TurnOutcome = TurnOutcome.COMPLETED) -> SessionHead:
    """Return the head that says that the running turn has ended."""
    assert head.running is not None
    last = LastTurn(head.running.turn_id, outcome)
    return next_head(head, running=None, last_turn=last, turn_count=head.turn_count + 1, usage=head.usage + Usage(3, 4))
