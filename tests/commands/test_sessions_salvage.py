"""``meerkat-rpc sessions salvage``: what it gets out of damaged stores."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.contents import contents
from tests.rpc.driver import Server
from tests.store.blobs import attach
from tests.store.conftest import open_disk
from tests.store.damage import change_row, execute, flip
from tests.store.sessions import create

pytestmark = pytest.mark.slow

LONG = "long " * 1200


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Make a store with a long session and three short ones; return it with what is in it."""
    path = tmp_path_factory.mktemp("sound") / "store"
    with Server("--store", str(path)) as server:
        sessions = [server.session(model="echo", title=f"session {number}") for number in range(4)]
        for number in range(10):
            text = LONG if number == 3 else f"question {number}"
            server.call("turn/start", session_id=sessions[0], prompt=text)
        for session_id in sessions[1:]:
            server.call("turn/start", session_id=session_id, prompt="a question")
        found = contents(server)
        server.end_input()
        server.wait()
    return path, found


@pytest.fixture
def store(sound: tuple[Path, dict[str, Any]], tmp_path: Path) -> Path:
    return shutil.copytree(sound[0], tmp_path / "store")


@pytest.fixture
def long_one(sound: tuple[Path, dict[str, Any]]) -> str:
    return max(sound[1], key=lambda session_id: len(sound[1][session_id]["messages"]))


def salvage(store: Path, code: int, *options: str) -> dict[str, Any]:
    """Salvage the store beside itself; return the report, with the sessions by id."""
    before = {entry.name: entry.read_bytes() for entry in store.iterdir()}
    output = store.parent / "output"
    command = [sys.executable, "-m", "meerkat_rpc", "sessions", "salvage", "--output", str(output), *options]
    done = subprocess.run([*command, "--store", str(store)], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, done.stderr
    assert {entry.name: entry.read_bytes() for entry in store.iterdir()} == before
    report: dict[str, Any] = json.loads((output / "salvage.json").read_text())
    return report | {"sessions": {line["session_id"]: line for line in report["sessions"]}}


def read_lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def assert_all(store: Path, report: dict[str, Any], found: dict[str, Any]) -> None:
    """Check that every message and event of every session was exported."""
    assert report["sessions"].keys() == found.keys()
    for session_id, session in found.items():
        assert report["sessions"][session_id]["state"] == "whole", report["sessions"][session_id]
        assert read_lines(store.parent / "output" / f"{session_id}.jsonl") == session["messages"]
        events = read_lines(store.parent / "output" / f"{session_id}.events.jsonl")
        assert [event["seq"] for event in events] == [event["seq"] for event in session["events"]]


def test_everything_in_a_sound_store_is_exported(store: Path, sound: tuple[Path, dict[str, Any]]) -> None:
    report = salvage(store, 0, "--format", "jsonl")
    assert report["problems"] == []
    assert_all(store, report, sound[1])


@pytest.mark.parametrize(("format", "suffix"), [("markdown", "md"), ("json", "json")])
def test_histories_are_written_as_asked_and_privately(store: Path, long_one: str, format: str, suffix: str) -> None:
    salvage(store, 0, "--format", format)
    path = store.parent / "output" / f"{long_one}.{suffix}"
    assert "question 7" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def garbage_header(store: Path) -> None:
    write(store, 0, b"\xa5" * 100)


def broken_root(store: Path) -> None:
    ((page,),) = execute(store, "SELECT rootpage FROM sqlite_master WHERE name = 'Cache'")
    write(store, 4096 * (page - 1), b"\xff" * 4096)


def broken_index(store: Path) -> None:
    ((page,),) = execute(store, "SELECT rootpage FROM sqlite_master WHERE name = 'Cache_key_raw'")
    write(store, 4096 * (page - 1), b"\xff" * 4096)


def no_marker(store: Path) -> None:
    (store / "store.json").write_text("{")


def write(store: Path, at: int, content: bytes) -> None:
    with (store / "cache.db").open("r+b") as file:
        file.seek(at)
        file.write(content)


@pytest.mark.parametrize("damage", [garbage_header, broken_root, broken_index, no_marker])
def test_what_sqlite_refuses_is_still_read(
    store: Path, sound: tuple[Path, dict[str, Any]], damage: Callable[[Path], None]
) -> None:
    damage(store)
    report = salvage(store, int(damage is broken_root), "--format", "jsonl")
    assert_all(store, report, sound[1])


@pytest.mark.parametrize(
    ("part", "words"),
    [("m/0", "Messages 1 to 16 can't be read"), ("e/0", "Events 1 to 64 can't be read"), ("m+/7", "Messages 7 to 7")],
)
def test_what_is_missing_is_said_and_the_rest_exported(
    store: Path, sound: tuple[Path, dict[str, Any]], long_one: str, part: str, words: str
) -> None:
    change_row(store, f"s/{long_one}/{part}", flip(-1))
    report = salvage(store, 1, "--format", "jsonl")
    line = report["sessions"][long_one]
    assert line["state"] == "partial"
    assert any(words in sentence for sentence in line["missing"])
    assert [other["state"] for other in report["sessions"].values()].count("whole") == 3
    messages = read_lines(store.parent / "output" / f"{long_one}.jsonl")
    assert [message for message in sound[1][long_one]["messages"] if message in messages] == messages


def test_a_session_without_its_head_has_what_its_segments_hold(store: Path, long_one: str) -> None:
    change_row(store, f"s/{long_one}/head", flip(-1))
    line = salvage(store, 1)["sessions"][long_one]
    assert (line["state"], line["messages"], line["title"]) == ("partial", 16, "session 0")
    assert any("Messages 17 to 20 can't be read" in sentence for sentence in line["missing"])


def test_a_session_of_which_nothing_is_left_is_lost(store: Path, long_one: str) -> None:
    execute(store, "DELETE FROM Cache WHERE key LIKE ?", f"s/{long_one}/%")
    assert salvage(store, 1)["sessions"][long_one]["state"] == "lost"
    assert not (store.parent / "output" / f"{long_one}.md").exists()


def test_a_deleted_session_does_not_come_back(store: Path, sound: tuple[Path, dict[str, Any]], long_one: str) -> None:
    with Server("--store", str(store)) as server:
        server.call("session/delete", session_id=long_one)
        server.end_input()
        server.wait()
    broken_root(store)
    assert salvage(store, 1)["sessions"].keys() == sound[1].keys() - {long_one}


def test_a_log_that_was_not_written_back_is_read(tmp_path: Path) -> None:
    with Server("--store", str(tmp_path / "store")) as server:
        session_id = server.session(model="echo")
        server.call("turn/start", session_id=session_id, prompt="only in the log")
        server.process.kill()
        server.wait()
    report = salvage(tmp_path / "store", 0)
    assert report["sessions"][session_id]["messages"] == 2


@pytest.mark.parametrize("damage", ["none", "flipped", "no first row", "broken tree"])
def test_what_was_attached_is_exported_under_its_digest(tmp_path: Path, damage: str) -> None:
    store, content = tmp_path / "store", os.urandom(3_000_000)
    digest = hashlib.sha256(content).hexdigest()
    asyncio.run(attached(store, content, b"x"))
    match damage:
        case "flipped":
            change_row(store, f"b/{digest}/1", flip(-1))
        case "no first row":
            execute(store, "DELETE FROM Cache WHERE key = ?", f"b/{digest}")
        case "broken tree":
            broken_root(store)
    report = salvage(store, int(damage in {"flipped", "broken tree"}))
    (line,) = report["sessions"].values()
    blobs = {path.name: path.read_bytes() for path in (tmp_path / "output" / "blobs").iterdir()}
    assert blobs.pop(hashlib.sha256(b"x").hexdigest()) == b"x"
    if damage == "flipped":
        assert (line["state"], line["blobs"], blobs) == ("partial", 1, {})
        assert any(f"b/{digest}/1" in sentence for sentence in line["missing"])
    else:
        assert (line["state"], line["blobs"], blobs) == ("whole", 2, {digest: content})


async def attached(store: Path, *contents: bytes) -> None:
    """Make a store with a session to whose message the contents are attached."""
    async with open_disk(store) as opened:
        await attach(opened, await create(opened), *contents)


def test_a_session_that_lost_what_lies_beside_its_head_has_the_rest(tmp_path: Path) -> None:
    store = tmp_path / "store"

    async def make() -> str:
        async with open_disk(store) as opened:
            head = await create(opened, title="named", allowed=("rule " * 1000,))
            return (await attach(opened, head, b"x")).session_id

    session_id = asyncio.run(make())
    change_row(store, f"s/{session_id}/head+/allowed", flip(-1))
    line = salvage(store, 1)["sessions"][session_id]
    assert (line["state"], line["title"], line["messages"]) == ("partial", "named", 1)
    assert any("head+/allowed" in sentence for sentence in line["missing"])


def test_a_store_in_use_is_left_alone(store: Path) -> None:
    with Server("--store", str(store)) as server:
        server.call("session/list")
        command = [sys.executable, "-m", "meerkat_rpc", "sessions", "salvage", "--output", str(store.parent / "output")]
        done = subprocess.run([*command, "--store", str(store)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "in use" in done.stderr


def test_a_directory_that_is_there_is_not_written_into(store: Path) -> None:
    command = [sys.executable, "-m", "meerkat_rpc", "sessions", "salvage", "--output", str(store)]
    done = subprocess.run([*command, "--store", str(store)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "--output" in done.stderr
