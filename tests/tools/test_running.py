"""Running commands: what comes back, and that nothing stays behind."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psutil
import pytest

from meerkat_rpc.domain import JSON
from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.tools.base import covers
from meerkat_rpc.tools.builtin.commands import rule_detail
from meerkat_rpc.tools.output import HEAD_BYTES, TAIL_BYTES
from tests.tools.folders import Folder, Run, until


def _gone(pid_file: Path) -> bool:
    try:
        return psutil.Process(int(pid_file.read_text(encoding="utf-8"))).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _written(pid_file: Path) -> bool:
    return pid_file.exists() and pid_file.read_text(encoding="utf-8").endswith("\n")


def test_a_command_runs_in_the_folder(folder: Folder, run: Run) -> None:
    ended = run(folder.result("run_command", command="pwd; echo é >&2; exit 3"))
    assert (ended["exit_code"], ended["output"]) == (3, f"{folder.path}\né\n")
    assert ended["duration_ms"] < 5_000


def test_a_list_is_a_program_with_its_arguments_and_no_shell(folder: Folder, run: Run) -> None:
    assert run(folder.result("run_command", command=["echo", "$HOME;", "a  b"]))["output"] == "$HOME; a  b\n"


def test_there_is_no_stdin(folder: Folder, run: Run) -> None:
    assert run(folder.result("run_command", command="cat; echo end"))["output"] == "end\n"


def test_commands_that_are_none_are_named(folder: Folder, run: Run) -> None:
    assert "no-such-program can't be run" in run(folder.error("run_command", command=["no-such-program"]))
    assert run(folder.result("run_command", command="no-such-program"))["exit_code"] == 127
    commands: list[JSON] = ["", "  ", [], [""], ["a\0b"], [1], None, {}]
    for command in commands:
        assert run(folder.error("run_command", command=command)).startswith("command: ")


def test_a_signal_is_told_from_an_exit_code(folder: Folder, run: Run) -> None:
    ended = run(folder.result("run_command", command="kill -9 $$"))
    assert (ended["exit_code"], ended["signal"]) == (None, 9)


def test_of_much_output_beginning_and_end_are_kept(folder: Folder, run: Run) -> None:
    ended = run(folder.result("run_command", command="echo first; yes | head -c 5000000; echo last"))
    assert ended["output"].startswith("first\n")
    assert ended["output"].endswith("last\n")
    assert len(ended["output"]) < HEAD_BYTES + TAIL_BYTES + 100
    assert "bytes of the output were left out" in ended["truncated"]


def test_output_that_is_no_text_is_replaced(folder: Folder, run: Run) -> None:
    assert run(folder.result("run_command", command=r"printf '\377\n'"))["output"] == "\ufffd\n"


def test_a_deadline_ends_everything_that_was_started(folder: Folder, run: Run) -> None:
    script = (
        "sh -c 'trap \"\" TERM; echo $$ > a; sleep 600' & setsid sh -c 'echo $$ > b; exec sleep 600' & echo hi; wait"
    )
    ended = run(folder.call("run_command", command=script, timeout_s=1))
    assert ended.is_error
    assert (ended.result["timed_out"], ended.result["output"]) == (True, "hi\n")
    assert _gone(folder.path / "a")
    assert _gone(folder.path / "b")


def test_cancelling_ends_everything_at_once(folder: Folder, run: Run) -> None:
    script = "trap '' TERM; setsid sh -c 'echo $$ > a; exec sleep 600' & echo $$ > b; sleep 600; sleep 600"

    async def scenario() -> None:
        task = asyncio.create_task(folder.call("run_command", command=script))
        await until(lambda: _written(folder.path / "a") and _written(folder.path / "b"))
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 2
        assert _gone(folder.path / "a")
        assert _gone(folder.path / "b")

    run(scenario())


def test_what_is_left_in_the_background_is_ended_with_the_command(folder: Folder, run: Run) -> None:
    script = "sleep 600 & echo $! > a; (setsid sh -c 'echo $$ > b; exec sleep 600' &) ; while [ ! -s b ]; do :; done"
    began = time.monotonic()
    assert run(folder.result("run_command", command=script))["exit_code"] == 0
    assert time.monotonic() - began < 10
    assert _gone(folder.path / "a")
    assert _gone(folder.path / "b")


def test_keys_are_kept_from_commands(folder: Folder, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "hush")
    monkeypatch.setenv("HARMLESS", "shown")
    output = run(folder.result("run_command", command="env"))["output"]
    assert "hush" not in output
    assert "HARMLESS=shown" in output


def test_many_commands_run_at_once(folder: Folder, run: Run) -> None:
    async def scenario() -> list[str]:
        calls = [folder.result("run_command", command=f"sleep 0.2; echo {n}") for n in range(20)]
        return [ended["output"] for ended in await asyncio.gather(*calls)]

    assert run(scenario()) == [f"{n}\n" for n in range(20)]


def test_a_person_is_shown_the_command(folder: Folder, run: Run) -> None:
    shown = run(folder.preview("run_command", command="git  status\n", timeout_s=5))
    assert shown.summary == "run: git status"
    assert shown.details == {"command": "git  status\n", "cwd": str(folder.path), "timeout_s": 5}
    assert len(run(folder.preview("run_command", command="x " * 5_000)).summary) < 300
    with pytest.raises(InvalidArgument, match="command: "):
        run(folder.preview("run_command", command=""))


@pytest.mark.parametrize(
    ("command", "detail"),
    [
        ("git status", "git status"),
        ("git status -s --porcelain", "git status"),
        (["git", "commit", "-m", "a; b"], "git commit"),
        ("npm run build", "npm run"),
        ("/usr/bin/git log", "/usr/bin/git log"),
        # What would cover more than was seen is covered by nothing but itself.
        ("git -C /elsewhere status", "git -C /elsewhere status"),
        ("ls", "ls"),
        ("rm -rf x", "rm -rf x"),
        ("git status && rm -rf x", "git status && rm -rf x"),
        ("git status > x", "git status > x"),
        ("git status\nrm x", "git status\nrm x"),
        ("echo $(rm x)", "echo $(rm x)"),
        ("git status ~", "git status ~"),
        ("A=b git status", "A=b git status"),
        ("sudo rm x", "sudo rm x"),
        ("bash script.sh a", "bash script.sh a"),
        ("python3.12 x.py", "python3.12 x.py"),
        ("find . -delete", "find . -delete"),
        (["env", "rm", "x"], "env rm x"),
        (["git status", "x y"], "'git status' 'x y'"),
    ],
)
def test_a_rule_names_what_was_seen(command: str | list[str], detail: str) -> None:
    assert rule_detail(command) == detail


def test_a_rule_for_one_command_does_not_cover_another(folder: Folder, run: Run) -> None:
    rule = run(folder.preview("run_command", command="git status")).rule
    assert covers(rule, run(folder.preview("run_command", command="git status -s")).rule)
    for other in ("git push", "git status; rm x", "git status `rm x`", "git 'status' && x"):
        assert not covers(rule, run(folder.preview("run_command", command=other)).rule)
    assert covers("run_command", run(folder.preview("run_command", command="anything; at all")).rule)
