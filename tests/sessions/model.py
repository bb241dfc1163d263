"""The persistent service against the ephemeral one: whatever a client does, it can't tell them apart.

Not a module of tests: the sweep ``model_service`` runs it.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import orjson
from attrs import fields, frozen, has
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from meerkat_rpc.domain import AgentConfig, LoggedEvent
from meerkat_rpc.errors import MeerkatError
from meerkat_rpc.sessions.service import CreateSession, ListQuery, SessionService, SessionView, StartTurn, TurnHandle
from tests.sessions.services import HANGS, Services, says, script
from tests.store.model import FOLDER

TURN_IDS = [f"019a0000-0000-7000-8000-0000000000b{digit}" for digit in "1234"]
SESSION_IDS = [f"019a0000-0000-7000-8000-0000000000c{digit}" for digit in "12"]

LAST_WORDS = b"so far"

CONFIGS = st.sampled_from(
    [
        AgentConfig(),
        AgentConfig(model="echo", max_tokens=5),
        AgentConfig(model="nobody"),
        says("one two"),
        says("words", {"tool": {"name": "t", "args": {"a": 1}, "result": [1]}}, {"text": "after"}),
        says("before", {"fail": "no", "code": "PROVIDER_ERROR"}),
        script({"reasoning": "hm"}, {"usage": {"input_tokens": 7, "output_tokens": 8}}),
        says(LAST_WORDS.decode(), HANGS),
    ]
)
"""What turns do. The last one hangs until it is interrupted."""

PROMPTS = st.sampled_from(["hello there", "hello again", "a\nb"])
SESSIONS = st.integers(0, 3)
"""Which session, by the order of creation, counted from the latest; with fewer there, any."""

TURNS = st.integers(0, 12)
"""Which turn's id: one of the few in ``TURN_IDS``, else a new one."""

LABELS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=1)

KINDS = ("ephemeral", "disk")

UNKNOWN = "019a0000-0000-7000-8000-00000000dead"

PER_PROCESS = frozenset({"owner", "created_ms", "updated_ms", "timestamp_ms", "started_ms", "duration_ms"})
"""What two services can't agree on: times, and who they are."""


Call = Callable[[SessionService, str], Awaitable[Any]]


@frozen
class _Pair:
    """A session, as each of the services calls it: only a fork is called differently."""

    ephemeral: str
    disk: str


NOBODY = _Pair(UNKNOWN, UNKNOWN)


class ServiceMachine(RuleBasedStateMachine):
    """Does the same to both services, of which the persistent one is closed and opened again now and then."""

    made: ClassVar[int] = 0
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).made += 1
        self._loop = asyncio.new_event_loop()
        self._folder = Path(tempfile.mkdtemp(dir=FOLDER))
        self._opened: dict[str, AbstractAsyncContextManager[SessionService]] = {}
        self._services: dict[str, SessionService] = {}
        self._pairs: list[_Pair] = []
        self._turns = 0
        for kind in KINDS:
            self._open(kind)

    def teardown(self) -> None:
        """See ``RuleBasedStateMachine``."""
        try:
            for pair in self._pairs:
                self._both(pair, _everything)
        finally:
            for kind in KINDS:
                self._close(kind)
            self._loop.close()
            shutil.rmtree(self._folder)

    def _open(self, kind: str) -> None:
        self._opened[kind] = Services(kind, self._folder / "store").open(max_sessions=1000)
        self._services[kind] = self._run(self._opened[kind].__aenter__())

    def _close(self, kind: str) -> None:
        self._run(self._opened[kind].__aexit__(None, None, None))

    def _run(self, work: Awaitable[Any]) -> Any:
        return self._loop.run_until_complete(asyncio.wait_for(work, 30))

    def _both(self, pair: _Pair, call: Call) -> None:
        """Do ``call`` to both services and compare what comes of it."""
        outcomes = {kind: self._run(_outcome(call(self._services[kind], getattr(pair, kind)))) for kind in KINDS}
        self._learn(*outcomes.values())
        expected, found = (self._plain(kind, outcome) for kind, outcome in outcomes.items())
        assert found == expected, f"persistent {found}, ephemeral {expected}"

    def _learn(self, ephemeral: Any, disk: Any) -> None:
        """Note the session that a call answered with."""
        if isinstance(ephemeral, dict) and isinstance(disk, dict):
            pair = _Pair(ephemeral["session_id"], disk["session_id"])
            if pair not in self._pairs:
                self._pairs.append(pair)

    def _plain(self, kind: str, value: Any) -> Any:
        """Return ``value`` without what two services can't agree on."""
        match value:
            case str():
                names = (place for place, pair in enumerate(self._pairs) if getattr(pair, kind) == value)
                return next((f"session {place}" for place in names), value)
            case LoggedEvent():
                return [value.seq, value.turn_id, self._plain(kind, orjson.loads(value.body))]
            case Mapping():
                shown = (item for item in value.items() if item[0] not in PER_PROCESS)
                return {self._plain(kind, name): self._plain(kind, item) for name, item in shown}
            case Sequence() if not isinstance(value, bytes):
                return [self._plain(kind, item) for item in value]
        if has(kind_of := type(value)):
            return self._plain(kind, {item.name: getattr(value, item.name) for item in fields(kind_of)})
        return value

    def _pick(self, place: int) -> _Pair:
        """Return one of the last sessions, or one that never was."""
        return self._pairs[-1 - place] if place < len(self._pairs) else NOBODY

    def _turn_id(self, known: int) -> str:
        """Return a turn's id: one of a few that may have been used, or a new one."""
        self._turns += 1
        return TURN_IDS[known] if known < len(TURN_IDS) else f"019a0000-0000-7000-8000-{self._turns:012x}"

    # -- what is done -----------------------------------------------------------------------------------------------

    @rule(
        prompt=st.none() | PROMPTS,
        config=CONFIGS,
        session_id=st.sampled_from([None, None, None, *SESSION_IDS]),
        turn=TURNS,
        title=st.none() | st.just("titled"),
        labels=LABELS,
    )
    def create(
        self,
        prompt: str | None,
        config: AgentConfig,
        session_id: str | None,
        turn: int,
        title: str | None,
        labels: dict[str, str],
    ) -> None:
        """Create a session, and see its first turn out."""
        request = CreateSession(prompt, config, title, labels, "/here", session_id, self._turn_id(turn))

        async def call(service: SessionService, _: str) -> Any:
            created = await service.create(request)
            first = None if created.turn is None else await _seen(service, created.turn)
            return {"session_id": created.session_id, "first": first}

        self._both(NOBODY, call)

    @rule(session=SESSIONS, prompt=PROMPTS, config=st.none() | CONFIGS, turn=TURNS)
    def start_turn(self, session: int, prompt: str, config: AgentConfig | None, turn: int) -> None:
        """Start a turn, and see it out unless it hangs."""
        turn_id = self._turn_id(turn)

        async def call(service: SessionService, session_id: str) -> Any:
            return await _seen(
                service, await service.start_turn(StartTurn(session_id, prompt, config or AgentConfig(), turn_id))
            )

        self._both(self._pick(session), call)

    @rule(session=SESSIONS, turn=st.none() | TURNS)
    def interrupt(self, session: int, turn: int | None) -> None:
        """Interrupt what runs, or a turn that may run."""
        turn_id = None if turn is None else self._turn_id(turn)
        self._both(self._pick(session), lambda service, session_id: service.interrupt(session_id, turn_id))

    @rule(session=SESSIONS)
    def archive(self, session: int) -> None:
        """Archive a session; interrupt what it would wait for."""

        async def call(service: SessionService, session_id: str) -> Any:
            return await asyncio.gather(_outcome(service.archive(session_id)), _outcome(service.interrupt(session_id)))

        self._both(self._pick(session), call)

    @rule(session=SESSIONS)
    def unarchive(self, session: int) -> None:
        """Take a session back."""
        self._both(self._pick(session), methodcaller_of("unarchive"))

    @rule(session=SESSIONS)
    def delete(self, session: int) -> None:
        """Delete a session, whatever it does."""
        self._both(self._pick(session), methodcaller_of("delete"))

    @rule(session=SESSIONS, title=st.none() | st.just("another"), labels=st.none() | LABELS)
    def update(self, session: int, title: str | None, labels: dict[str, str] | None) -> None:
        """Rename a session."""
        self._both(self._pick(session), methodcaller_of("update", title, labels))

    @rule(session=SESSIONS, index=st.integers(0, 5))
    def fork(self, session: int, index: int) -> None:
        """Fork a session."""

        async def call(service: SessionService, session_id: str) -> Any:
            return {"session_id": await service.fork(session_id, index)}

        self._both(self._pick(session), call)

    @rule()
    def reopen(self) -> None:
        """Close the persistent service, when nothing runs, and open another on its store."""
        for pair in self._pairs:
            self._both(pair, methodcaller_of("interrupt"))
        self._close("disk")
        self._open("disk")

    # -- what is read -----------------------------------------------------------------------------------------------

    @rule(session=SESSIONS, offset=st.integers(0, 9), limit=st.integers(1, 5))
    def histories_are_the_same(self, session: int, offset: int, limit: int) -> None:
        """Read a page of messages."""
        self._both(self._pick(session), methodcaller_of("history", offset, limit))

    @rule(session=SESSIONS, after=st.integers(0, 40), limit=st.integers(1, 20))
    def logs_are_the_same(self, session: int, after: int, limit: int) -> None:
        """Read a page of events."""
        self._both(self._pick(session), methodcaller_of("events_since", after, limit))

    @rule(query=st.builds(ListQuery, st.integers(1, 3), st.integers(0, 3), labels=LABELS, query=st.none() | PROMPTS))
    def pages_are_as_long(self, query: ListQuery) -> None:
        """List some sessions: how many match, and whether more follow. Which come first is a question of the time."""

        async def call(service: SessionService, _: str) -> Any:
            page = await service.list(query)
            return len(page.sessions), page.next is not None, page.total

        self._both(NOBODY, call)

    @invariant()
    def listings_are_the_same(self) -> None:
        """List all sessions."""
        type(self).steps += 1
        for archived in (False, True):
            self._both(NOBODY, partial(_listed, archived=archived))


def methodcaller_of(name: str, *args: Any) -> Call:
    """Return what calls that method of a service with a session's id and ``args``."""
    return lambda service, session_id: getattr(service, name)(session_id, *args)


async def _outcome(call: Awaitable[Any]) -> Any:
    """Return what ``call`` returns, or what it refuses with."""
    try:
        return await call
    except MeerkatError as error:
        return [type(error).__name__, error.message, error.data]


async def _seen(service: SessionService, turn: TurnHandle) -> Any:
    """See a turn out and return all that is seen of it; leave one that hangs when it has said its last words."""
    seen: dict[str, Any] = {"session_id": turn.session_id, "turn_id": turn.turn_id, "replayed": turn.replayed}
    if turn.replayed and _runs(await service.read(turn.session_id), turn.turn_id):
        return seen
    events: list[LoggedEvent] = []
    async with aclosing(turn.events()) as batches:
        async for batch in batches:
            events += batch
            if LAST_WORDS in events[-1].body:
                return seen
    return seen | {"events": events, "result": await _outcome(turn.result())}


def _runs(view: SessionView, turn_id: str) -> bool:
    return view.head.running is not None and view.head.running.turn_id == turn_id


async def _listed(service: SessionService, _: str, *, archived: bool) -> Any:
    """Return every session by its id, and check the order."""
    page = await service.list(ListQuery(1000, archived=archived))
    times = [row.updated_ms for row in page.sessions]
    assert times == sorted(times, reverse=True)
    return page.total, {row.session_id: row for row in page.sessions}


async def _everything(service: SessionService, session_id: str) -> Any:
    """Return all that can be read of a session."""
    return [
        await _outcome(service.read(session_id)),
        await _outcome(service.history(session_id, 0, 1000)),
        await _outcome(service.events_since(session_id, 0, 1000)),
        await _outcome(service.latest_seq(session_id)),
    ]
