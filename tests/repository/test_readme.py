"""The README is run: its transcript with a server, its client as a program, its figures against the code."""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from meerkat_rpc.cli import COMMANDS
from meerkat_rpc.config import parse_config
from meerkat_rpc.config_keys import MAX_FRAME_BYTES, MAX_SESSIONS
from meerkat_rpc.wire.types import MAX_PAGE
from tests.repository.limits import shown

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAX_TRANSCRIPT_LINES = 20
MAX_CLIENT_LINES = 15


def block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def test_the_limits_that_the_readme_names_are_those_of_the_table() -> None:
    section = README.partition("## Limits")[2].partition("\n## ")[0]
    assert f"messages of at most {shown(MAX_FRAME_BYTES, 'bytes')}" in section
    assert f"{MAX_SESSIONS:,} live" in section
    assert f"at most {MAX_PAGE:,} entries" in section


def test_the_transcript_is_what_the_server_says(tmp_path: Path) -> None:
    lines = block("transcript").splitlines()
    assert len(lines) <= MAX_TRANSCRIPT_LINES
    with subprocess.Popen(
        [sys.executable, "-m", "meerkat_rpc", "serve", "--store", str(tmp_path / "store")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        for line in lines:
            if line.startswith("→ "):
                server.stdin.write(line[2:] + "\n")
                server.stdin.flush()
            else:
                said = server.stdout.readline().rstrip("\n")
                assert re.fullmatch(_pattern(line[2:]), said), f"{line}\nreads now:\n← {said}"
        server.stdin.close()
        assert server.stdout.read() == ""


def test_the_conversation_about_a_tool_is_what_the_server_says(tmp_path: Path) -> None:
    environ = os.environ | {"MEERKAT_CONFIG": str(tmp_path / "none.toml")}
    command = [sys.executable, "-m", "meerkat_rpc", "serve", "--store", str(tmp_path / "store")]
    approval = ""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environ
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        for line in block("conversation").splitlines():
            if line.startswith("→ "):
                server.stdin.write(line[2:].replace("…", approval) + "\n")
                server.stdin.flush()
                continue
            said = next(said for said in server.stdout if re.fullmatch(_pattern(line[2:]), said.rstrip("\n")))
            if found := re.search('"approval_id":"([^"]+)"', said):
                approval = found[1]
        server.stdin.close()
        server.stdout.read()
    assert server.returncode == 0


def _pattern(shown: str) -> str:
    """Return a pattern for a line in which "…" stands for anything."""
    return ".*".join(re.escape(part) for part in shown.split("…"))


def test_the_clients_fifteen_lines_run_and_print_the_answer(tmp_path: Path) -> None:
    program = tmp_path / "client.py"
    program.write_text(block("python"), encoding="utf-8")
    environ = os.environ | {"XDG_STATE_HOME": str(tmp_path), "MEERKAT_CONFIG": str(tmp_path / "none.toml")}
    done = subprocess.run([sys.executable, program], env=environ, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"Tell me about meerkats\.\n4 tokens, session [0-9a-f-]{36}\n", done.stdout)


def test_the_clients_lines_are_fifteen() -> None:
    assert sum(bool(line) for line in block("python").splitlines()) <= MAX_CLIENT_LINES


def test_the_configuration_shown_is_valid() -> None:
    assert parse_config(block("toml").encode(), "README.md") == tomllib.loads(block("toml"))


def commands_shown() -> Iterator[list[str]]:
    for line in re.findall(r"^\| `meerkat-rpc ([^`]+)` \|", README, re.MULTILINE):
        yield re.findall(r"[a-z]+", line.partition(" ID")[0].partition(" DIR")[0].partition(" FILE")[0])


def test_every_command_is_in_the_readme_and_nothing_else() -> None:
    assert {words[0] for words in commands_shown()} == set(COMMANDS)


@pytest.mark.parametrize("words", list(commands_shown()), ids=" ".join)
def test_a_command_in_the_readme_explains_itself(words: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "meerkat_rpc", *words, "--help"], capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith(b"usage: meerkat-rpc " + " ".join(words).encode())


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "SECURITY.md", "editors/README.md"])
def test_a_file_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([^)#:]+)\)", text)
    named = re.findall(r"`((?:tests|docs|schema|store|sessions|rpc|wire|agents|commands)/[\w./]*)`", text)
    inside = [ROOT / document / ".." / path for path in linked]
    assert [path for path in inside if not path.resolve().exists()] == []
    assert [path for path in named if not ((ROOT / path).exists() or (ROOT / "meerkat_rpc" / path).exists())] == []


def test_the_transcript_shows_json() -> None:
    for line in block("transcript").splitlines():
        if line.startswith("→ "):
            assert json.loads(line[2:])["jsonrpc"] == "2.0"
