"""Compaction: of old turns, of one long turn, by hand and by itself; nothing is removed, nothing fails by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from meerkat_rpc.agent_settings import Compacting
from meerkat_rpc.agents.base import AgentResult, AgentTurn, Summary
from meerkat_rpc.domain import (
    AgentConfig,
    Message,
    TextComplete,
    ToolCallRequested,
    ToolExecutionCompleted,
    ToolResultReceived,
    TurnCompleted,
    TurnStarted,
    Usage,
)
from meerkat_rpc.errors import CapabilityUnavailable, ProviderError, SessionBusy
from meerkat_rpc.sessions.compaction import place_to_cut
from meerkat_rpc.sessions.service import SessionService, StartTurn
from meerkat_rpc.sessions.surroundings import Surroundings
from tests.sessions.services import Services, documents, echo, hanging, log, make, script, start, types, until
from tests.sessions.test_sharing import elsewhere

Run = Callable[[Coroutine[Any, Any, Any]], Any]

LONG = "many words " * 100

TALKS = AgentConfig(model="talks")


class Talker:
    """An agent that asks for ``rounds`` tools, compacts between its calls, and notes what it reads."""

    def __init__(self, services: Services, *, threshold: int = 1000, keep_turns: int = 2) -> None:
        self.rounds = 0
        self.reads: list[list[Message]] = []
        self.summarised: list[list[Message]] = []
        self.summary: str | Exception = "in short"
        settings = Surroundings().settings_for(None)
        settings = settings._replace(compaction=Compacting(threshold_tokens=threshold, keep_turns=keep_turns))
        services.surroundings = Surroundings(settings_for=lambda _: settings)
        services.behave("talks", self.run, summarise=self.summarise)

    async def run(self, turn: AgentTurn) -> AgentResult:
        for number in range(self.rounds + 1):
            await self._read(turn)
            await turn.emit(TurnStarted(number + 1))
            if number < self.rounds:
                await self._call(turn, f"c{number}")
            else:
                await turn.emit(TextComplete(LONG))
                await turn.emit(TurnCompleted("end_turn", Usage(1, 1)))
        return AgentResult()

    async def _read(self, turn: AgentTurn) -> None:
        messages = [*await turn.history(), *await turn.so_far()]
        if await turn.compact_if_due(sum(len(message.content) for message in messages) // 4, None):
            messages = [*await turn.history(), *await turn.so_far()]
        self.reads.append(messages)

    async def _call(self, turn: AgentTurn, call_id: str) -> None:
        await turn.emit(ToolCallRequested(call_id, "t", {}))
        await turn.emit(TurnCompleted("tool_use", Usage(1, 1)))
        await turn.emit(ToolExecutionCompleted(call_id, "t", LONG, is_error=False, duration_ms=0))
        await turn.emit(ToolResultReceived(call_id, "t", is_error=False))

    async def summarise(self, messages: Sequence[Message]) -> Summary:
        self.summarised.append([*messages])
        if isinstance(self.summary, Exception):
            raise self.summary
        return Summary(self.summary, Usage(100, 10))


async def talk(service: SessionService, session_id: str, *prompts: str) -> None:
    for prompt in prompts:
        await (await start(service, session_id, prompt)).result()


def texts(messages: Sequence[Message]) -> list[str]:
    return [message.content for message in messages]


def test_old_turns_are_summarised_when_the_history_is_too_long_and_stay_in_it(services: Services, run: Run) -> None:
    async def scenario() -> None:
        talker = Talker(services)
        async with services.open() as service:
            session_id = await make(service, config=TALKS)
            await talk(service, session_id, *"abcde")
            assert texts(talker.reads[3]) == ["a", LONG, "b", LONG, "c", LONG, "d"][-7:]
            assert texts(talker.reads[4]) == ["in short", "d", LONG, "e"]
            assert talker.reads[4][0].kind == "summary"
            assert texts(talker.summarised[0]) == ["a", LONG, "b", LONG, "c", LONG]
            page = await service.history(session_id, 0, 100)
            assert texts(page.messages) == [text for prompt in "abcde" for text in (prompt, LONG)]
            assert page.compaction is not None
            assert (page.compaction.first_kept, page.compaction.summary_tokens) == (6, 10)
            told = documents(await log(service, session_id))
            (done,) = [event for event in told if event["type"] == "compaction_completed"]
            assert (done["messages_before"], done["messages_after"]) == (9, 4)
            assert (await service.read(session_id)).head.usage == Usage(105, 15)

    run(scenario())


def test_a_second_summary_is_made_of_the_first_and_what_came_after(services: Services, run: Run) -> None:
    async def scenario() -> None:
        talker = Talker(services)
        async with services.open() as service:
            session_id = await make(service, config=TALKS)
            await talk(service, session_id, *"abcdefgh")
            assert texts(talker.summarised[1])[:3] == ["in short", "d", LONG]
            assert len(talker.summarised) == 2

    run(scenario())


def test_one_long_turn_is_cut_between_a_result_and_the_next_call(services: Services, run: Run) -> None:
    async def scenario() -> None:
        talker = Talker(services)
        talker.rounds = 12
        async with services.open() as service:
            session_id = await make(service, config=TALKS)
            await talk(service, session_id, "long")
            assert len(talker.summarised) > 1
            for messages in talker.reads:
                asked = {call.id for message in messages for call in message.tool_calls}
                assert asked == {message.tool_result.id for message in messages if message.tool_result}
            assert (await service.history(session_id, 0, 100)).message_count == 2 + 2 * talker.rounds
            talker.rounds = 0
            await talk(service, session_id, "next")
            assert talker.reads[-1][0].content == "in short"
            assert talker.reads[-1][-1].content == "next"

    run(scenario())


def test_even_with_no_turn_to_keep_the_one_that_runs_is(services: Services, run: Run) -> None:
    async def scenario() -> None:
        talker = Talker(services, keep_turns=0)
        async with services.open() as service:
            session_id = await make(service, config=TALKS)
            await talk(service, session_id, *"abcde")
            assert texts(talker.reads[-1]) == ["in short", "e"]

    run(scenario())


@pytest.mark.parametrize("summary", [ProviderError("no model"), RuntimeError("x"), LONG * 20, ""])
def test_a_failure_is_told_and_remembered_and_the_turn_goes_on(
    services: Services, run: Run, summary: str | Exception
) -> None:
    async def scenario() -> None:
        talker = Talker(services)
        talker.summary = summary
        async with services.open() as service:
            session_id = await make(service, config=TALKS)
            await talk(service, session_id, *"abcde")
            assert len(talker.summarised) == 1
            assert types(await log(service, session_id)).count("compaction_failed") == 1
            await talk(service, session_id, "f")  # not grown by a quarter yet, or just
            talker.summary = "in short"
            await talk(service, session_id, *"ghi")
            assert talker.reads[-1][0].content == "in short"

    run(scenario())


def test_by_hand_the_older_turns_are_summarised_and_a_fork_and_a_restart_go_by_it(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        talker = Talker(stored, threshold=10**9)
        async with stored.open(owner=elsewhere()) as service:
            session_id = await make(service, config=TALKS)
            await talk(service, session_id, *"abcd")
            done = await service.compact(session_id)
            assert (done.messages_before, done.messages_after, done.summary_tokens) == (8, 5, 10)
            early, late = await service.fork(session_id, 2), await service.fork(session_id, 6)
        async with stored.open() as service:
            for forked, expected in (
                (session_id, ["in short", "c", LONG, "d", LONG, "x"]),
                (late, ["in short", "c", LONG, "x"]),
                (early, ["a", LONG, "x"]),
            ):
                await talk(service, forked, "x")
                assert texts(talker.reads[-1]) == expected

    run(scenario())


def test_by_hand_a_failure_is_an_error_and_nothing_to_do_is_none(services: Services, run: Run) -> None:
    async def scenario() -> None:
        talker = Talker(services, threshold=10**9)
        async with services.open() as service:
            session_id = await make(service, config=TALKS)
            await talk(service, session_id, *"ab")
            done = await service.compact(session_id)
            assert (done.messages_before, done.messages_after) == (4, 4)
            await talk(service, session_id, "c")
            talker.summary = ProviderError("no model")
            with pytest.raises(ProviderError, match="no model"):
                await service.compact(session_id)
            assert types(await log(service, session_id))[-2:] == ["compaction_started", "compaction_failed"]
            mute = await make(service, "x")
            with pytest.raises(CapabilityUnavailable, match="echo"):
                await service.compact(mute)
            turn = await hanging(service)
            with pytest.raises(SessionBusy):
                await service.compact(turn.session_id)

    run(scenario())


def test_a_prompt_that_comes_while_the_history_is_compacted_runs_after_it(services: Services, run: Run) -> None:
    async def scenario() -> None:
        talker, begun, go = Talker(services, threshold=10**9), asyncio.Event(), asyncio.Event()

        async def slow(messages: Sequence[Message]) -> Summary:
            begun.set()
            await go.wait()
            return Summary("in short", Usage(1, 1))

        services.behave("talks", talker.run, summarise=slow)
        async with services.open() as service:
            session_id = await make(service, config=TALKS)
            await talk(service, session_id, *"abc")
            compacting = asyncio.create_task(service.compact(session_id))
            await begun.wait()
            with pytest.raises(SessionBusy, match="compacted"):
                await echo(service, session_id, "no")
            await service.enqueue(StartTurn(session_id, "yes", AgentConfig(model="echo")))
            go.set()
            await compacting

            async def ran() -> bool:
                head = (await service.read(session_id)).head
                return head.turn_count == 4 and head.running is None

            await until(ran)

    run(scenario())


def test_the_scripted_model_summarises_too(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service, config=script({"text": LONG}))
            await talk(service, session_id, *"abc")
            await service.compact(session_id)
            compaction = (await service.history(session_id, 0, 1)).compaction
            assert compaction is not None
            assert compaction.summary == "[2 messages, the last of the user's: a]"

    run(scenario())


def test_there_is_nothing_to_cut_in_a_short_history() -> None:
    def said(role: Any, turn_id: str) -> Message:
        return Message(role, "x", turn_id, 0)

    two = [said("user", "1"), said("assistant", "1"), said("user", "2"), said("assistant", "2")]
    assert place_to_cut([], 2) == 0
    assert place_to_cut(two, 2) == 0
    assert place_to_cut(two, 1) == 2
    assert place_to_cut(two, 0) == 4
