"""Agents that say what no agent should: their turns are kept, and their sessions can be read."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from meerkat_rpc.agents.base import AgentResult, AgentTurn
from meerkat_rpc.domain import MAX_TOKENS, AgentConfig, TurnCompleted, TurnStarted, Usage
from meerkat_rpc.sessions.service import ListQuery
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
