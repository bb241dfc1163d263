"""opencode, a real ACP agent from npm, working with a model on loopback: through the real server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.providers.provider import KEY, Provider
from tests.providers.records import Asked
from tests.providers.script import Call, Hold, Reply, Text, Tokens, reply
from tests.rpc.driver import Server

LOCAL = Path(__file__).parents[3] / ".node" / "node_modules" / ".bin"
"""Where `.ci/run` has npm put it."""

OPENCODE = shutil.which("opencode", path=f"{LOCAL}{os.pathsep}{os.environ.get('PATH', '')}")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        OPENCODE is None and os.environ.get("CI") != "true",
        reason="needs opencode: npm install --prefix .node opencode-ai",
    ),
]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture
def opencode(provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the model name of an opencode that is alone with the provider."""
    assert OPENCODE is not None, "opencode is not installed"
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in [name for name in os.environ if name.startswith(("XDG_", "OPENCODE"))]:
        monkeypatch.delenv(name)
    options = {"baseURL": provider.base_url("openai"), "apiKey": KEY}
    models = {"m": {"name": "M", "tool_call": True}, "n": {"name": "N", "tool_call": True}}
    config = {
        "model": "loopback/m",
        "small_model": "loopback/m",
        "share": "disabled",
        "permission": {"edit": "ask", "bash": "ask"},
        "enabled_providers": ["loopback"],
        "provider": {"loopback": {"npm": "@ai-sdk/openai-compatible", "options": options, "models": models}},
    }
    monkeypatch.setenv("OPENCODE_CONFIG_CONTENT", orjson.dumps(config).decode())
    for off in ("AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "DEFAULT_PLUGINS"):
        monkeypatch.setenv(f"OPENCODE_DISABLE_{off}", "1")
    return f"acp:{OPENCODE} acp"


@pytest.fixture
def server(opencode: str, tmp_path: Path) -> Iterator[Server]:
    with Server("--store", str(tmp_path / "store"), "--model", opencode) as running:
        yield running


def _session(server: Server, project: Path, **more: Any) -> str:
    created = server.call("session/create", initial_turn="deferred", cwd=str(project), **more)
    session_id: str = created["session_id"]
    return session_id


def _worker(*replies: Reply) -> Callable[[Asked], Reply]:
    """Return what answers the agent's work in order, and its other wishes (a title) with anything."""
    waiting = list(replies)

    def choose(asked: Asked) -> Reply:
        return waiting.pop(0) if "tools" in asked.body else reply(Text("A title"))

    return choose


def test_opencode_answers_and_its_tokens_are_counted(server: Server, provider: Provider, project: Path) -> None:
    provider.always(_worker(reply(Text("Guten Morgen 🦦", chunks=3), tokens=Tokens(11, 4))))
    result = server.call("turn/start", session_id=_session(server, project), prompt="good morning")
    assert result["text"] == "Guten Morgen 🦦"
    assert result["stop_reason"] == "end_turn"
    assert result["turn_usage"] == {"input_tokens": 11, "output_tokens": 4, "total_tokens": 15} | {
        name: count for name, count in result["turn_usage"].items() if name.startswith("cache")
    }
    assert not provider.refusals


def test_opencode_writes_a_file_when_it_may(server: Server, provider: Provider, project: Path) -> None:
    path = project / "a.txt"
    write = Call("write", {"filePath": str(path), "content": "hello\n"})
    provider.always(_worker(reply(Text("I write it. "), write), reply(Text("Done."))))
    session_id = _session(server, project)
    turn = server.send("turn/start", session_id=session_id, prompt="write a.txt")
    asked = server.until(lambda params: params["event"]["type"] == "approval_requested")["params"]["event"]
    assert asked["kind"] == "acp_permission"
    assert asked["details"]["paths"] == [str(path)]
    assert "+hello" in str(asked["details"]["content"])
    assert not path.exists()
    server.call("approval/respond", approval_id=asked["approval_id"], choice=asked["choices"][0])
    result = server.answer(turn)["result"]
    assert path.read_text() == "hello\n"
    assert (result["text"], result["turns"], result["tool_calls"]) == ("I write it. Done.", 2, 1)
    messages = server.call("session/history", session_id=session_id)["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant"]
    assert messages[1]["tool_calls"][0]["args"]["input"]["filePath"] == str(path)


def test_opencode_is_told_when_it_may_not(server: Server, provider: Provider, project: Path) -> None:
    path = project / "a.txt"
    write = Call("write", {"filePath": str(path), "content": "hello\n"})
    provider.always(_worker(reply(write), reply(Text("As you wish."))))
    session_id = _session(server, project)
    turn = server.send("turn/start", session_id=session_id, prompt="write a.txt")
    asked = server.until(lambda params: params["event"]["type"] == "approval_requested")["params"]["event"]
    server.call("approval/respond", approval_id=asked["approval_id"], choice=asked["choices"][-1])
    server.answer(turn)
    assert not path.exists()
    ended = [event["params"]["event"] for event in server.events]
    assert [event["is_error"] for event in ended if event["type"] == "tool_execution_completed"] == [True]


def test_opencode_is_interrupted_in_mid_sentence_and_goes_on(server: Server, provider: Provider, project: Path) -> None:
    provider.always(_worker(reply(Text("half"), Hold(), Text("whole")), reply(Text("Yes."))))
    session_id = _session(server, project)
    turn = server.send("turn/start", session_id=session_id, prompt="say something")
    server.until(lambda params: params["event"].get("delta") == "half")
    assert server.call("turn/interrupt", session_id=session_id) == {"interrupted": True}
    assert server.answer(turn)["error"]["data"]["text"] == "half"
    provider.release()
    assert server.call("turn/start", session_id=session_id, prompt="still there?")["text"] == "Yes."


def test_opencode_goes_on_with_a_conversation_after_a_restart(
    opencode: str, provider: Provider, project: Path, tmp_path: Path
) -> None:
    provider.always(_worker(reply(Text("Hello Ada.")), reply(Text("You are Ada."))))
    store = str(tmp_path / "store")
    with Server("--store", store, "--model", opencode) as server:
        session_id = _session(server, project)
        server.call("turn/start", session_id=session_id, prompt="My name is Ada.")
    with Server("--store", store, "--model", opencode) as server:
        assert server.call("turn/start", session_id=session_id, prompt="Who am I?")["text"] == "You are Ada."
    asked = str([body["messages"] for body in provider.bodies if "tools" in body][-1])
    assert "User: My name is Ada." in asked
    assert "Assistant: Hello Ada." in asked


def test_opencode_uses_the_model_that_is_chosen(server: Server, provider: Provider, project: Path) -> None:
    provider.always(_worker(reply(Text("I am N."))))
    session_id = _session(server, project, provider_params={"model": "loopback/n"})
    assert server.call("turn/start", session_id=session_id, prompt="who are you?")["text"] == "I am N."
    assert [body["model"] for body in provider.bodies if "tools" in body] == ["n"]
