"""Real services for the tests of sessions, and small agents for what no agent of ours does on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson

from meerkat_rpc.agents.base import Agent, AgentResult, AgentTurn, Summary
from meerkat_rpc.agents.registry import AgentRegistry
from meerkat_rpc.domain import AgentConfig, LoggedEvent, Message, Owner, RunResult
from meerkat_rpc.processes import this_process
from meerkat_rpc.sessions.ephemeral import EphemeralSessionService
from meerkat_rpc.sessions.folding import FoldingPolicy
from meerkat_rpc.sessions.lease import Lease
from meerkat_rpc.sessions.persistent import PersistentSessionService
from meerkat_rpc.sessions.service import CreateSession, SessionService, StartTurn, TurnHandle
from meerkat_rpc.sessions.store_journal import StoreJournal
from meerkat_rpc.sessions.surroundings import Surroundings
from meerkat_rpc.store.base import Store
from meerkat_rpc.store.disk import DiskStore
from meerkat_rpc.store.memory import MemoryStore

KINDS = ("ephemeral", "memory", "disk")

Behaviour = Callable[[AgentTurn], Awaitable[AgentResult]]
Summarise = Callable[[Sequence[Message]], Awaitable[Summary]]


class Services:
    """Opens session services. Those opened at the same time, or one after the other, share a store.

    A session whose model is the name of a behaviour given to ``behave`` is run by that.
    """

    folding = False
    """Whether deltas are folded, even those of a turn that ended in this very millisecond."""

    def __init__(self, kind: str, path: Path) -> None:
        self.kind = kind
        self.path = path
        self.surroundings = Surroundings()
        self._memory = MemoryStore()
        self._behaviours: dict[str, Agent] = {}

    def behave(
        self, model: str, behaviour: Behaviour, *, resumes: bool = False, summarise: Summarise | None = None
    ) -> None:
        """Have sessions of ``model`` run by ``behaviour``, which can take turns up again if ``resumes``, and whose
        histories are summarised by ``summarise``."""
        agent = _Behaving(behaviour, resumes=resumes)
        self._behaviours[model] = agent if summarise is None else _Summarising(behaviour, summarise)

    @asynccontextmanager
    async def open(self, max_sessions: int = 100, owner: Owner | None = None) -> AsyncGenerator[SessionService, None]:
        """Open a service, as a process of its own would: this one, or ``owner``."""
        service = self._make(max_sessions, owner or this_process())
        if isinstance(service, PersistentSessionService):
            await service.open()
        try:
            yield service
        finally:
            await service.close()

    def _make(self, max_sessions: int, owner: Owner) -> EphemeralSessionService | PersistentSessionService:
        registry = AgentRegistry("echo")
        if self.kind == "ephemeral":
            return EphemeralSessionService(
                self._builder(registry), registry.complete, owner, max_sessions, surroundings=self.surroundings
            )
        store = self.store()
        live = EphemeralSessionService(
            self._builder(registry),
            registry.complete,
            owner,
            max_sessions,
            lambda name: StoreJournal(store, name),
            self.surroundings,
        )

        def is_busy() -> bool:
            return live.sessions.running_turns > 0

        folding = FoldingPolicy(store, -1, is_busy, live.turns_ended, start_s=0) if self.folding else None
        return PersistentSessionService(store, live, Lease(store, owner, is_busy), folding)

    def store(self) -> Store:
        """Return the store, or another connection to it."""
        return self._memory if self.kind == "memory" else DiskStore(self.path)

    def _builder(self, registry: AgentRegistry) -> Callable[[AgentConfig], Agent]:
        def build(config: AgentConfig) -> Agent:
            return self._behaviours.get(config.model or "") or registry.build(config)

        return build


class _Behaving:
    def __init__(self, behaviour: Behaviour, *, resumes: bool = False) -> None:
        self._behaviour = behaviour
        self.resumes = resumes

    async def run(self, turn: AgentTurn) -> AgentResult:
        return await self._behaviour(turn)


class _Summarising(_Behaving):
    def __init__(self, behaviour: Behaviour, summarise: Summarise) -> None:
        super().__init__(behaviour)
        self._summarise = summarise

    async def summarise(self, messages: Sequence[Message]) -> Summary:
        return await self._summarise(messages)


def script(*steps: dict[str, Any]) -> AgentConfig:
    """Return the configuration of a session that plays ``steps``."""
    return AgentConfig(model="scripted", provider_params={"script": list(steps)})


def says(text: str, *then: dict[str, Any]) -> AgentConfig:
    """Return the configuration of a session that says ``text`` and does ``then``."""
    return script({"text": text}, *then)


HANGS: dict[str, Any] = {"sleep_ms": 600_000}
"""A step that only an interrupt ends."""


async def make(
    service: SessionService, prompt: str | None = None, config: AgentConfig | None = None, **more: Any
) -> str:
    """Create a session, run its first turn if there is a prompt, and return its id."""
    created = await service.create(CreateSession(prompt, config or AgentConfig(model="echo"), **more))
    if created.turn is not None:
        await created.turn.result()
    return created.session_id


async def start(
    service: SessionService, session_id: str, prompt: str = "go", config: AgentConfig | None = None, **more: Any
) -> TurnHandle:
    """Start a turn."""
    return await service.start_turn(StartTurn(session_id, prompt, config or AgentConfig(), **more))


async def echo(service: SessionService, session_id: str, prompt: str) -> RunResult:
    """Run a turn that echoes its prompt."""
    return await (await start(service, session_id, prompt, AgentConfig(model="echo"))).result()


async def hanging(service: SessionService, text: str = "so far", **more: Any) -> TurnHandle:
    """Start a session whose first turn says ``text`` and hangs; return when the text has been said."""
    created = await service.create(CreateSession("begin", says(text, HANGS), **more))
    assert created.turn is not None
    await said(created.turn, text)
    return created.turn


async def said(turn: TurnHandle, text: str) -> None:
    """Wait until the turn has said ``text``."""
    heard = ""
    async for batch in turn.events():
        for event in batch:
            document = orjson.loads(event.body)
            heard += document["delta"] if document["type"] == "text_delta" else ""
        if text in heard:
            return
    raise AssertionError(f"the turn ended having said {heard!r}")


async def event_of(turn: TurnHandle, kind: str) -> dict[str, Any]:
    """Wait for the turn's next event of that type, and return it."""
    async for batch in turn.events():
        for event in batch:
            document: dict[str, Any] = orjson.loads(event.body)
            if document["type"] == kind:
                return document
    raise AssertionError(f"the turn ended without {kind}")


async def asking(service: SessionService, config: AgentConfig) -> tuple[TurnHandle, str]:
    """Start a session whose first turn asks a person; return the turn and the question's id."""
    created = await service.create(CreateSession("begin", config))
    assert created.turn is not None
    return created.turn, (await event_of(created.turn, "approval_requested"))["approval_id"]


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """Wait until ``condition`` holds."""
    while not await condition():  # noqa: ASYNC110 - what another process did is only seen by looking
        await asyncio.sleep(0.01)


def documents(events: Sequence[LoggedEvent]) -> list[dict[str, Any]]:
    """Return ``events``, decoded."""
    return [orjson.loads(event.body) for event in events]


def types(events: Sequence[LoggedEvent]) -> list[str]:
    """Return the types of ``events``."""
    return [orjson.loads(event.body)["type"] for event in events]


async def log(service: SessionService, session_id: str) -> list[LoggedEvent]:
    """Return the session's whole log."""
    events: list[LoggedEvent] = []
    while True:
        after = events[-1].seq if events else 0
        page = await service.events_since(session_id, after, 1000)
        events += page.events
        if not page.has_more(after):
            return events
