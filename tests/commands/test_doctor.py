import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from meerkat_rpc.commands import doctor
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
