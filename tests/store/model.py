"""The disk store against the memory store: whatever is done to both, in whatever order, they say the same.

Not a module of tests: the sweep ``model_store`` runs it.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Any, ClassVar

from attrs import evolve
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from meerkat_rpc.domain import (
    AgentConfig,
    Approval,
    Compaction,
    DeltasFolded,
    ErrorInfo,
    Folding,
    LastTurn,
    LoggedEvent,
    Message,
    QueuedPrompt,
    RunningTurn,
    SessionChange,
    SessionHead,
    Spent,
    ToolCall,
    ToolResult,
    TurnOutcome,
    TurnRecord,
    Usage,
)
from meerkat_rpc.errors import MeerkatError
from meerkat_rpc.event_json import encode_event
from meerkat_rpc.store.base import Store
from meerkat_rpc.store.disk import DiskStore
from meerkat_rpc.store.memory import MemoryStore
from meerkat_rpc.store.rules import referred_blobs, run_checksum
from tests.store.blobs import attachment, digest_of
from tests.store.sessions import NOW, OWNER

IN_MEMORY = Path("/dev/shm")
FOLDER = IN_MEMORY if IN_MEMORY.is_dir() else None
"""Where stores are made: nothing here is about syncing, and 5,000 of them would wait for it for an hour."""

TEXTS = st.text(st.characters(), max_size=8)  # lone surrogates too: an agent may say them
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**65), 2**65) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)

SESSIONS = st.sampled_from([f"019a0000-0000-7000-8000-00000000000{digit}" for digit in "123"])
TURN_IDS = [f"019a0000-0000-7000-8000-0000000000b{digit}" for digit in "123"]
TURNS = st.sampled_from(TURN_IDS)
DRIFT = st.sampled_from([0] * 30 + [-1, 1])
"""By how much a caller is mistaken about what is stored: most are not."""

CONTENTS = {digest_of(content): content for content in (b"", b"x", b"some " * 900, bytes(range(256)) * 5000)}
"""What is attached, by its digest: the last lies in several parts."""

DIGESTS = [*CONTENTS]
ATTACHED = st.builds(lambda digest, name: attachment(CONTENTS[digest], name), st.sampled_from(DIGESTS), TEXTS)
ATTACHMENTS = st.lists(ATTACHED, max_size=2).map(tuple)
SELDOM_ATTACHED = st.just(()) | st.just(()) | ATTACHMENTS
"""Or every session would refer to every blob, and none would ever go."""

LONG_TEXTS = TEXTS | st.just("long " * 1000)

MESSAGES = st.builds(
    Message,
    role=st.sampled_from(["user", "assistant", "tool"]),
    content=TEXTS,
    turn_id=TURNS,
    timestamp_ms=st.just(NOW),
    reasoning=st.none() | TEXTS,
    tool_calls=st.lists(st.builds(ToolCall, TEXTS, TEXTS, JSON), max_size=2).map(tuple),
    tool_result=st.none() | st.builds(ToolResult, TEXTS, TEXTS, st.booleans()),
    partial=st.booleans(),
    kind=st.sampled_from([None, None, "context", "steer"]),
    attachments=SELDOM_ATTACHED,
)
ERRORS = st.builds(ErrorInfo, st.just("AGENT_ERROR"), TEXTS, st.dictionaries(TEXTS, JSON, max_size=1))
USAGES = st.builds(Usage, st.integers(0, 99), st.integers(0, 99), st.none() | st.integers(0, 9))
CONFIGS = st.builds(
    AgentConfig,
    model=st.none() | TEXTS,
    provider_params=st.none() | st.just({"a": [1]}),
    budget=st.none() | st.just({"turn": {"tokens": 5}}),
)
HEADS: dict[str, st.SearchStrategy[Any]] = {
    "config": CONFIGS,
    "title": st.none() | TEXTS,
    "first_prompt": st.none() | TEXTS,
    "labels": st.dictionaries(TEXTS, TEXTS, max_size=2),
    "cwd": st.none() | TEXTS,
    "archived": st.booleans(),
    "usage": USAGES,
    "approvals": st.lists(
        st.builds(Approval, TEXTS, TURNS, TEXTS, LONG_TEXTS, JSON, st.lists(TEXTS).map(tuple), st.just(NOW)), max_size=2
    ).map(tuple),
    "allowed": st.lists(LONG_TEXTS, max_size=2).map(tuple),
    "queue": st.lists(
        st.builds(QueuedPrompt, TEXTS, LONG_TEXTS, CONFIGS, SELDOM_ATTACHED, st.booleans()), max_size=2
    ).map(tuple),
    "context": st.lists(MESSAGES, max_size=1).map(tuple),
    "compaction": st.none() | st.builds(Compaction, st.integers(0, 9), LONG_TEXTS, st.integers(0, 9), st.none()),
    "spent": st.builds(Spent, st.integers(0, 9), st.integers(0, 9)),
    "turn_config": CONFIGS,
}
RECORDS = st.builds(
    TurnRecord,
    turn_id=TURNS,
    prompt_digest=TEXTS,
    outcome=st.sampled_from(TurnOutcome),
    first_seq=st.just(1),
    first_message=st.just(0),
    usage=USAGES,
    structured_output=JSON,
    error=st.none() | ERRORS,
)


class StoreMachine(RuleBasedStateMachine):
    """Does the same to a memory store and to a disk store, which is closed and opened again now and then."""

    made: ClassVar[int] = 0
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).made += 1
        self._loop = asyncio.new_event_loop()
        self._folder = Path(tempfile.mkdtemp(dir=FOLDER))
        self._memory = MemoryStore()
        self._disk = self._opened()

    def teardown(self) -> None:
        """See ``RuleBasedStateMachine``."""
        try:
            self.everything_is_the_same()
        finally:
            self._run(self._disk.close())
            self._loop.close()
            shutil.rmtree(self._folder)

    def _opened(self) -> DiskStore:
        disk = DiskStore(self._folder / "store")
        self._run(disk.open())
        return disk

    def _run(self, work: Awaitable[Any]) -> Any:
        return self._loop.run_until_complete(asyncio.wait_for(work, 30))

    def _both(self, call: Callable[[Store], Awaitable[Any]]) -> Any:
        """Do ``call`` to both, compare what comes of it, and return that."""
        expected, found = (self._run(_outcome(call(store))) for store in (self._memory, self._disk))
        assert found == expected, f"disk {found}, memory {expected}"
        return expected

    # -- what is done -----------------------------------------------------------------------------------------------

    @rule(
        session=SESSIONS,
        fields=st.fixed_dictionaries({}, optional=HEADS),
        messages=st.lists(MESSAGES, max_size=3),
        copies=st.sampled_from([1, 1, 1, 9]),
        events=st.integers(0, 70),
        record=st.none() | RECORDS,
        create_turn_id=st.none() | TURNS,
        brought=st.sampled_from([DIGESTS, DIGESTS, [], DIGESTS[:2]]),
        drifts=st.tuples(DRIFT, DRIFT, DRIFT, DRIFT),
    )
    def commit(
        self,
        session: str,
        fields: dict[str, Any],
        messages: list[Message],
        copies: int,
        events: int,
        record: TurnRecord | None,
        create_turn_id: str | None,
        brought: list[str],
        drifts: tuple[int, int, int, int],
    ) -> None:
        """Commit something to a session that is there, or make one."""
        messages *= copies
        head = self._run(self._memory.head(session)) or SessionHead(session, 0, NOW, NOW, AgentConfig())
        following = evolve(
            head,
            revision=head.revision + 1 + drifts[0],
            created_ms=head.created_ms + drifts[1],
            updated_ms=head.updated_ms + 1,
            message_count=head.message_count + len(messages) + drifts[2],
            turn_count=head.turn_count + 1,
            **fields,
            **_of_turn(record),
        )
        log = self._events(session, events, drifts[3])
        first_turn = create_turn_id if head.revision == 0 else None
        change = SessionChange(following, messages, log, record, first_turn)
        change = evolve(change, blobs={digest: CONTENTS[digest] for digest in referred_blobs(change) & {*brought}})
        self._both(methodcaller("commit", change))

    @rule(session=SESSIONS, events=st.integers(0, 200), drift=DRIFT)
    def append(self, session: str, events: int, drift: int) -> None:
        """Append to a session's log."""
        log = self._events(session, events, drift)
        self._both(methodcaller("append", session, log))

    @rule(session=SESSIONS, looked=st.booleans(), drift=DRIFT)
    def delete(self, session: str, looked: bool, drift: int) -> None:
        """Delete a session, or the one that was looked at."""
        head = self._run(self._memory.head(session)) if looked else None
        seen = evolve(head, revision=head.revision + drift) if head else None
        self._both(methodcaller("delete", session, seen))

    @rule(session=SESSIONS, first=st.integers(1, 300), length=st.integers(0, 100), upto=st.integers(0, 300))
    def fold(self, session: str, first: int, length: int, upto: int) -> None:
        """Fold a part of a session's log, if nothing in it is folded yet."""
        run = [event for event in self._log(session) if first <= event.seq <= first + length]
        if run and not any(b"deltas_folded" in event.body for event in run):
            event = run[-1]._replace(body=encode_event(DeltasFolded("text", run[0].seq, None)))
            folding = Folding(run[0].seq, run_checksum(run), event)
            self._both(partial(_fold, session=session, folding=folding, upto=upto))

    @rule()
    def reopen(self) -> None:
        """Close the disk store and open it again."""
        self._run(self._disk.close())
        self._disk = self._opened()

    # -- what is read -----------------------------------------------------------------------------------------------

    @rule(session=SESSIONS, turn=TURNS, first=st.integers(0, 60), after=st.integers(0, 500), count=st.integers(0, 99))
    def pages_are_the_same(self, session: str, turn: str, first: int, after: int, count: int) -> None:
        """Read a page of messages, a page of events, a turn's record."""
        self._both(methodcaller("messages", session, first, count))
        self._both(methodcaller("events", session, after, count))
        self._both(methodcaller("turn", session, turn))

    @invariant()
    def heads_and_rows_are_the_same(self) -> None:
        """Read the catalogue and every head in it."""
        type(self).steps += 1
        rows = self._both(_rows)
        for session in rows:
            self._both(methodcaller("head", session))
            self._both(methodcaller("last_seq", session))
        self._both(_running)
        self._both(methodcaller("known_blobs", DIGESTS))
        for turn in TURN_IDS:
            self._both(methodcaller("session_of_turn", turn))

    def everything_is_the_same(self) -> None:
        """Read all that there is."""
        for session in self._both(_rows):
            self._both(methodcaller("messages", session, 0, 10_000))
            self._both(methodcaller("events", session, 0, 10_000))
            self._both(methodcaller("folded_seq", session))
        for digest in DIGESTS:
            self._both(methodcaller("blob", digest))
        assert self._run(self._disk.check()).problems == []

    def _log(self, session: str) -> list[LoggedEvent]:
        return list(self._run(self._memory.events(session, 0, 10_000)))

    def _events(self, session: str, count: int, drift: int) -> Sequence[LoggedEvent]:
        """Return the next events of a session's log, whose sizes and turns differ."""
        first = self._run(self._memory.last_seq(session)) + 1 + drift
        return [
            LoggedEvent(seq, NOW + seq, f"turn {seq % 3}", b'{"type":"text_delta","delta":"%s"}' % (b"x" * (seq % 7)))
            for seq in range(first, first + count)
        ]


def _of_turn(record: TurnRecord | None) -> dict[str, Any]:
    """Return what a head says that is committed with ``record``."""
    if record is None:
        return {}
    if record.outcome is TurnOutcome.RUNNING:
        return {"running": RunningTurn(record.turn_id, OWNER, record.first_seq, record.first_message, NOW)}
    return {"running": None, "last_turn": LastTurn(record.turn_id, record.outcome, record.error)}


async def _outcome(call: Awaitable[Any]) -> Any:
    """Return what ``call`` returns, or what it refuses with."""
    try:
        return await call
    except (MeerkatError, ValueError) as error:
        return type(error), str(error)


async def _fold(store: Store, session: str, folding: Folding, upto: int) -> int:
    """Fold, and return how many events that took away; how many bytes, is a store's own matter."""
    return (await store.fold(session, [folding], upto)).events


async def _rows(store: Store) -> Any:
    return dict((await store.catalogue())[1])


async def _running(store: Store) -> set[str]:
    return set(await store.running())
