"""What released versions wrote is read, and gone on with, by this one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from meerkat_rpc import __version__
from tests.faults.contents import contents
from tests.faults.stores import released
from tests.rpc.driver import Server

pytestmark = pytest.mark.slow


def doctor(store: Path) -> list[Any]:
    """Return the problems that the doctor finds."""
    command = [sys.executable, "-m", "meerkat_rpc", "doctor", "--json", "--store", str(store)]
    done = subprocess.run(command, capture_output=True, check=False)
    return [finding for finding in json.loads(done.stdout) if finding["level"] == "problem"]


def settle(server: Server) -> None:
    """Answer what waits, and wait for the turns that waited for it, and for those that waited for these."""
    for asked in server.call("approval/list")["approvals"]:
        queue = server.call("session/read", session_id=asked["session_id"]).get("queue", [])
        server.call("approval/respond", approval_id=asked["approval_id"], choice=asked["choices"][0])
        for _ in range(1 + len(queue)):
            server.until(lambda params: params["event"]["type"] == "run_completed")


def test_this_version_has_its_store() -> None:
    assert __version__ in released.versions(), "write it before releasing: python -m tests.faults.stores"


@pytest.mark.parametrize("version", released.versions())
def test_everything_in_the_store_of_an_older_version_is_read(version: str, tmp_path: Path) -> None:
    expected = released.unpack(version, tmp_path / "store")
    with released.serve(tmp_path / "store") as server:
        found = released.read(server, expected["turns"], expected["recovered"])
    assert found["turns"] == expected["turns"]
    assert found["sessions"].keys() == expected["sessions"].keys()
    for session_id, session in expected["sessions"].items():
        now = found["sessions"][session_id]
        assert {**now, "view": _without_later(now["view"])} == session
    assert doctor(tmp_path / "store") == []


@pytest.mark.parametrize("version", released.versions())
def test_every_session_of_an_older_version_takes_another_turn(version: str, tmp_path: Path) -> None:
    released.unpack(version, tmp_path / "store")
    with released.serve(tmp_path / "store") as server:
        settle(server)
        before = contents(server)
        for session_id, session in before.items():
            if session["view"]["archived"]:
                server.call("session/unarchive", session_id=session_id)
            answer = server.call("turn/start", session_id=session_id, prompt="still there?", model="echo")
            assert answer["text"] == "still there?"
        for session_id, session in contents(server).items():
            messages, events = before[session_id]["messages"], before[session_id]["events"]
            assert session["messages"][: len(messages)] == messages
            assert session["events"][: len(events)] == events
            assert len(session["messages"]) == len(messages) + 2
    assert doctor(tmp_path / "store") == []


@pytest.mark.parametrize("version", released.versions())
def test_the_store_of_an_older_version_is_folded(version: str, tmp_path: Path) -> None:
    expected = released.unpack(version, tmp_path / "store")
    released.fold(tmp_path / "store")
    assert doctor(tmp_path / "store") == []
    with released.serve(tmp_path / "store") as server:
        found = released.read(server, expected["turns"], expected["recovered"])
    assert found["turns"] == expected["turns"]
    for session_id, session in expected["sessions"].items():
        assert found["sessions"][session_id]["messages"] == session["messages"]
        assert _without_later(found["sessions"][session_id]["view"]) == session["view"]


LATER = {"needs_answer"}
"""What views tell that those of the oldest released version didn't."""


def _without_later(view: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in view.items() if name not in LATER}
