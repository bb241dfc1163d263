"""Prompts that start no turn at once: added to the one that runs, waiting behind it, only to be known."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from meerkat_rpc.agents.base import AgentResult, AgentTurn
from meerkat_rpc.domain import AgentConfig, Attachment, TextDelta, TurnCompleted, TurnStarted, Usage
from meerkat_rpc.errors import InvalidArgument, SessionNotFound, SessionNotRunning, TurnInterrupted
from meerkat_rpc.ids import new_id
from meerkat_rpc.sessions.service import SessionService, StartTurn
from tests.sessions.services import (
    HANGS,
    Services,
    asking,
    documents,
    echo,
    hanging,
    log,
    make,
    says,
    script,
    start,
    types,
    until,
)
from tests.sessions.test_sharing import elsewhere

Run = Callable[[Coroutine[Any, Any, Any]], Any]

ECHO = AgentConfig(model="echo")
ASKS = script({"text": "a"}, {"approval": {"summary": "?"}}, {"tool": {"name": "t", "result": 1}}, {"text": "b"})


async def enqueue(service: SessionService, session_id: str, prompt: str, turn_id: str | None = None) -> Any:
    return await service.enqueue(StartTurn(session_id, prompt, ECHO, turn_id))


async def ended(service: SessionService, session_id: str, count: int) -> list[str]:
    """Wait until so many turns of the session have ended and nothing waits; return what the user said."""

    async def rested() -> bool:
        head = (await service.read(session_id)).head
        return head.turn_count == count and head.running is None and not head.queue

    await until(rested)
    messages = (await service.history(session_id, 0, 100)).messages
    return [message.content for message in messages if message.role == "user"]


def attached(content: bytes) -> tuple[Attachment, dict[str, bytes]]:
    digest = hashlib.sha256(content).hexdigest()
    return Attachment("file", "f", "text/plain", digest, len(content)), {digest: content}


def test_prompts_wait_in_their_order_and_an_interrupt_lets_the_next_one_in(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn = await hanging(service)
            positions = [(await enqueue(service, turn.session_id, prompt)).position for prompt in "abc"]
            assert positions == [0, 1, 2]
            await service.interrupt(turn.session_id)
            assert await ended(service, turn.session_id, 4) == ["begin", "a", "b", "c"]

    run(scenario())


def test_with_nothing_running_the_prompt_begins_at_once_and_whoever_watches_is_told(
    services: Services, run: Run
) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            begun: list[str] = []
            service.watch_started(lambda turn: begun.append(turn.turn_id))
            session_id = await make(service)
            queued = await enqueue(service, session_id, "now")
            assert queued.handle is not None
            assert (await queued.handle.result()).text == "now"
            assert begun == [queued.turn_id]

    run(scenario())


def test_an_id_that_waits_or_has_run_starts_nothing_again(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn, turn_id = await hanging(service), new_id()
            for _ in range(2):
                assert (await enqueue(service, turn.session_id, "a", turn_id)).position == 0
            with pytest.raises(InvalidArgument, match="turn_id"):
                await enqueue(service, turn.session_id, "b", turn_id)
            attachment, blobs = attached(b"x")
            with pytest.raises(InvalidArgument, match="turn_id"):
                await service.enqueue(StartTurn(turn.session_id, "a", ECHO, turn_id, [attachment], blobs))
            await service.interrupt(turn.session_id)
            await ended(service, turn.session_id, 2)
            assert (await enqueue(service, turn.session_id, "a", turn_id)).position == 0
            assert (await (await start(service, turn.session_id, "a", turn_id=turn_id)).result()).text == "a"
            with pytest.raises(InvalidArgument, match="turn_id"):
                await enqueue(service, turn.session_id, "b", turn_id)
            assert (await service.read(turn.session_id)).head.turn_count == 2

    run(scenario())


def test_a_prompt_that_waits_can_be_taken_back_once(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn = await hanging(service)
            kept, gone = [await enqueue(service, turn.session_id, prompt) for prompt in ("kept", "gone")]
            assert await service.dequeue(turn.session_id, gone.turn_id)
            assert not await service.dequeue(turn.session_id, gone.turn_id)
            await service.interrupt(turn.session_id)
            assert await ended(service, turn.session_id, 2) == ["begin", "kept"]
            assert not await service.dequeue(turn.session_id, kept.turn_id)

    run(scenario())


def test_a_failed_turn_lets_the_next_one_in(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn, approval_id = await asking(service, script({"approval": {"summary": "?"}}, {"fail": "no"}))
            await enqueue(service, turn.session_id, "next")
            await service.respond(approval_id, "allow")
            assert await ended(service, turn.session_id, 2) == ["begin", "next"]

    run(scenario())


def test_a_queue_outlives_its_process_and_goes_on_when_the_session_is_used(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open(owner=elsewhere()) as service:
            turn = await hanging(service)
            for prompt in "ab":
                await enqueue(service, turn.session_id, prompt)
        with pytest.raises(TurnInterrupted):
            await turn.result()
        async with stored.open() as service:
            assert [item.prompt for item in (await service.read(turn.session_id)).head.queue] == ["a", "b"]
            await echo(service, turn.session_id, "first")
            assert await ended(service, turn.session_id, 4) == ["begin", "first", "a", "b"]

    run(scenario())


def test_another_process_adds_to_the_queue_of_a_running_turn(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as here, stored.open() as there:
            turn = await hanging(here)
            await enqueue(there, turn.session_id, "from there")
            await enqueue(here, turn.session_id, "from here")
            await here.interrupt(turn.session_id)
            assert await ended(there, turn.session_id, 3) == ["begin", "from there", "from here"]

    run(scenario())


def test_many_prompts_at_once_from_two_processes_each_run_once(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as here, stored.open() as there:
            session_id = await make(here)
            prompts = [f"p{number}" for number in range(10)]
            await asyncio.gather(
                *(enqueue((here, there)[index % 2], session_id, prompt) for index, prompt in enumerate(prompts))
            )
            assert sorted(await ended(here, session_id, 10)) == sorted(prompts)

    run(scenario())


def test_an_archived_session_takes_no_prompt(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service, "x")
            await service.archive(session_id)
            with pytest.raises(SessionNotFound):
                await enqueue(service, session_id, "a")
            with pytest.raises(SessionNotFound):
                await service.inject(StartTurn(session_id, "a"))

    run(scenario())


def test_an_addition_is_read_at_the_next_model_call_and_is_in_the_history_where_it_was(
    services: Services, run: Run
) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn, approval_id = await asking(service, ASKS)
            attachment, blobs = attached(b"extra")
            added = await service.steer(
                StartTurn(turn.session_id, "more", attachments=[attachment], blobs=blobs), turn.turn_id
            )
            await service.respond(approval_id, "allow")
            assert (await turn.result()).text == "a[more]b"
            messages = (await service.history(turn.session_id, 0, 10)).messages
            assert [message.kind for message in messages] == [None, None, None, "steer", None]
            assert messages[3].attachments == (attachment,)
            assert await service.blob(attachment.digest) == b"extra"
            assert not (await service.read(turn.session_id)).head.queue
            assert not await service.dequeue(turn.session_id, added.turn_id)

    run(scenario())


def test_an_addition_that_comes_too_late_becomes_a_turn(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn = await hanging(service)
            await service.update(turn.session_id, None, None, says("heard"))
            own_id = new_id()
            added = await service.steer(StartTurn(turn.session_id, "late", turn_id=own_id))
            assert added.turn_id == turn.turn_id
            await service.interrupt(turn.session_id)
            assert await ended(service, turn.session_id, 2) == ["begin", "late"]
            again = await start(service, turn.session_id, "late", turn_id=own_id)
            assert (await again.result()).text == "heard"

    run(scenario())


def test_an_addition_needs_a_running_turn_and_the_one_that_is_meant(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service, "x")
            with pytest.raises(SessionNotRunning):
                await service.steer(StartTurn(session_id, "a"))
            turn = await hanging(service)
            with pytest.raises(SessionNotRunning):
                await service.steer(StartTurn(turn.session_id, "a"), new_id())
            named = await service.steer(StartTurn(turn.session_id, "a", turn_id=turn.turn_id))
            assert named.turn_id == turn.turn_id, "a turn_id that is the running turn's names that turn"

    run(scenario())


def test_another_process_adds_to_a_running_turn(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as here, stored.open() as there:
            turn, approval_id = await asking(here, ASKS)
            await there.steer(StartTurn(turn.session_id, "more"), turn.turn_id)
            await here.respond(approval_id, "allow")
            assert (await turn.result()).text == "a[more]b"

    run(scenario())


def test_an_id_that_has_run_is_no_addition_and_holds_up_no_queue(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id, turn_id = await make(service), new_id()
            await (await start(service, session_id, "x", ECHO, turn_id=turn_id)).result()
            turn = await start(service, session_id, "y", script(HANGS))
            await service.steer(StartTurn(session_id, "x", turn_id=turn_id))
            await enqueue(service, session_id, "z")
            await service.interrupt(session_id, turn.turn_id)
            assert await ended(service, session_id, 3) == ["x", "y", "z"]

    run(scenario())


def test_context_is_added_without_a_turn_and_read_by_the_next_one(services: Services, run: Run) -> None:
    async def reads(turn: AgentTurn) -> AgentResult:
        await turn.emit(TurnStarted(1))
        await turn.emit(TextDelta("|".join(message.content for message in await turn.history())))
        await turn.emit(TurnCompleted("end_turn", Usage()))
        return AgentResult()

    async def scenario() -> None:
        services.behave("reads", reads)
        async with services.open() as service:
            told: list[Any] = []
            service.watch_started(told.append)
            session_id = await make(service, "one")
            done = await service.inject(StartTurn(session_id, "known"))
            assert (done.message_index, done.staged) == (2, False)
            (aside,) = told
            assert [document async for batch in aside.events() for document in documents(batch)] == [
                {"type": "context_injected", "content": "known"}
            ]
            result = await (await start(service, session_id, "go", AgentConfig(model="reads"))).result()
            assert result.text == "one|one|known"
            head = (await service.read(session_id)).head
            assert (head.turn_count, head.message_count) == (2, 5)

    run(scenario())


def test_context_for_a_running_turn_comes_behind_it_within_its_events(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn = await hanging(service)
            assert (await service.inject(StartTurn(turn.session_id, "known"))).staged
            await service.interrupt(turn.session_id)
            events = await log(service, turn.session_id)
            assert types(events)[-2:] == ["context_injected", "run_failed"]
            assert {event.turn_id for event in events} == {turn.turn_id}
            messages = (await service.history(turn.session_id, 0, 10)).messages
            assert [(message.content, message.kind) for message in messages] == [
                ("begin", None),
                ("so far", None),
                ("known", "context"),
            ]

    run(scenario())


def test_context_for_a_turn_whose_process_dies_is_kept(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open(owner=elsewhere()) as service:
            turn, approval_id = await asking(service, ASKS)
            await service.inject(StartTurn(turn.session_id, "known"))
        async with stored.open() as service:
            assert (await service.inject(StartTurn(turn.session_id, "too"))).staged
            await service.respond(approval_id, "allow")
            assert await ended(service, turn.session_id, 1) == ["begin", "known", "too"]

    run(scenario())
