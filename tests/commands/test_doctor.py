import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from meerkat_rpc.commands import doctor
from meerkat_rpc.commands.doctor_agents import EXTRAS
from tests.commands.stores import Past


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEERKAT_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.delenv("MEERKAT_MODEL", raising=False)


def run(store: str | Path, *options: str) -> int:
    parser = argparse.ArgumentParser()
    doctor.add_arguments(parser)
    return doctor.run(parser.parse_args(["--store", str(store), *options]))


def findings(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(capsys.readouterr().out)
    return found


def problems(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [finding["detail"] for finding in findings(capsys) if finding["level"] == "problem"]


def test_a_healthy_store_is_ok(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(past.store) == 0
    shown = capsys.readouterr().out
    assert "3 sessions" in shown
    assert "SQLite" in shown
    assert "✗" not in shown


def test_every_line_begins_with_a_mark(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    run(past.store)
    assert {line[0] for line in capsys.readouterr().out.splitlines()} <= {"✓", "!", "✗"}


def test_no_store_yet_is_no_problem_and_none_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "not" / "yet"
    assert run(store, "--json") == 0
    assert any(finding["level"] == "note" and "none yet" in finding["detail"] for finding in findings(capsys))
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_store_is_a_problem_and_is_left_as_it_is(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    database = Path(past.store) / "cache.db"
    database.write_bytes(b"")
    assert run(past.store, "--json") == 1
    assert problems(capsys)
    assert database.read_bytes() == b""


def test_a_store_open_to_others_is_said_and_left_so(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    os.chmod(past.store, 0o755)  # noqa: S103 - that is the point
    run(past.store, "--json")
    assert any("mode 0755" in finding["detail"] for finding in findings(capsys))
    assert os.stat(past.store).st_mode & 0o777 == 0o755


def test_a_file_in_the_stores_place_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "store").write_text("mine")
    assert run(tmp_path / "store", "--json") == 1
    assert any("not a directory" in problem for problem in problems(capsys))


def test_a_bad_configuration_file_is_a_problem(past: Past, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.toml").write_text('modle = "echo"\n')
    assert run(past.store, "--json") == 1
    assert any("did you mean model?" in problem for problem in problems(capsys))


AGENT = """
from meerkat_rpc.agents.base import ModelInfo

class Builder:
    def models(self):
        return [ModelInfo("oracle", "delphi", "knows", missing="set DELPHI_API_KEY")]
"""


def test_a_model_that_cannot_be_used_yet_says_what_to_do(past: Past, tmp_path: Path) -> None:
    (tmp_path / "oracle_agent.py").write_text(AGENT)
    info = tmp_path / "oracle_agent-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: oracle-agent\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[meerkat_rpc.agents]\noracle = oracle_agent:Builder\n")
    command = [sys.executable, "-m", "meerkat_rpc", "doctor", "--store", past.store]
    environ = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert re.search(r"^! model oracle +set DELPHI_API_KEY$", done.stdout, re.MULTILINE)


def test_the_default_model_is_named(
    past: Past, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEERKAT_MODEL", "echo")
    run(past.store, "--json")
    assert {"level": "ok", "what": "default model", "detail": "echo"} in findings(capsys)


# -- The settings of agents and tools --------------------------------------------------------------------------------

CONFIG = """
[env]
LAB_KEY = "hunter2"
[providers.lab]
base_url = "http://me:hunter2@127.0.0.1:9/v1?key=hunter2"
api_key_env = "LAB_KEY"
[providers.keyless]
base_url = "http://127.0.0.1:9/v1"
[providers.anthropic]
models = ["claude-x"]
[mcp.servers.here]
command = "sh"
[mcp.servers.gone]
command = "no-such-program"
[mcp.servers.web]
url = "https://u:hunter2@mcp.example/x?token=hunter2"
requires_approval = false
[mcp.servers.off]
command = "no-such-program"
enabled = false
[tools]
builtin = ["read"]
[approvals]
allow = ["write_file"]
"""


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    (folder / ".git").mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(os, "environ", dict(os.environ))  # doctor puts the configuration's variables into it
    os.environ.pop("ANTHROPIC_API_KEY", None)
    return folder


def found(tmp_path: Path, capsys: pytest.CaptureFixture[str], config: str) -> tuple[int, dict[str, list[str]]]:
    (tmp_path / "config.toml").write_text(config)
    code = run(tmp_path / "store", "--json")
    return code, {finding["what"]: [finding["level"], finding["detail"]] for finding in findings(capsys)}


def test_providers_servers_and_tools_are_named_and_no_secret_is(
    tmp_path: Path, cwd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, report = found(tmp_path, capsys, CONFIG)
    assert code == 1
    assert report["provider lab"] == ["ok", "openai, http://127.0.0.1:9/v1, key in LAB_KEY"]
    assert report["provider keyless"] == ["ok", "openai, http://127.0.0.1:9/v1, no key needed"]
    assert report["provider anthropic"][0] == "note"
    assert "set ANTHROPIC_API_KEY" in report["provider anthropic"][1]
    assert "provider ollama" not in report
    assert report["MCP server here"][0] == "ok"
    assert report["MCP server here"][1].endswith("/sh (asks first; not started)")
    assert report["MCP server gone"][0] == "problem"
    assert "no such program; see mcp.servers.gone.command" in report["MCP server gone"][1]
    assert report["MCP server web"] == ["ok", "https://mcp.example/x (asks nothing; not called)"]
    assert report["MCP server off"] == ["ok", "off"]
    assert report["built-in tools"] == ["ok", "read"]
    assert report["allowed unasked"] == ["ok", "write_file"]
    assert "hunter2" not in json.dumps(report)


def test_extras_are_named(tmp_path: Path, cwd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = found(tmp_path, capsys, "")[1]
    for extra in EXTRAS:
        level, detail = report[f"extra {extra}"]
        assert level == "ok" or f"pip install 'meerkat-rpc[{extra}]'" in detail


def test_a_project_and_what_is_ignored_of_it_is_said(
    tmp_path: Path, cwd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, report = found(tmp_path, capsys, "")
    assert report["project"] == ["ok", f"{cwd}: no .meerkat/config.toml here or above"]
    path = cwd / ".meerkat" / "config.toml"
    path.parent.mkdir()
    path.write_text('[mcp.servers.evil]\ncommand = "sh"\n')
    code, report = found(tmp_path, capsys, "")
    assert code == 0
    assert report["project"] == ["ok", f"{path} (not trusted: what could do harm is left out)"]
    assert report["mcp.servers.evil"] == [
        "note",
        f"{path}: ignored, the project is not among your trusted_projects",
    ]
    assert "MCP server evil" not in report
    code, report = found(tmp_path, capsys, f'trusted_projects = ["{cwd}"]')
    assert report["project"] == ["ok", f"{path} (trusted)"]
    assert "MCP server evil" in report


def test_a_broken_project_is_a_problem(tmp_path: Path, cwd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (cwd / ".meerkat").mkdir()
    (cwd / ".meerkat" / "config.toml").write_text("modle = 1")
    code, report = found(tmp_path, capsys, "")
    assert code == 1
    assert "line 1: modle: no such setting; did you mean model?" in report["configuration"][1]
