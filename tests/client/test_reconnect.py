"""What a parent process sees when its server dies."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import aclosing
from pathlib import Path

import pytest

from meerkat_rpc.client import Client, Event, ServerDied, Turn, TurnInterrupted
from tests.client.support import FOREVER_MS, dies_at_turn, python, run, script


def kill(client: Client) -> None:
    assert client.pid is not None
    os.kill(client.pid, signal.SIGKILL)


async def killed_at_first_delta(client: Client, turn: Turn) -> None:
    async for event in turn:
        if event.type == "text_delta":
            kill(client)


async def logged(client: Client, session_id: str) -> list[tuple[int, str, str]]:
    rows: list[tuple[int, str, str]] = []
    cursor, more = None, True
    while more:
        page = await client.list_since(session_id, cursor, limit=1000)
        rows += [(row["seq"], row["turn_id"], row["event"]["type"]) for row in page["events"]]
        cursor, more = page["latest_cursor"], page["has_more"]
    return rows


def test_a_turn_whose_server_is_killed_ends_as_interrupted_with_nothing_lost_or_twice(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="scripted") as client:
            slowly = script({"text": "x", "repeat": 300, "delay_ms": 1}, {"sleep_ms": FOREVER_MS})
            turn = client.start("x", provider_params={**slowly})
            seen: list[Event] = []
            async for event in turn:
                seen.append(event)
                if len(seen) == 200:
                    kill(client)
            assert seen[-1].type == "run_failed"
            assert seen[-1]["reason"] == "host_exit"
            assert [event.type for event in seen].count("run_failed") == 1
            seqs = [event.seq for event in seen[:-1]]
            assert seqs == list(range(1, len(seqs) + 1))
            with pytest.raises(TurnInterrupted) as caught:
                await turn.result()
            log = await logged(client, turn.session_id)
            # What was kept is what was seen; at most the last moment's events were seen and not kept.
            assert log[-1] == (len(log), turn.turn_id, "run_failed")
            assert {(event.seq, event.turn_id, event.type) for event in seen} >= {*log}
            assert caught.value.text == "x" * sum(kind == "text_delta" for _, _, kind in log)
            assert (await client.turn(turn.session_id, "y", provider_params=script({"text": "fine"})))["text"] == "fine"

    run(scenario())


def test_a_turn_that_no_server_had_seen_runs_on_the_next(tmp_path: Path) -> None:
    async def scenario() -> None:
        command = dies_at_turn(tmp_path, answered=False)
        async with Client.spawn(command, store=str(tmp_path / "store"), model="echo") as client:
            session_id = await client.create()
            turn = client.turn(session_id, "hello there")
            events = [event async for event in turn]
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            assert (await turn)["text"] == "hello there"
            assert (await client.read(session_id))["message_count"] == 2

    run(scenario())


def test_a_turn_that_was_committed_but_not_answered_is_not_run_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        command = dies_at_turn(tmp_path, answered=True)
        async with Client.spawn(command, store=str(tmp_path / "store"), model="echo") as client:
            session_id = await client.create()
            turn = client.turn(session_id, "hello there")
            events = [event async for event in turn]
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            assert events[-1].type == "run_completed"
            assert (await turn)["text"] == "hello there"
            assert (await client.read(session_id))["message_count"] == 2
            assert len(await logged(client, session_id)) == len(events)

    run(scenario())


def test_reads_are_repeated_on_the_next_server(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="echo") as client:
            session_id = (await client.start("hello"))["session_id"]
            for _ in range(2):
                kill(client)
                assert (await client.read(session_id))["last_assistant_text"] == "hello"

    run(scenario())


def test_a_followed_session_goes_on_after_the_servers_death_without_gap_or_repeat(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="echo") as client:
            session_id = (await client.start("one"))["session_id"]
            seen: list[int] = []
            async with aclosing(client.events(session_id, from_seq=1)) as events:
                async for event in events:
                    seen.append(event.seq)
                    if event.is_terminal and len(seen) < 15:
                        kill(client)
                        await client.turn(session_id, "and another")
                    elif event.is_terminal:
                        break
        assert seen == list(range(1, len(seen) + 1))

    run(scenario())


def test_without_reconnect_the_death_is_told_with_the_signal(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="scripted", reconnect=False) as client:
            turn = client.start("x", provider_params=script({"text": "a"}, {"sleep_ms": FOREVER_MS}))
            with pytest.raises(ServerDied, match="SIGKILL"):
                await killed_at_first_delta(client, turn)
            with pytest.raises(ServerDied):
                await turn.result()
            with pytest.raises(ServerDied):
                await client.list()

    run(scenario())


def test_an_ephemeral_servers_turns_die_with_it_and_new_sessions_work() -> None:
    async def scenario() -> None:
        async with Client.spawn(ephemeral=True, model="scripted") as client:
            turn = client.start("x", provider_params=script({"text": "a"}, {"sleep_ms": FOREVER_MS}))
            with pytest.raises(ServerDied):
                await killed_at_first_delta(client, turn)
            with pytest.raises(ServerDied):
                await turn.result()
            assert (await client.start("y", provider_params=script({"text": "new"})))["text"] == "new"

    run(scenario())


def test_a_server_that_does_not_come_back_is_given_up_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meerkat_rpc.client.link.RESTART_DELAYS_S", (0.0, 0.0))
    code = """
import os, sys
if os.path.exists(sys.argv[1]):
    sys.exit("the disk is gone")
open(sys.argv[1], "w").close()
os.execv(sys.argv[2], sys.argv[2:])
"""

    async def scenario() -> None:
        from tests.client.support import OWN_SERVER

        async with Client.spawn(python(code, str(tmp_path / "flag"), *OWN_SERVER), ephemeral=True) as client:
            kill(client)
            with pytest.raises(ServerDied, match="did not come back") as caught:
                await client.list()
            assert "the disk is gone" in str(caught.value)
            with pytest.raises(ServerDied):
                await client.list()

    run(scenario())


def test_a_call_that_a_repeat_could_change_is_not_repeated(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="scripted") as client:
            turn = client.start("x", provider_params=script({"text": "a"}, {"sleep_ms": FOREVER_MS}))
            async for event in turn:
                if event.type == "text_delta":
                    break
            # Archiving waits for the running turn, so it is in flight when the server dies.
            archiving = asyncio.create_task(client.archive(turn.session_id))
            await client.read(turn.session_id)
            kill(client)
            with pytest.raises(ServerDied):
                await archiving
            assert not (await client.read(turn.session_id))["archived"]

    run(scenario())
