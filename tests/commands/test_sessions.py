import argparse
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from meerkat_rpc.commands import sessions as command
from meerkat_rpc.commands.sessions_view import age, one_line
from tests.commands.stores import Past


def run(past: Past, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args([*arguments, "--store", past.store]))


def listed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()]


def test_a_pipe_gets_a_line_a_session_newest_first(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(past, "list") == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == past.ids[::-1]
    assert rows[2][2:] == ["idle", "2", "What is new?"]
    assert rows[2][1].endswith("Z")


def test_a_title_can_neither_drive_the_terminal_nor_break_the_line(
    past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    run(past, "list")
    assert capsys.readouterr().out.splitlines()[1].split("\t")[-1] == "red \ufffd[31malert\ufffd tab second line"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--label", "team=a"], [1, 0]),
        (["--label", "team=a", "--cwd", "/src/two"], [1]),
        (["--query", "WHAT"], [0]),
        (["--limit", "2"], [2, 1]),
        (["--archived"], []),
    ],
)
def test_a_listing_can_be_narrowed(
    past: Past, capsys: pytest.CaptureFixture[str], options: list[str], found: list[int]
) -> None:
    assert run(past, "list", *options) == 0
    assert listed(capsys) == [past.ids[index] for index in found]


def test_what_a_limit_leaves_out_is_said_beside_the_rows(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    run(past, "list", "--limit", "1")
    assert "1 of 3" in capsys.readouterr().err


def test_a_listing_in_json_has_the_names_of_the_contract(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(past, "list", "--json", "--query", "what") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["session_id"], row["title"], row["labels"]) == (past.ids[0], "What is new?", {"team": "a"})
    assert row["updated_at"] >= row["created_at"] > 1_700_000_000


def test_an_unequal_label_is_refused(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(past, "list", "--label", "team") == 1
    assert "--label: expected name=value" in capsys.readouterr().err


def test_a_session_is_shown_as_a_conversation(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(past, "show", past.ids[0]) == 0
    shown = capsys.readouterr().out
    assert shown.index("# What is new?") < shown.index("## User") < shown.index("## Assistant")


def test_an_id_may_be_cut_where_it_is_unique(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    unique = next(length for length in range(37) if len({id_[:length] for id_ in past.ids}) == len(past.ids))
    assert run(past, "export", past.ids[1][:unique].upper(), "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["session"]["session_id"] == past.ids[1]


def test_a_cut_id_that_fits_several_is_refused(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(past, "show", past.ids[0][:4]) == 1
    assert "3 sessions" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["ffff", "", "-", "no-such", "01900000-0000-7000-8000-00000000dead"])
def test_an_id_that_fits_none_is_said(past: Past, capsys: pytest.CaptureFixture[str], given: str) -> None:
    assert run(past, "archive", "--", given) == 1
    assert capsys.readouterr().err.startswith("meerkat-rpc: ")


def test_an_export_can_go_to_a_file(past: Past, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    assert run(past, "export", past.ids[2], "--format", "jsonl", "-o", str(target)) == 0
    assert [json.loads(line)["content"] for line in target.read_text().splitlines()] == ["Third\nline"] * 2


def test_an_export_to_a_place_that_cannot_be_written_is_said(
    past: Past, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(past, "export", past.ids[2], "-o", str(tmp_path)) == 1
    assert "directory" in capsys.readouterr().err


def test_an_archived_session_leaves_the_list_and_comes_back(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(past, "archive", past.ids[0], past.ids[1]) == 0
    run(past, "list")
    assert listed(capsys) == [past.ids[2]]
    run(past, "list", "--archived")
    assert set(listed(capsys)) == set(past.ids[:2])
    assert run(past, "unarchive", past.ids[0]) == 0
    run(past, "list")
    assert set(listed(capsys)) == {past.ids[0], past.ids[2]}


def test_an_archived_session_can_be_found_by_the_beginning_of_its_id(past: Past) -> None:
    run(past, "archive", past.ids[0])
    assert run(past, "show", past.ids[0][:-1]) == 0


def test_deleting_takes_a_yes(past: Past, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert run(past, "delete", past.ids[0]) == 1
    assert "pass --yes" in capsys.readouterr().err
    assert run(past, "delete", "--yes", past.ids[0]) == 0
    run(past, "list")
    assert listed(capsys) == past.ids[:0:-1]


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("yes\n", 0), ("\n", 1), ("n\n", 1), ("", 1)])
def test_on_a_terminal_it_asks(
    past: Past, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    monkeypatch.setattr(sys, "stdin", _Terminal(answer))
    assert run(past, "delete", past.ids[0]) == code
    asked = capsys.readouterr().err
    assert "What is new? (2 messages)" in asked
    assert "[y/N]" in asked


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_no_store_is_said_and_none_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = Past(str(tmp_path / "none"), [])
    assert run(missing, "list") == 1
    assert f"there is no store at {missing.store}" in capsys.readouterr().err
    assert not os.path.exists(missing.store)


def on_a_terminal(past: Past, *arguments: str) -> str:
    """Return what the program shows on a terminal of 120 columns."""
    command_line = [sys.executable, "-m", "meerkat_rpc", "sessions", *arguments, "--store", past.store]
    environ = os.environ | {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "120"}
    screen, terminal = pty.openpty()
    with subprocess.Popen(command_line, env=environ, stdin=terminal, stdout=terminal, stderr=terminal):
        os.close(terminal)
        shown = b"".join(iter(lambda: _read(screen), b""))
    os.close(screen)
    return shown.decode()


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 65536)
    except OSError:  # how Linux says that nobody holds the terminal any more
        return b""


def test_a_terminal_gets_a_table(past: Past) -> None:
    shown = on_a_terminal(past, "list")
    assert "Title" in shown
    assert "Folder" in shown
    assert all(id_ in shown for id_ in past.ids)
    assert "\x1b[31m" not in shown


def test_a_terminal_gets_the_conversation_rendered(past: Past) -> None:
    shown = on_a_terminal(past, "show", past.ids[0])
    assert "What is new?" in shown
    assert "## User" not in shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "now"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (86_400 * 3, "3 d"), (86_400 * 400, "1 y"), (-5, "now")],
)
def test_an_age_is_in_its_largest_unit(seconds: int, shown: str) -> None:
    assert age(1_000_000_000_000, 1_000_000_000_000 + seconds * 1000) == shown


def test_one_line_keeps_what_people_write() -> None:
    assert one_line("  Grüße 🦦\n  an\talle ") == "Grüße 🦦 an alle"


def test_sessions_are_written_into_a_folder_and_only_once(
    past: Past, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "projected"
    assert run(past, "project", str(folder)) == 0
    assert capsys.readouterr().out == "3 written, 0 unchanged, 0 removed\n"
    assert {path.name for path in (folder / past.ids[0]).iterdir()} == {"session.json", "events.jsonl", "summary.txt"}
    run(past, "delete", "--yes", past.ids[1])
    assert run(past, "project", str(folder)) == 0
    assert capsys.readouterr().out == "0 written, 2 unchanged, 1 removed\n"
    assert run(past, "project", "--rebuild", str(folder)) == 0
    assert capsys.readouterr().out == "2 written, 0 unchanged, 0 removed\n"


def test_a_folder_that_cannot_be_written_is_said(
    past: Past, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    assert run(past, "project", str(tmp_path / "file")) == 1
    assert str(tmp_path / "file") in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_error_to_shout_about(past: Past) -> None:
    command_line = [sys.executable, "-m", "meerkat_rpc", "sessions", "list", "--json", "--store", past.store]
    with subprocess.Popen(command_line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.close()
        assert program.stderr.read() == b""
    assert program.returncode == 1
