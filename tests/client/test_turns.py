"""Turns as a parent process sees them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal

import pytest

from meerkat_rpc.client import (
    Client,
    InvalidParams,
    RpcError,
    SessionBusy,
    SessionNotFound,
    Turn,
    TurnInterrupted,
    feed,
)
from meerkat_rpc.ids import new_id
from tests.client.support import FOREVER_MS, run, script


async def text_of(turn: Turn) -> str:
    return "".join([event["delta"] async for event in turn if event.type == "text_delta"])


async def first_delta(turn: Turn) -> None:
    async for event in turn:
        if event.type == "text_delta":
            return


@pytest.mark.parametrize("framing", ["jsonl", "content-length"])
def test_a_turn_streams_its_events_in_order_and_returns_its_result(
    tmp_path: Path, framing: Literal["jsonl", "content-length"]
) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="echo", framing=framing) as client:
            session_id = await client.create(title="Streaming")
            turn = client.turn(session_id, "one two three")
            events = [event async for event in turn]
            result = await turn.result()
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert events[0].type == "run_started"
        assert events[-1].type == "run_completed"
        assert "".join(event["delta"] for event in events if event.type == "text_delta") == "one two three"
        assert result["text"] == "one two three"
        assert result["turn_id"] == turn.turn_id

    run(scenario())


def test_a_session_can_be_created_with_its_first_turn_and_is_named_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="echo") as client:
            turn = client.start("hello", title="First", labels={"a": "b"})
            assert await text_of(turn) == "hello"
            view = await client.read(turn.session_id)
        assert (view["title"], view["labels"]) == ("First", {"a": "b"})

    run(scenario())


def test_awaiting_a_turn_gives_its_result_without_iterating(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="echo") as client:
            result = await client.start("hello")
            assert (await client.turn(result["session_id"], "again"))["text"] == "again"

    run(scenario())


def test_interrupting_a_turn_keeps_what_it_said(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="scripted") as client:
            turn = client.start("x", provider_params=script({"text": "so far"}, {"sleep_ms": FOREVER_MS}))
            await first_delta(turn)
            assert await turn.interrupt()
            with pytest.raises(TurnInterrupted) as caught:
                await turn.result()
            assert caught.value.text == "so far"
            assert not await turn.interrupt()

    run(scenario())


def test_a_refused_turn_raises_from_its_result_and_from_its_iteration(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="scripted") as client:
            unknown = client.turn(new_id(), "x")
            with pytest.raises(SessionNotFound):
                await unknown.result()
            with pytest.raises(SessionNotFound):
                await text_of(unknown)
            running = client.start("x", provider_params=script({"text": "a"}, {"sleep_ms": FOREVER_MS}))
            await first_delta(running)
            with pytest.raises(SessionBusy):
                await text_of(client.turn(running.session_id, "me too"))

    run(scenario())


def test_a_failed_turn_ends_its_iteration_and_raises_from_its_result(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="scripted") as client:
            turn = client.start("x", provider_params=script({"fail": "no key", "code": "PROVIDER_ERROR"}))
            assert [event.type async for event in turn][-1] == "run_failed"
            with pytest.raises(RpcError, match="no key") as caught:
                await turn.result()
            assert (caught.value.code, caught.value.name) == (-32010, "PROVIDER_ERROR")
            assert caught.value.data["session_id"] == turn.session_id

    run(scenario())


def test_a_turn_repeated_under_its_id_runs_once_and_shows_the_same_events(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="echo") as client:
            session_id, turn_id = await client.create(), new_id()
            first = [event async for event in client.turn(session_id, "once", turn_id=turn_id)]
            again = client.turn(session_id, "once", turn_id=turn_id.upper())
            assert (await again)["text"] == "once"
            assert [(event.seq, event.data) async for event in again] == [(event.seq, event.data) for event in first]
            assert (await client.read(session_id))["message_count"] == 2
            with pytest.raises(InvalidParams):
                await client.turn(session_id, "twice", turn_id=turn_id)

    run(scenario())


def test_turns_run_beside_each_other_each_with_its_own_events(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="echo") as client:
            prompts = [f"turn number {number} " + "word " * number for number in range(20)]
            texts = await asyncio.gather(*(text_of(client.start(prompt)) for prompt in prompts))
        assert texts == prompts

    run(scenario())


def test_a_reader_that_falls_behind_loses_nothing_and_holds_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "FEED_BYTES", 100_000)

    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="scripted") as client:
            turn = client.start("x", provider_params=script({"text": "0123456789", "chunks": 10, "repeat": 300}))
            await turn.result()
            events = [event async for event in turn]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert "".join(event["delta"] for event in events if event.type == "text_delta") == "0123456789" * 300
        assert events[-1].type == "run_completed"

    run(scenario())


def test_large_prompts_go_out_while_large_answers_come_in(tmp_path: Path) -> None:
    prompt = "0123456789abcdef" * 20_000

    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="echo") as client:
            results = await asyncio.gather(*(client.start(prompt).result() for _ in range(12)))
        assert all(result["text"] == prompt for result in results)

    run(scenario())


def test_a_turn_is_iterated_over_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="echo") as client:
            turn = client.start("x")
            await text_of(turn)
            with pytest.raises(RuntimeError, match="once"):
                aiter(turn)

    run(scenario())
