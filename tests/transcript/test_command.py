"""``meerkat-rpc transcript run`` and ``record`` as people use them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from meerkat_rpc.client import Client
from tests.transcript.servers import ANSWERS

COMMAND = [sys.executable, "-m", "meerkat_rpc", "transcript"]
PASSES = (
    '{"transcript": 1, "title": "an echo"}\n{"send": {"id": 1, "method": "m"}}\n{"expect": {"id": 1, "result": null}}\n'
)
FAILS = PASSES.replace("null", "1")


def transcript(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *args], capture_output=True, text=True, check=False, timeout=100)


def test_run_counts_what_passed_and_failed_and_exits_with_1(tmp_path: Path) -> None:
    (tmp_path / "good.jsonl").write_text(PASSES)
    (tmp_path / "bad.jsonl").write_text(FAILS)
    files = [str(tmp_path / "good.jsonl"), str(tmp_path / "bad.jsonl")]
    done = transcript("run", *files, "--framing", "jsonl", "--verbose", "--server", sys.executable, "-c", ANSWERS)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "1 passed, 1 failed"
    assert f"passed {files[0]} (jsonl): an echo" in done.stdout
    assert f"FAILED {files[1]} (jsonl): an echo" in done.stdout
    assert "line 3, expect, at result" in done.stdout


def test_run_holds_a_transcript_with_our_own_server_in_both_framings(tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text(
        '{"transcript": 1, "title": "none yet"}\n{"send": {"id": 1, "method": "session/list"}}\n'
        '{"expect": {"id": 1, "result": {"sessions": [], "total": 0}}}\n'
    )
    done = transcript("run", str(path))
    assert (done.returncode, done.stdout) == (0, "2 passed, 0 failed\n")


def test_run_refuses_a_file_that_is_no_transcript(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("hello\n")
    done = transcript("run", str(tmp_path / "x.jsonl"))
    assert done.returncode == 2
    assert "line 1" in done.stderr


@pytest.mark.parametrize("action", [[], ["run"]])
def test_help_describes_the_format(action: list[str]) -> None:
    done = transcript(*action, "--help")
    assert done.returncode == 0
    assert '{"expect_any_order": [{…}, {…}]}' in done.stdout
    assert "$uuid" in done.stdout


def test_a_recorded_conversation_replays_green(tmp_path: Path) -> None:
    path = tmp_path / "recorded.jsonl"
    server = [sys.executable, "-m", "meerkat_rpc", "serve", "--model", "echo", "--store", str(tmp_path / "store")]

    async def converse() -> None:
        async with Client.spawn([*COMMAND, "record", "-o", str(path), "--title", "a talk", "--", *server]) as client:
            first = client.start("costs $5, or ${price}", labels={"a": "b"})
            assert [event.type async for event in first][-1] == "run_completed"
            session_id = first.session_id
            await client.turn(session_id, "again")
            page = await client.list_since(session_id, limit=2)
            await client.list_since(session_id, page["latest_cursor"])
            fork = await client.fork_at(session_id, 1)
            await client.turn(fork, "in the fork")
            await client.history(fork)
            await asyncio.gather(client.read(session_id), client.list(), client.health(), client.models())

    asyncio.run(converse())
    text = path.read_text()
    assert json.loads(text.splitlines()[0])["title"] == "a talk"
    assert "$fork_1" not in text
    assert str(tmp_path) not in text
    done = transcript("run", str(path), "--framing", "jsonl", "--server", *server[:-1], str(tmp_path / "another"))
    assert (done.returncode, done.stdout) == (0, "1 passed, 0 failed\n")


def test_recording_passes_everything_through_and_ends_with_the_servers_exit_code(tmp_path: Path) -> None:
    path = tmp_path / "recorded.jsonl"
    server = [sys.executable, "-c", ANSWERS + "sys.exit(7)"]
    request = '{"jsonrpc":"2.0","id":1,"method":"m","params":{"x":1}}\n'
    done = subprocess.run(
        [*COMMAND, "record", "-o", str(path), "--", *server],
        input=request, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 7
    assert json.loads(done.stdout) == {"jsonrpc": "2.0", "id": 1, "result": {"x": 1}}
    steps = [json.loads(line) for line in path.read_text().splitlines()]
    assert (steps[1], steps[-1]) == ({"send": {"id": 1, "method": "m", "params": {"x": 1}}}, {"exit": 7})
    # The end of the input and the answer cross each other.
    assert {"eof": True} in steps[2:4]
    assert {"expect": {"id": 1, "result": {"x": 1}}} in steps[2:4]
    assert len(steps) == 5
