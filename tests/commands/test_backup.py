"""``meerkat-rpc backup`` and ``restore``, as they are run."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from meerkat_rpc.store.disk_check import check_store
from tests.commands.stores import Past
from tests.faults.contents import contents
from tests.rpc.driver import Server
from tests.store.damage import change_row, execute, flip

pytestmark = pytest.mark.slow


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "meerkat_rpc", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def backed_up(past: Past, target: Path) -> Path:
    done = run("backup", target, "--store", past.store)
    assert (done.returncode, done.stderr) == (0, "")
    return target


def test_a_backup_is_one_private_file_and_says_what_is_in_it(past: Past, tmp_path: Path) -> None:
    target = tmp_path / "here.backup"
    done = run("backup", target, "--store", past.store)
    assert f"{target}: 3 sessions" in done.stdout
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir() if "new" in entry.name] == []


def test_in_a_directory_a_backup_is_named_for_the_time(past: Past, tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    backed_up(past, tmp_path / "backups")
    (entry,) = (tmp_path / "backups").iterdir()
    assert entry.suffix == ".backup"


def test_a_file_that_is_there_is_not_replaced_unless_asked(past: Past, tmp_path: Path) -> None:
    target = tmp_path / "mine"
    target.write_text("dear")
    assert run("backup", target, "--store", past.store).returncode == 1
    assert target.read_text() == "dear"
    assert run("backup", target, "--store", past.store, "--force").returncode == 0
    assert target.read_bytes().startswith(b"SQLite")


def test_a_store_whose_files_cant_be_read_is_said(past: Past, tmp_path: Path) -> None:
    Path(past.store, "cache.db-shm").mkdir()
    done = run("backup", tmp_path / "none", "--store", past.store)
    assert done.returncode == 1
    assert "cache.db-shm" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_store_is_not_backed_up_over_a_good_backup(past: Past, tmp_path: Path) -> None:
    target = backed_up(past, tmp_path / "good")
    good = target.read_bytes()
    change_row(Path(past.store), f"s/{past.ids[0]}/head", flip(-1))
    done = run("backup", target, "--store", past.store, "--force")
    assert done.returncode == 1
    assert f"s/{past.ids[0]}/head" in done.stderr
    assert target.read_bytes() == good


def test_a_backup_that_cannot_be_written_says_so(past: Past, tmp_path: Path) -> None:
    done = run("backup", tmp_path / "nowhere" / "b", "--store", past.store)
    assert done.returncode == 1
    assert "can't be written" in done.stderr


def test_what_was_backed_up_is_restored(past: Past, tmp_path: Path) -> None:
    target = backed_up(past, tmp_path / "b")
    done = run("restore", target, "--store", tmp_path / "new" / "store")
    assert (done.returncode, done.stderr) == (0, "")
    with Server("--store", past.store) as server:
        before = contents(server)
    with Server("--store", str(tmp_path / "new" / "store")) as server:
        assert contents(server) == before
        assert server.call("turn/start", session_id=past.ids[0], prompt="go on")["text"] == "go on"
    report = check_store(str(tmp_path / "new" / "store"))
    assert report.problems == []
    assert report.store_id != check_store(past.store).store_id
    assert {entry.name for entry in (tmp_path / "new").iterdir()} == {"store"}


def test_a_store_that_is_there_is_put_aside_and_only_when_asked(past: Past, tmp_path: Path) -> None:
    target = backed_up(past, tmp_path / "b")
    execute(Path(past.store), "DELETE FROM Cache WHERE key = 'pages'")
    done = run("restore", target, "--store", past.store)
    assert done.returncode == 1
    assert "--force" in done.stderr
    assert check_store(past.store).problems
    assert run("restore", target, "--store", past.store, "--force").returncode == 0
    assert check_store(past.store).problems == []
    (aside,) = (entry for entry in tmp_path.iterdir() if ".replaced-" in entry.name)
    assert check_store(str(aside)).problems


def test_a_store_in_use_is_not_replaced(past: Past, tmp_path: Path) -> None:
    target = backed_up(past, tmp_path / "b")
    with Server("--store", past.store) as server:
        session_id = server.session(model="echo")
        done = run("restore", target, "--store", past.store, "--force")
        assert done.returncode == 1
        assert "in use" in done.stderr
        assert server.call("turn/start", session_id=session_id, prompt="still here")["text"] == "still here"


@pytest.mark.parametrize("damage", ["row", "cut", "rubbish", "gone"])
def test_a_damaged_backup_is_refused_and_nothing_is_replaced(past: Past, tmp_path: Path, damage: str) -> None:
    target = backed_up(past, tmp_path / "b")
    match damage:
        case "row":
            content = target.read_bytes()
            at = content.index(b"What is new?")
            target.write_bytes(content[:at] + b"w" + content[at + 1 :])
        case "cut":
            os.truncate(target, target.stat().st_size // 2)
        case "rubbish":
            target.write_bytes(b"rubbish " * 1000)
        case "gone":
            target.unlink()
    done = run("restore", target, "--store", past.store, "--force")
    assert done.returncode == 1
    assert "can't be restored" in done.stderr
    assert "Traceback" not in done.stderr
    assert check_store(past.store).sessions == 3
    assert [entry.name for entry in tmp_path.iterdir() if "replaced" in entry.name or "new" in entry.name] == []


def test_a_turn_that_ran_during_the_backup_is_interrupted_in_the_restored_store(tmp_path: Path) -> None:
    with Server("--store", str(tmp_path / "store")) as server:
        session_id, turn_id = server.hang("half a")
        assert run("backup", tmp_path / "b", "--store", tmp_path / "store").returncode == 0
        assert run("restore", tmp_path / "b", "--store", tmp_path / "restored").returncode == 0
        with Server("--store", str(tmp_path / "restored")) as restored:
            view = restored.call("session/read", session_id=session_id)
            assert view["last_turn"]["turn_id"] == turn_id
            assert view["last_turn"]["outcome"] == "interrupted"
            assert view["last_assistant_text"] == "half a"
        assert server.call("session/read", session_id=session_id)["state"] == "running"


def test_what_was_attached_is_restored(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    with Server("--store", str(tmp_path / "store")) as server:
        session_id = server.session(model="echo")
        block = {"type": "file", "data": b64encode(content).decode(), "name": "noise"}
        server.call("turn/start", session_id=session_id, prompt=[{"type": "text", "text": "keep it"}, block])
        assert run("backup", tmp_path / "b", "--store", tmp_path / "store").returncode == 0
        assert run("restore", tmp_path / "b", "--store", tmp_path / "restored").returncode == 0
    with Server("--store", str(tmp_path / "restored")) as restored:
        (said, _) = restored.call("session/history", session_id=session_id)["messages"]
        (attached,) = said["attachments"]
        assert b64decode(restored.call("blob/get", digest=attached["digest"])["data"]) == content


def test_a_question_that_waited_during_the_backup_ends_with_its_turn_in_the_restored_store(tmp_path: Path) -> None:
    with Server("--store", str(tmp_path / "store")) as server:
        session_id = server.session({"approval": {"summary": "may I?", "choices": ["yes", "no"]}})
        server.call("turn/start", session_id=session_id, prompt="go", wait=False)
        server.until(lambda params: params["event"]["type"] == "approval_requested")
        assert run("backup", tmp_path / "b", "--store", tmp_path / "store").returncode == 0
        assert run("restore", tmp_path / "b", "--store", tmp_path / "restored").returncode == 0
        with Server("--store", str(tmp_path / "restored")) as restored:
            view = restored.call("session/read", session_id=session_id)
            assert (view["state"], view["last_turn"]["outcome"]) == ("idle", "interrupted")
            assert restored.call("approval/list", session_id=session_id)["approvals"] == []
        (waiting,) = server.call("approval/list", session_id=session_id)["approvals"]
        server.call("approval/respond", session_id=session_id, approval_id=waiting["approval_id"], choice="yes")


def test_there_is_nothing_to_back_up_where_no_store_is(tmp_path: Path) -> None:
    done = run("backup", tmp_path / "b", "--store", tmp_path / "none")
    assert done.returncode == 1
    assert "no store" in done.stderr
    (tmp_path / "empty").mkdir()
    assert run("backup", tmp_path / "b", "--store", tmp_path / "empty").returncode == 1
    assert not (tmp_path / "b").exists()
