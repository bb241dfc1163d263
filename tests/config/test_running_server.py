"""Edits of configuration files, as a client of a running server sees them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class Server:
    """A server on pipes that is asked one thing at a time."""

    def __init__(self, config: Path) -> None:
        environ = {name: value for name, value in os.environ.items() if name != "MEERKAT_MODEL"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "meerkat_rpc", "serve", "--ephemeral"],
            env=environ | {"MEERKAT_CONFIG": str(config)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, method: str, **params: object) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "result" in answer, answer
        return answer["result"]

    def model_in(self, cwd: Path) -> str:
        created = self.ask("session/create", initial_turn="deferred", cwd=str(cwd))
        return str(self.ask("session/read", session_id=created["session_id"])["model"])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text('model = "echo"\nmax_sessions = 10\n')
    return path


@pytest.fixture
def server(config: Path) -> Iterator[Server]:
    server = Server(config)
    yield server
    assert server.process.stdin is not None
    server.process.stdin.close()
    assert server.process.wait(timeout=30) == 0
    assert server.process.stdout is not None
    server.process.stdout.close()


def test_the_model_of_new_sessions_follows_the_files(server: Server, config: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    assert server.model_in(project) == "echo"
    config.write_text('model = "scripted"\nmax_sessions = 10\n')
    assert server.model_in(project) == "scripted"
    (project / ".meerkat").mkdir()
    (project / ".meerkat" / "config.toml").write_text('model = "echo"')
    assert server.model_in(project) == "echo"
    assert server.model_in(tmp_path) == "scripted"
    (project / ".meerkat" / "config.toml").write_text('model = "acp:touch pwned"')
    assert server.model_in(project) == "scripted"


def test_what_needs_a_restart_is_said_and_the_rest_is_not(server: Server, config: Path) -> None:
    assert "restart" not in server.ask("config/get")
    answer = server.ask("config/patch", patch={"max_sessions": 11, "retry": {"max_attempts": 2}})
    assert answer["restart"] == ["max_sessions"]
    assert answer["config"]["retry"] == {"max_attempts": 2}


def test_what_a_project_may_not_is_said(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".meerkat").mkdir()
    (tmp_path / ".meerkat" / "config.toml").write_text('[mcp.servers.x]\ncommand = "x"')
    ignored = server.ask("config/get", project=str(tmp_path))["ignored"]
    assert [item["setting"] for item in ignored] == ["mcp.servers.x"]
