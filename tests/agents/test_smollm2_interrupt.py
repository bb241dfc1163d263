"""A turn of the embedded model can be stopped at any point, at once, and the next one runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from meerkat_rpc.agents.smollm2 import CONTEXT_TOKENS, SmolLM2Builder
from meerkat_rpc.domain import AgentConfig, TextComplete, TurnStarted
from tests.agents.turns import RecordedTurn

LONG = RecordedTurn("Write a very long story about a meerkat.").prompt
ENDLESS = AgentConfig(max_tokens=2000, provider_params={"temperature": 1.0, "seed": 7})
SHORT = AgentConfig(max_tokens=3)
BOUND_S = 60


def on_a_loop(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(_awaited(test), BOUND_S))


async def _awaited(test: Callable[[], Awaitable[None]]) -> None:
    await test()


async def cancelled(task: asyncio.Task[object]) -> float:
    """Cancel the task and return how many seconds it took to end."""
    began = time.perf_counter()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return time.perf_counter() - began


def test_an_interrupted_turn_ends_at_once_and_says_nothing_more(builder: SmolLM2Builder) -> None:
    async def test() -> None:
        turn = RecordedTurn(LONG, ENDLESS)
        task = asyncio.ensure_future(builder.build(turn.config).run(turn))
        await turn.first_text.wait()
        assert await cancelled(task) < 0.1
        said = len(turn.events)
        await complete(builder)
        assert len(turn.events) == said
        assert not any(isinstance(event, TextComplete) for event in turn.events)

    on_a_loop(test)


def test_the_model_stops_within_two_tokens_of_an_interrupt(builder: SmolLM2Builder) -> None:
    async def test() -> None:
        await complete(builder)
        model = builder._model
        assert model is not None
        request = {"messages": [{"role": "user", "content": LONG}], "stream": True, "max_tokens": 2000}
        generation = model.generate(request, CONTEXT_TOKENS)
        assert await generation.next_text()
        generation.stop()
        await complete(builder)  # runs on the same thread, after it
        assert len(generation._texts) <= 2

    on_a_loop(test)


def test_a_turn_interrupted_while_it_waits_for_another_never_reaches_the_model(builder: SmolLM2Builder) -> None:
    async def test() -> None:
        first, second = RecordedTurn(LONG, ENDLESS), RecordedTurn(LONG, ENDLESS)
        running = asyncio.ensure_future(builder.build(first.config).run(first))
        await first.first_text.wait()
        waiting = asyncio.ensure_future(builder.build(second.config).run(second))
        await second.begun.wait()
        assert await cancelled(waiting) < 0.1
        await cancelled(running)
        await complete(builder)
        assert second.events == [TurnStarted(1)]

    on_a_loop(test)


def test_a_turn_interrupted_while_the_model_loads_leaves_the_next_one_a_loaded_model(builder: SmolLM2Builder) -> None:
    fresh = SmolLM2Builder()

    async def test() -> None:
        turn = RecordedTurn(LONG, ENDLESS)
        task = asyncio.ensure_future(fresh.build(turn.config).run(turn))
        await turn.begun.wait()
        await cancelled(task)
        assert turn.events == [TurnStarted(1)]
        await complete(fresh)

    on_a_loop(test)


def test_a_turn_interrupted_while_the_model_reads_a_long_prompt_frees_it_for_the_next(builder: SmolLM2Builder) -> None:
    async def test() -> None:
        turn = RecordedTurn("meerkats dig holes. " * 500, SHORT)
        task = asyncio.ensure_future(builder.build(turn.config).run(turn))
        await turn.begun.wait()
        await cancelled(task)
        began = time.perf_counter()
        await complete(builder)
        assert time.perf_counter() - began < 8  # the whole prompt takes this machine longer than that

    on_a_loop(test)


async def complete(builder: SmolLM2Builder) -> None:
    """Run a short turn to its end."""
    turn = RecordedTurn("Say hi.", SHORT)
    await builder.build(turn.config).run(turn)
    assert turn.text
