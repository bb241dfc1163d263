"""A page of the history and the events behind it: together they tell everything once, whenever the page is read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import pytest

from meerkat_rpc.domain import LoggedEvent, Message
from meerkat_rpc.sessions.service import HistoryPage, SessionService, StartTurn
from tests.sessions.services import (
    Services,
    asking,
    echo,
    hanging,
    log,
    make,
    script,
    start,
    until,
)

Run = Callable[[Any], Any]

TURNS = 12
END = 1 << 40
"""A place behind any last message."""


class Told:
    """What a log tells of each message, for comparison with what a page shows."""

    def __init__(self, events: Sequence[LoggedEvent]) -> None:
        self._begun: dict[str, int] = {}
        self._over: dict[str, int] = {}
        self._injected: dict[str, int] = {}
        for event in events:
            self._note(event, orjson.loads(event.body))

    def _note(self, event: LoggedEvent, document: Mapping[str, Any]) -> None:
        match document["type"]:
            case "run_started":
                self._begun[event.turn_id] = event.seq
            case "run_completed" | "run_failed":
                self._over[event.turn_id] = event.seq
            case "context_injected":
                self._injected[document["content"]] = event.seq

    def place(self, message: Message) -> int:
        """Return the sequence number of the event with which the message came to be."""
        if message.kind == "context":
            return self._injected[message.content]
        opens = message.role == "user" and message.kind is None
        return (self._begun if opens else self._over)[message.turn_id]

    def check(self, page: HistoryPage, everything: Sequence[Message]) -> None:
        """The page has the messages from before ``next_seq``, and none from there on."""
        assert page.message_count == len(page.messages)
        told = [message for message in everything if self.place(message) < page.next_seq]
        assert list(page.messages) == told
        if page.running_turn_id is not None:
            assert page.next_seq == self._begun[page.running_turn_id] + 1


async def read_on(service: SessionService, session_id: str, pages: list[HistoryPage]) -> None:
    """Read the history again and again."""
    while True:
        page = await service.history(session_id, 0, 1000, END)
        if not pages or (page.next_seq, page.message_count) != (pages[-1].next_seq, pages[-1].message_count):
            pages.append(page)
        await asyncio.sleep(0)


async def everything_happens(service: SessionService, session_id: str) -> None:
    """Run turns, some of them from the queue, and add context while they run and between them."""
    for number in range(TURNS):
        turn = await start(service, session_id, f"turn {number}")
        await service.inject(StartTurn(session_id, f"context {number}, staged"))
        if number % 3 == 0:
            await service.enqueue(StartTurn(session_id, f"queued {number}"))
        await turn.result()
        await until(lambda: _is_idle(service, session_id))
        await service.inject(StartTurn(session_id, f"context {number}"))


async def _is_idle(service: SessionService, session_id: str) -> bool:
    view = await service.read(session_id)
    return view.head.running is None and not view.head.queue


async def check_while(writer: SessionService, reader: SessionService) -> None:
    """Whatever ``writer`` does, each page that ``reader`` reads meanwhile ends where its events begin."""
    session_id = await make(writer, None, script({"text": "a few words in a few deltas", "chunks": 5}))
    pages: list[HistoryPage] = []
    reading = asyncio.create_task(read_on(reader, session_id, pages))
    await everything_happens(writer, session_id)
    reading.cancel()
    await asyncio.wait({reading})
    told, last = Told(await log(reader, session_id)), await reader.history(session_id, 0, 1000)
    for page in pages:
        told.check(page, last.messages)
    assert {page.running_turn_id is None for page in pages} == {True, False}
    assert last.next_seq == await reader.latest_seq(session_id) + 1


def test_a_page_ends_where_its_events_begin_whatever_happens_meanwhile(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            await check_while(service, service)

    run(scenario())


def test_it_does_so_where_another_process_runs_the_session(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as one, stored.open() as two:
            await check_while(one, two)

    run(scenario())


def test_the_last_page_and_the_one_before_a_message_are_those_of_paging_from_the_front(
    services: Services, run: Run
) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service, "0")
            for number in range(1, 20):
                await echo(service, session_id, str(number))
            contents = [message.content for message in (await service.history(session_id, 0, 100)).messages]
            for before, limit in ((END, 7), (END, 100), (40, 16), (17, 16), (16, 16), (3, 16), (1, 1), (0, 5)):
                page = await service.history(session_id, 0, limit, before)
                end = min(before, 40)
                assert page.offset == max(end - limit, 0)
                assert [message.content for message in page.messages] == contents[page.offset : end]
                assert page.has_more == (end < 40)
                assert (page.message_count, page.next_seq) == (40, 121)

    run(scenario())


def test_before_the_first_turn_and_in_a_fork_the_events_begin_at_the_beginning(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            empty = await service.history(await make(service), 0, 10, END)
            assert (empty.messages, empty.offset, empty.next_seq) == ([], 0, 1)
            session_id = await make(service, "one")
            fork = await service.history(await service.fork(session_id, 2), 0, 10, END)
            assert (fork.message_count, fork.next_seq) == (2, 1)
            await service.archive(session_id)
            archived = await service.history(session_id, 0, 10, END)
            assert (archived.message_count, archived.next_seq) == (2, 7)

    run(scenario())


def test_a_turn_that_waits_for_an_answer_is_told_by_its_events_from_the_first(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            approval = {"approval": {"summary": "May I?", "choices": ["yes", "no"]}}
            turn, approval_id = await asking(service, script({"text": "before "}, approval, {"text": "after"}))
            page = await service.history(turn.session_id, 0, 10, END)
            assert (page.running_turn_id, page.next_seq, page.message_count) == (turn.turn_id, 2, 1)
            await service.respond(approval_id, "yes")
            await turn.result()
            page = await service.history(turn.session_id, 0, 10, END)
            assert page.running_turn_id is None
            assert page.next_seq == await service.latest_seq(turn.session_id) + 1

    run(scenario())


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_stream_from_there_tells_the_rest_of_the_turn(stored: Services, run: Run, elsewhere: bool) -> None:
    async def scenario() -> None:
        async with stored.open() as one, stored.open() as two:
            reader = two if elsewhere else one
            turn = await hanging(one)
            page = await reader.history(turn.session_id, 0, 10, END)
            await one.interrupt(turn.session_id)
            heard: list[LoggedEvent] = []
            async for batch in reader.subscribe(turn.session_id, page.next_seq - 1):
                heard += batch
                if orjson.loads(heard[-1].body)["type"] == "run_failed":
                    break
            assert heard == (await log(reader, turn.session_id))[1:]

    run(scenario())
