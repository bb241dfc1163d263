"""Asking one thing, in a pipe or on the command line."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.chat.conftest import ScriptedSession
from tests.chat.terminal import BOUND_S, COMMAND, environment

LONG = {"text": "word ", "repeat": 2000, "delay_ms": 20}
"""Forty seconds of text."""


def ask(home: Path, *args: str, stdin: bytes = b"", **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run the chat with ``stdin`` as its input."""
    return subprocess.run(
        [*COMMAND, *args],
        input=stdin,
        env=environment(home, env),
        cwd=home,
        capture_output=True,
        timeout=BOUND_S,
        check=False,
    )


def test_all_of_stdin_is_one_prompt_and_the_plain_answer_comes_out(tmp_path: Path) -> None:
    ended = ask(tmp_path, "--ephemeral", "--model", "echo", stdin=b"# one\n\n**two**  three\n")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"# one\n\n**two**  three\n", b"")


def test_a_prompt_on_the_command_line_is_answered_and_stdin_left_alone(tmp_path: Path) -> None:
    ended = ask(tmp_path, "--ephemeral", "--model", "echo", "what", "is this?", stdin=b"not read")
    assert (ended.returncode, ended.stdout) == (0, b"what is this?\n")


def test_an_error_goes_to_stderr_in_one_line_and_into_the_exit_code(tmp_path: Path) -> None:
    ended = ask(tmp_path, "--ephemeral", "--model", "parrot", "hello")
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert ended.stderr.startswith(b"meerkat-rpc: there is no model 'parrot'")
    assert ended.stderr.count(b"\n") == 1


def test_a_turn_that_fails_keeps_what_it_said_and_the_exit_code_tells(
    tmp_path: Path, store: str, scripted: ScriptedSession
) -> None:
    session_id = scripted({"text": "so far"}, {"fail": "the roof fell in"})
    ended = ask(tmp_path, "--store", store, "--session", session_id, "go")
    assert (ended.returncode, ended.stdout) == (1, b"so far")
    assert ended.stderr == b"meerkat-rpc: the roof fell in\n"


def test_no_prompt_at_all_is_an_error(tmp_path: Path) -> None:
    ended = ask(tmp_path, "--ephemeral", stdin=b" \n")
    assert (ended.returncode, ended.stderr) == (1, b"meerkat-rpc: there is no prompt: stdin is empty\n")


def test_a_session_is_gone_on_with_from_one_call_to_the_next(tmp_path: Path, store: str) -> None:
    ask(tmp_path, "--store", store, "--model", "echo", "first", stdin=b"")
    assert ask(tmp_path, "--store", store, "--resume", "second").stdout == b"second\n"
    shown = subprocess.run(
        [*COMMAND[:-1], "sessions", "list", "--store", store], capture_output=True, check=True, timeout=BOUND_S
    )
    assert b"4" in shown.stdout
    assert shown.stdout.count(b"first") == 1


def test_a_session_that_is_not_there_is_an_error(tmp_path: Path, store: str) -> None:
    assert b"there is no session yet" in ask(tmp_path, "--store", store, "--resume", "hi").stderr
    missing = ask(tmp_path, "--store", store, "--session", "abcdef", "hi")
    assert (missing.returncode, b"no session is called abcdef" in missing.stderr) == (1, True)


def test_a_reader_that_has_seen_enough_ends_the_chat_quietly(
    tmp_path: Path, store: str, scripted: ScriptedSession
) -> None:
    command = [*COMMAND, "--store", store, "--session", scripted(LONG), "go"]
    with subprocess.Popen(
        command, env=environment(tmp_path, {}), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as chat:
        assert chat.stdout is not None
        assert chat.stderr is not None
        assert chat.stdout.read(5) == b"word "
        chat.stdout.close()
        assert chat.stderr.read() == b""
        assert chat.wait(BOUND_S) == 1


def test_ctrl_c_stops_the_turn_and_ends_with_the_code_that_shells_know(
    tmp_path: Path, store: str, scripted: ScriptedSession
) -> None:
    command = [*COMMAND, "--store", store, "--session", scripted(LONG), "go"]
    with subprocess.Popen(
        command, env=environment(tmp_path, {}), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as chat:
        assert chat.stdout is not None
        assert chat.stderr is not None
        assert chat.stdout.read(5) == b"word "
        os.kill(chat.pid, signal.SIGINT)
        assert chat.wait(BOUND_S) == 130
        assert chat.stderr.read() == b""


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_an_encoding_that_lacks_a_character_ends_no_answer(tmp_path: Path, encoding: str) -> None:
    prompt = "naïve 漢字"
    ended = ask(tmp_path, "--ephemeral", "--model", "echo", stdin=prompt.encode(), PYTHONIOENCODING=encoding)
    assert (ended.returncode, ended.stdout.decode(encoding)) == (
        0,
        f"{prompt}\n" if encoding == "utf-8" else "na?ve ??\n",
    )


def test_the_embedded_model_answers_in_a_pipe(tmp_path: Path, model: str) -> None:
    ended = ask(tmp_path, "--ephemeral", "--model", model, stdin=b"hi\n")
    assert ended.returncode == 0
    assert len(ended.stdout.split()) > 2
    assert ended.stderr == b""
