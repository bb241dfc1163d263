"""Agents that say what no agent should: their turns are kept, and their sessions can be read."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from meerkat_rpc.agents.base import AgentResult, AgentTurn
from meerkat_rpc.domain import (
    MAX_TOKENS,
    AgentConfig,
    Event,
    ReasoningDelta,
    TextComplete,
    TextDelta,
    ToolCallRequested,
    TurnCompleted,
    TurnStarted,
    Usage,
)
from meerkat_rpc.errors import AgentError, MeerkatError, ProviderError
from meerkat_rpc.rpc.mapping import error_of
from meerkat_rpc.sessions.service import CreateSession, ListQuery, SessionService
from tests.sessions.services import Services, make, start

Run = Callable[[Coroutine[Any, Any, None]], None]


def test_token_counts_that_no_model_has_are_cut(services: Services, run: Run) -> None:
    async def counting(turn: AgentTurn) -> AgentResult:
        await turn.emit(TurnStarted(1))
        await turn.emit(TurnCompleted("end_turn", Usage(-5, 2**64, cache_read_tokens=-1)))
        return AgentResult()

    async def scenario() -> None:
        services.behave("counting", counting)
        async with services.open() as service:
            session_id = await make(service, "one", AgentConfig(model="counting"))
            result = await (await start(service, session_id, "two")).result()
            assert result.usage == Usage(0, MAX_TOKENS, 0)
            (row,) = (await service.list(ListQuery())).sessions
            assert row.total_tokens == MAX_TOKENS

    run(scenario())


CYCLE: list[Any] = []
CYCLE.append(CYCLE)


class Speechless(Exception):
    """Can't even say what it is."""

    def __str__(self) -> str:
        raise ValueError


class Unknown(AgentError):
    """An error with a code of the agent's own."""

    code = "ACME_FAILURE"


async def failure(services: Services, service: SessionService, behaviour: Any) -> MeerkatError:
    """Return what a turn that behaves so fails with; its session goes on, and is what a later service finds."""
    services.behave("odd", behaviour)
    created = await service.create(CreateSession("go", AgentConfig(model="odd")))
    assert created.turn is not None
    with pytest.raises(MeerkatError) as caught:
        await created.turn.result()
    view = await service.read(created.session_id)
    assert view.head.last_turn is not None
    assert view.head.last_turn.outcome.value == "failed"
    again = await start(service, created.session_id, "again", AgentConfig(model="echo"))
    assert (await again.result()).text == "again"
    return caught.value


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        (Speechless(), "AGENT_ERROR", "Speechless"),
        (ProviderError("no key", what=object(), code=1), "PROVIDER_ERROR", "no key"),
        (Unknown("it broke"), "AGENT_ERROR", "it broke"),
    ],
    ids=["one that can't be shown", "one with odd data", "one of its own"],
)
def test_an_odd_exception_fails_the_turn_and_can_be_told(
    services: Services, run: Run, raised: Exception, code: str, message: str
) -> None:
    async def raising(_turn: AgentTurn) -> AgentResult:
        raise raised

    async def scenario() -> None:
        async with services.open() as service:
            told = error_of(await failure(services, service, raising))
            assert (told.data["code"], told.message) == (code, message)

    run(scenario())


NONE: list[Any] = [5, None, object()]
"""What is no text."""


@pytest.mark.parametrize(
    "event",
    [TextDelta(NONE[0]), TextComplete(NONE[1]), ReasoningDelta(NONE[2])],
    ids=lambda event: type(event).__name__,
)
def test_text_that_is_none_fails_the_turn(services: Services, run: Run, event: Event) -> None:
    async def saying(turn: AgentTurn) -> AgentResult:
        await turn.emit(event)
        return AgentResult()

    async def scenario() -> None:
        async with services.open() as service:
            assert "expected text" in (await failure(services, service, saying)).message

    run(scenario())


def test_an_agent_that_returns_nothing_fails_the_turn(services: Services, run: Run) -> None:
    async def forgetting(_turn: AgentTurn) -> None:
        return

    async def scenario() -> None:
        async with services.open() as service:
            assert "returned NoneType" in (await failure(services, service, forgetting)).message

    run(scenario())


@pytest.mark.parametrize("odd", [10**5000, CYCLE], ids=["a number of 5,000 digits", "a list in itself"])
def test_a_result_that_has_no_text_fails_the_turn(services: Services, run: Run, odd: Any) -> None:
    async def returning(_turn: AgentTurn) -> AgentResult:
        return AgentResult(structured_output=odd)

    async def scenario() -> None:
        async with services.open() as service:
            assert (await failure(services, service, returning)).code == "AGENT_ERROR"

    run(scenario())


def test_values_that_json_has_no_place_for_are_kept_as_text(services: Services, run: Run) -> None:
    async def calling(turn: AgentTurn) -> AgentResult:
        await turn.emit(TurnStarted(1))
        await turn.emit(ToolCallRequested("1", "look", {"at": {1}}))
        return AgentResult(structured_output={"path": b"bytes"})

    async def scenario() -> None:
        services.behave("odd", calling)
        async with services.open() as service:
            session_id = await make(service, "go", AgentConfig(model="odd"))
            result = await (await start(service, session_id, "go", AgentConfig(model="odd"))).result()
            assert result.structured_output == {"path": "b'bytes'"}
            (call,) = (await service.history(session_id, 1, 1)).messages[0].tool_calls
            assert call.args == {"at": "{1}"}

    run(scenario())
