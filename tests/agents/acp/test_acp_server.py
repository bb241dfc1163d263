"""An ACP agent's sessions through the real server: durable, answerable, and gone with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from tests.agents.acp.talking import acting, script
from tests.rpc.driver import Server, eventually


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "store")


@pytest.fixture
def server(store: str) -> Iterator[Server]:
    with Server("--store", store) as running:
        yield running


def _session(server: Server, project: Path) -> str:
    created = server.call("session/create", initial_turn="deferred", model=acting(), cwd=str(project))
    session_id: str = created["session_id"]
    return session_id


def _say(server: Server, session_id: str, *steps: dict[str, Any]) -> str:
    text: str = server.call("turn/start", session_id=session_id, prompt=script(*steps))["text"]
    return text


def _lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_session_goes_on_with_another_server_and_another_agent(store: str, project: Path) -> None:
    with Server("--store", store) as server:
        session_id = _session(server, project)
        pid = int(_say(server, session_id, {"about": "pid"}))
    eventually(lambda: not _lives(pid))
    with Server("--store", store) as server:
        (prompt,) = orjson.loads(_say(server, session_id, {"about": "prompts"}))
        assert f"Assistant: {pid}" in prompt
        history = server.call("session/history", session_id=session_id)["messages"]
        assert [message["role"] for message in history] == ["user", "assistant"] * 2


def test_a_permission_is_answered_by_the_client(server: Server, project: Path) -> None:
    session_id = _session(server, project)
    call = {"toolCallId": "c1", "title": "Run make", "kind": "execute", "rawInput": {"command": "make"}}
    options = [
        {"optionId": "o1", "name": "Allow once", "kind": "allow_once"},
        {"optionId": "o2", "name": "Reject", "kind": "reject_once"},
    ]
    asking = script({"permission": {"toolCall": call, "options": options}})
    turn = server.send("turn/start", session_id=session_id, prompt=asking)
    event = server.until(lambda params: params["event"]["type"] == "approval_requested")["params"]["event"]
    assert (event["summary"], event["choices"]) == ("Run make", ["Allow once", "Reject"])
    server.call("approval/respond", approval_id=event["approval_id"], choice="Allow once")
    assert orjson.loads(server.answer(turn)["result"]["text"]) == {"outcome": "selected", "optionId": "o1"}


def test_an_interrupted_agent_keeps_what_it_said_and_its_process(server: Server, project: Path) -> None:
    session_id = _session(server, project)
    pid = _say(server, session_id, {"about": "pid"})
    turn = server.send("turn/start", session_id=session_id, prompt=script({"say": "half"}, {"hang": None}))
    server.until(lambda params: params["event"].get("delta") == "half")
    assert server.call("turn/interrupt", session_id=session_id) == {"interrupted": True}
    assert server.answer(turn)["error"]["data"]["text"] == "half"
    assert _say(server, session_id, {"about": "pid"}) == pid


def test_a_failed_agent_is_a_provider_error(server: Server, project: Path) -> None:
    session_id = _session(server, project)
    prompt = script({"complain": "no luck"}, {"exit": 3})
    error = server.error("turn/start", session_id=session_id, prompt=prompt)
    assert error["code"] == -32010
    assert "exit code 3" in error["message"]
    assert "no luck" in error["message"]


@pytest.mark.parametrize("how", ["end of input", "killed"])
def test_the_agent_goes_with_the_server(store: str, project: Path, tmp_path: Path, how: str) -> None:
    with Server("--store", store) as server:
        session_id = _session(server, project)
        pid = int(_say(server, session_id, {"about": "pid"}))
        _say(server, session_id, {"child": str(tmp_path / "child")})
        child = int((tmp_path / "child").read_text())
        if how == "killed":
            server.process.kill()
        else:
            server.end_input()
        server.wait()
        eventually(lambda: not _lives(pid) and not _lives(child))


def test_the_catalogue_lists_agents_and_what_installs_them(server: Server) -> None:
    models = {model["id"]: model for model in server.call("models/catalog")["models"]}
    assert "acp:gemini --acp" in models
