"""Starting and ending the server, and what it says on stderr."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from meerkat_rpc.client import Client, ClientClosed, ServerDied, StartFailed, TurnInterrupted
from tests.client.support import FOREVER_MS, OWN_SERVER, python, run, script
from tests.imported import packages_after


def test_importing_the_client_loads_nothing_heavy() -> None:
    heavy = {"pygls", "lsprotocol", "cattrs", "attr", "attrs", "diskcache", "sqlite3"}
    assert heavy & packages_after("import meerkat_rpc.client") == set()


def test_a_missing_program_is_named() -> None:
    async def scenario() -> None:
        with pytest.raises(StartFailed, match="no-such-program"):
            await Client.spawn(["/no-such-program", "serve"]).open()

    run(scenario())


def test_a_server_that_ends_at_once_is_shown_with_its_exit_code_and_stderr() -> None:
    async def scenario() -> None:
        with pytest.raises(StartFailed) as caught:
            await Client.spawn(python("import sys; print('no licence', file=sys.stderr); sys.exit(3)")).open()
        assert "ended before it said hello" in str(caught.value)
        assert "exit code 3" in str(caught.value)
        assert "    no licence" in str(caught.value)
        assert caught.value.exit_code == 3

    run(scenario())


def test_our_own_server_says_why_it_refused_an_option() -> None:
    async def scenario() -> None:
        with pytest.raises(StartFailed, match="--no-such-option"):
            await Client.spawn(args=["--no-such-option"]).open()

    run(scenario())


def test_a_program_that_is_no_server_is_shown_with_what_it_wrote() -> None:
    async def scenario() -> None:
        with pytest.raises(StartFailed, match="Welcome to the wrong program"):
            await Client.spawn(python("print('Welcome to the wrong program', flush=True); input()")).open()

    run(scenario())


def test_a_program_that_never_greets_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meerkat_rpc.client.link.START_TIMEOUT_S", 0.3)

    async def scenario() -> None:
        with pytest.raises(StartFailed, match="did not greet"):
            await Client.spawn(python("import time; time.sleep(600)")).open()

    run(scenario())


def test_a_flood_on_stderr_neither_hangs_the_server_nor_fills_memory() -> None:
    code = """
import os, sys
for number in range(20000):
    os.write(2, b"line %d %s\\n" % (number, b"x" * 1000))
os.execv(sys.argv[1], sys.argv[1:])
"""

    async def scenario() -> None:
        async with Client.spawn(python(code, *OWN_SERVER), ephemeral=True, model="echo") as client:
            assert (await client.start("still here"))["text"] == "still here"
            assert len(client.stderr_tail) <= 16 * 1024
            assert "line 19999 " in client.stderr_tail

    run(scenario())


def test_lines_of_stderr_are_handed_to_the_callback() -> None:
    lines: list[str] = []
    code = "import os, sys; os.write(2, b'one\\ntwo \\xff\\n'); os.execv(sys.argv[1], sys.argv[1:])"

    async def scenario() -> None:
        async with Client.spawn(python(code, *OWN_SERVER), ephemeral=True, on_stderr=lines.append):
            pass

    run(scenario())
    assert lines[:2] == ["one", "two \N{REPLACEMENT CHARACTER}"]


def test_what_a_turn_prints_is_no_message(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="scripted") as client:
            result = await client.start("x", provider_params=script({"print": "careless"}, {"text": "fine"}))
            assert result["text"] == "fine"

    run(scenario())


def test_closing_interrupts_and_saves_a_running_turn(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="scripted") as client:
            turn = client.start("x", provider_params=script({"text": "so far"}, {"sleep_ms": FOREVER_MS}))
            async for event in turn:
                if event.type == "text_delta":
                    break
        with pytest.raises((TurnInterrupted, ClientClosed)):
            await turn.result()
        async with Client.spawn(store=str(tmp_path)) as client:
            view = await client.read(turn.session_id)
        assert view["last_turn"] is not None
        assert view["last_turn"]["outcome"] == "interrupted"
        assert view["last_assistant_text"] == "so far"

    run(scenario())


def test_closing_ends_whoever_follows_a_session(tmp_path: Path) -> None:
    async def follow(client: Client, session_id: str) -> None:
        async for _ in client.events(session_id, from_seq=1):
            pass

    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path)) as client:
            following = asyncio.create_task(follow(client, await client.create()))
            await client.list()
        with pytest.raises(ClientClosed):
            await following

    run(scenario())


def test_after_closing_the_process_is_gone_and_calls_are_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path)) as client:
            pid = client.pid
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        with pytest.raises(ClientClosed):
            await client.list()
        await client.close()

    run(scenario())


def test_a_server_that_ignores_the_end_of_its_input_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meerkat_rpc.client.process.EXIT_GRACE_S", 0.1)
    monkeypatch.setattr("meerkat_rpc.client.process.TERMINATE_GRACE_S", 0.1)
    code = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.stdin.readline()
print('{"jsonrpc":"2.0","id":1,"result":{"store":{"kind":"memory"}}}', flush=True)
while True:
    time.sleep(600)
"""

    async def scenario() -> None:
        async with Client.spawn(python(code)) as client:
            pid = client.pid
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    run(scenario())


def test_a_cancelled_parent_leaves_no_process_behind(tmp_path: Path) -> None:
    pids: list[int] = []

    async def parent(inside: asyncio.Event) -> None:
        async with Client.spawn(store=str(tmp_path), model="scripted") as client:
            assert client.pid is not None
            pids.append(client.pid)
            inside.set()
            await client.start("x", provider_params=script({"sleep_ms": FOREVER_MS}))

    async def scenario() -> None:
        inside = asyncio.Event()
        task = asyncio.create_task(parent(inside))
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(scenario())
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_a_fault_of_the_servers_framing_is_a_death_that_shows_the_bytes() -> None:
    code = """
import sys
sys.stdin.readline()
print('{"jsonrpc":"2.0","id":1,"result":{"store":{"kind":"memory"}}}', flush=True)
sys.stdin.readline()
print('Traceback (most recent call last):', flush=True)
sys.stdin.readline()
"""

    async def scenario() -> None:
        async with Client.spawn(python(code), reconnect=False) as client:
            with pytest.raises(ServerDied, match=r"no message.*Traceback"):
                await client.list()

    run(scenario())
