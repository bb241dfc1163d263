"""Archive, delete, update, fork, capacity, close: each against whatever else goes on."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meerkat_rpc.domain import Attachment
from meerkat_rpc.errors import (
    CapacityExhausted,
    InvalidArgument,
    MeerkatError,
    SessionBusy,
    SessionNotFound,
    TurnInterrupted,
)
from meerkat_rpc.ids import new_id
from meerkat_rpc.sessions.service import CreateSession, ListQuery, SessionService
from tests.sessions.services import HANGS, Services, hanging, log, make, says, script, start, types

Run = Callable[[Any], Any]


def test_an_archived_session_can_be_read_and_not_written(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service, "hello")
            await service.archive(session_id)
            assert (await service.read(session_id)).summary.archived
            assert len((await service.history(session_id, 0, 10)).messages) == 2
            for refused in (start(service, session_id), service.archive(session_id)):
                with pytest.raises(SessionNotFound):
                    await refused
            assert (await service.list(ListQuery())).sessions == []
            assert len((await service.list(ListQuery(archived=True))).sessions) == 1
            await service.unarchive(session_id)
            assert (await (await start(service, session_id, "back")).result()).text == "back"

    run(scenario())


def test_archiving_waits_for_the_running_turn_and_lets_no_other_in(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service, None, says("done", {"sleep_ms": 50}))
            turn = await start(service, session_id)
            archiving = asyncio.create_task(service.archive(session_id))
            await asyncio.sleep(0)
            with pytest.raises((SessionBusy, SessionNotFound)):
                await start(service, session_id)
            assert (await turn.result()).text == "done"
            await archiving
            assert (await service.read(session_id)).summary.archived

    run(scenario())


def test_deleting_interrupts_ends_followers_and_leaves_nothing(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn = await hanging(service, "half")
            following = asyncio.create_task(_follow(service, turn.session_id))
            await asyncio.sleep(0)
            await service.delete(turn.session_id)
            assert (await following)[-1] == "run_failed"
            with pytest.raises(TurnInterrupted):
                await turn.result()
            for gone in (
                service.read(turn.session_id),
                service.delete(turn.session_id),
                start(service, turn.session_id),
            ):
                with pytest.raises(SessionNotFound):
                    await gone
            assert (await service.list(ListQuery())).total == 0

    run(scenario())


async def _contents(service: SessionService, session_id: str) -> list[str]:
    return [message.content for message in (await service.history(session_id, 0, 100)).messages]


async def _follow(service: Any, session_id: str) -> list[str]:
    return [kind async for batch in service.subscribe(session_id, 0) for kind in types(batch)]


def test_a_deleted_id_may_be_used_again(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service, "old", session_id=new_id())
            await service.delete(session_id)
            assert await make(service, "new", session_id=session_id) == session_id
            assert [message.content for message in (await service.history(session_id, 0, 10)).messages] == [
                "new",
                "new",
            ]
            assert (await log(service, session_id))[0].seq == 1

    run(scenario())


def test_titles_and_labels_change_while_a_turn_runs(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn = await hanging(service)
            view = await service.update(turn.session_id, "Named", {"a": "1"})
            assert (view.summary.title, dict(view.summary.labels)) == ("Named", {"a": "1"})
            await service.interrupt(turn.session_id)
            after = (await service.read(turn.session_id)).summary
            assert (after.title, dict(after.labels), after.message_count) == ("Named", {"a": "1"}, 2)

    run(scenario())


def test_a_fork_shares_nothing_with_its_parent(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            parent = await make(service, "one")
            await (await start(service, parent, "two")).result()
            child = await service.fork(parent, 2)
            await (await start(service, child, "three")).result()
            assert [message.content for message in (await service.history(child, 0, 10)).messages] == [
                "one",
                "one",
                "three",
                "three",
            ]
            assert [message.content for message in (await service.history(parent, 0, 10)).messages] == [
                "one",
                "one",
                "two",
                "two",
            ]
            assert (await service.read(child)).head.parent_id == parent
            assert (await log(service, child))[0].seq == 1
            with pytest.raises(InvalidArgument, match="message_index"):
                await service.fork(parent, 5)

    run(scenario())


def test_a_fork_in_the_middle_of_a_tool_call_closes_it(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            tool = {"tool": {"name": "look", "args": {}, "result": "seen"}}
            parent = await make(service, "look", script({"text": "looking "}, tool, {"text": "done"}))
            child = await service.fork(parent, 2)
            messages = (await service.history(child, 0, 10)).messages
            assert [message.role for message in messages] == ["user", "assistant", "tool"]
            assert messages[-1].content == "interrupted"

    run(scenario())


def test_capacity_is_refused_atomically(services: Services, run: Run) -> None:
    if services.kind != "ephemeral":
        _rests(services, run)
        return

    async def scenario() -> None:
        async with services.open(max_sessions=5) as service:
            made = await asyncio.gather(*(make(service, None) for _ in range(20)), return_exceptions=True)
            refused = [error for error in made if isinstance(error, CapacityExhausted)]
            assert len(refused) == 15
            assert refused[0].data == {"active": 5, "max": 5}

    run(scenario())


def _rests(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open(max_sessions=5) as service:
            sessions = [await make(service, f"number {number}") for number in range(10)]
            sessions += await asyncio.gather(*(make(service, None) for _ in range(50)))
            assert (await service.health()).live_sessions <= 5
            for session_id in sessions:
                await (await start(service, session_id, "again")).result()
            assert (await service.list(ListQuery())).total == 60

    run(scenario())


def test_running_sessions_are_never_put_to_rest(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open(max_sessions=2) as service:
            turns = [await hanging(service), await hanging(service)]
            with pytest.raises(CapacityExhausted):
                await make(service, "one too many")
            await service.interrupt(turns[0].session_id)
            assert await make(service, "now there is room")
            await service.interrupt(turns[1].session_id)

    run(scenario())


def test_closing_against_everything_leaks_nothing(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turns = [await hanging(service) for _ in range(4)]
            others = [
                asyncio.create_task(_calm(service.archive(turns[0].session_id))),
                asyncio.create_task(_calm(service.delete(turns[1].session_id))),
                asyncio.create_task(_calm(service.interrupt(turns[2].session_id))),
                asyncio.create_task(_calm(_follow(service, turns[3].session_id))),
                asyncio.create_task(_calm(service.create(CreateSession("late", script(HANGS))))),
            ]
            await asyncio.sleep(0)
        await asyncio.gather(*others)
        for turn in turns:
            with pytest.raises(TurnInterrupted):
                await turn.result()

    run(scenario())


async def _calm(work: Any) -> None:
    try:
        await work
    except MeerkatError:
        return


def test_everything_survives_the_end_of_the_service(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as service:
            kept = await make(service, "kept", title="Title", labels={"k": "v"}, cwd="/somewhere")
            put_away = await make(service, "put away")
            await service.archive(put_away)
            events = await log(service, kept)
            view = await service.read(kept)
        async with stored.open() as service:
            assert await log(service, kept) == events
            assert await service.read(kept) == view
            assert (await service.read(put_away)).summary.archived
            await (await start(service, kept, "on")).result()
            assert [event.seq for event in await log(service, kept)] == list(range(1, 2 * len(events) + 1))

    run(scenario())


def test_an_attachment_in_memory_goes_with_the_last_session_that_refers_to_it(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        content = b"\x89PNG\r\n\x1a\n"
        digest = hashlib.sha256(content).hexdigest()
        attached = Attachment("image", "a.png", "image/png", digest, len(content))
        async with Services("ephemeral", tmp_path).open() as service:
            parent = await make(service, "look", attachments=[attached], blobs={digest: content})
            child = await service.fork(parent, 2)
            await service.delete(parent)
            assert await service.blob(digest) == content
            await service.delete(child)
            with pytest.raises(InvalidArgument, match="digest"):
                await service.blob(digest)

    run(scenario())
