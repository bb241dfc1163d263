"""The command line finds its commands, and says so when there is none."""

from __future__ import annotations

import subprocess
import sys

import pytest

from meerkat_rpc import __version__
from meerkat_rpc.cli import COMMANDS


def meerkat(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "meerkat_rpc", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_command() -> None:
    said = meerkat("--help")
    assert said.returncode == 0
    assert all(command in said.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    said = meerkat(command, "--help")
    assert said.returncode == 0
    assert said.stdout.startswith(f"usage: meerkat-rpc {command}")


def test_the_version_is_said() -> None:
    assert meerkat("--version").stdout == f"meerkat-rpc {__version__}\n"


def test_a_mistyped_command_gets_a_suggestion() -> None:
    said = meerkat("chatt")
    assert said.returncode == 2
    assert "perhaps you mean 'chat'" in said.stderr


@pytest.mark.parametrize("arguments", [[], ["--ephemeral"], ["rpc", "--ephemeral"]], ids=" ".join)
def test_with_no_command_and_a_pipe_it_serves(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    said = meerkat(*arguments, stdin='{"jsonrpc":"2.0","id":1,"method":"initialize"}\n')
    assert said.returncode == 0
    assert '"contract_version":"0.3.0"' in said.stdout


def test_a_wrong_option_value_is_said_and_ends_it() -> None:
    said = meerkat("serve", "--max-sessions", "0")
    assert said.returncode == 2
    assert "max-sessions" in said.stderr
