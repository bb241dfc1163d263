"""The configuration of a running server: edits hold at once, broken ones never."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from meerkat_rpc.config_environment import ConfiguredEnvironment
from meerkat_rpc.config_live import KEPT_PROJECTS, LiveConfig
from tests.unmeasured import unmeasured


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def live(path: Path, said: list[str]) -> LiveConfig:
    return LiveConfig(str(path), warn=said.append)


def project(tmp_path: Path, content: str, name: str = "project") -> str:
    path = tmp_path / name / ".meerkat" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return str(tmp_path / name)


def test_an_edit_holds_at_once_however_soon_it_follows_another(live: LiveConfig, path: Path) -> None:
    for number in range(200):
        path.write_text(f"[compaction]\nkeep_turns = {number % 10}\n")  # the same size each time
        assert live.settings(None).compaction.keep_turns == number % 10


def test_a_file_that_appears_and_goes_is_noticed(live: LiveConfig, path: Path) -> None:
    for _ in range(3):
        assert live.settings(None).model is None
        path.write_text('model = "echo"')
        assert live.settings(None).model == "echo"
        path.unlink()


def test_a_file_that_is_replaced_by_a_rename_is_noticed(live: LiveConfig, path: Path, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / "new").write_text(f'model = "{name}"')
        os.replace(tmp_path / "new", path)
        assert live.settings(None).model == name


def test_what_is_unchanged_is_not_read_again(live: LiveConfig, path: Path, tmp_path: Path) -> None:
    path.write_text('model = "echo"')
    cwd = project(tmp_path, "[retry]\nmax_attempts = 2")
    long_ago = time.time() - 60
    for file in (path, Path(cwd) / ".meerkat/config.toml"):
        os.utime(file, (long_ago, long_ago))
    assert live.settings(cwd) is live.settings(cwd)


def test_a_broken_edit_is_said_once_and_what_held_before_holds(live: LiveConfig, path: Path, said: list[str]) -> None:
    path.write_text('model = "echo"')
    live.settings(None)
    path.write_text("model = [")
    for _ in range(3):
        assert live.settings(None).model == "echo"
    assert len(said) == 1
    assert said[0].startswith(f"{path}: ")
    path.write_text("modle = 1")
    assert live.settings(None).model == "echo"
    assert "did you mean model?" in said[1]
    assert live.report(None).problems == (said[1].removesuffix("; the settings from before hold"),)
    path.write_text('model = "scripted"')
    assert live.settings(None).model == "scripted"
    assert len(said) == 2
    assert live.report(None).problems == ()


def test_a_broken_project_is_said_once_and_never_fatal(live: LiveConfig, tmp_path: Path, said: list[str]) -> None:
    cwd = project(tmp_path, "[retry]\nmax_attempts = 'x'")
    for _ in range(3):
        assert live.settings(cwd).retry.max_attempts == 4
    assert len(said) == 1
    assert "line 2: retry.max_attempts: expected an integer from 1 to 20" in said[0]


def test_what_is_ignored_is_said_once_for_each_change(live: LiveConfig, tmp_path: Path, said: list[str]) -> None:
    cwd = project(tmp_path, "[approvals]\nallow = ['a']")
    for _ in range(3):
        live.settings(cwd)
    assert [text.partition(": ")[2] for text in said] == [
        "approvals.allow is ignored: the project is not among your trusted_projects"
    ]
    project(tmp_path, "[approvals]\nallow = ['b']")
    live.settings(cwd)
    assert len(said) == 2


def test_a_projects_edit_holds_at_once(live: LiveConfig, tmp_path: Path) -> None:
    for number in (3, 4, 5):
        cwd = project(tmp_path, f"[retry]\nmax_attempts = {number}")
        assert live.settings(cwd).retry.max_attempts == number


def test_any_number_of_projects_can_be_asked_for(live: LiveConfig, tmp_path: Path) -> None:
    folders = [project(tmp_path, f"[retry]\nbase_delay_ms = {n}", f"p{n}") for n in range(KEPT_PROJECTS + 10)]
    for _ in range(2):
        assert [live.settings(cwd).retry.base_delay_ms for cwd in folders] == list(range(KEPT_PROJECTS + 10))
    assert len(live._projects) == KEPT_PROJECTS
    assert len(live._settings) <= KEPT_PROJECTS


def test_what_needs_a_restart_is_named_once_it_has_changed(path: Path) -> None:
    path.write_text('model = "echo"\nmax_sessions = 3\n')
    live = LiveConfig(str(path))
    assert live.restart() == []
    path.write_text('model = "scripted"\nmax_sessions = 4\nlog_level = "info"\n[retry]\nmax_attempts = 2\n')
    assert live.restart() == ["max_sessions", "log_level"]
    path.write_text("max_sessions = 3")
    assert live.restart() == []


def test_a_link_is_followed_wherever_it_leads(live: LiveConfig, path: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(f'model = "{name}"')
        (tmp_path / "link").symlink_to(tmp_path / name)
        os.replace(tmp_path / "link", path)
        assert live.settings(None).model == name


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_said(path: Path, said: list[str]) -> None:
    path.write_text("")
    path.chmod(0)
    LiveConfig(str(path), warn=said.append)
    assert "Permission denied" in said[0]


def test_a_folder_in_the_files_place_is_said(path: Path, said: list[str]) -> None:
    path.mkdir()
    assert LiveConfig(str(path), warn=said.append).settings(None).model is None
    assert "directory" in said[0]


def test_many_threads_may_ask_while_the_file_changes(live: LiveConfig, path: Path, said: list[str]) -> None:
    stop = threading.Event()

    def edit() -> None:
        for number in range(300):
            (new := path.with_suffix(".new")).write_text(f'model = "m{number}"\nmax_sessions = {number + 1}')
            os.replace(new, path)
        stop.set()

    async def ask() -> set[str | None]:
        models = set()
        while not stop.is_set():
            models.add((await asyncio.to_thread(live.settings, None)).model)
            models.add(live.settings(None).model)
        return models

    async def all_together() -> list[set[str | None]]:
        asking = [asyncio.create_task(ask()) for _ in range(4)]
        await asyncio.to_thread(edit)
        return await asyncio.gather(*asking)

    asyncio.run(all_together())
    assert live.settings(None).model == "m299"
    assert said == []


def test_the_environment_is_kept_up_with_the_file_and_never_overridden(path: Path) -> None:
    environ = {"OWN": "mine"}
    path.write_text('[env]\nOWN = "x"\nNEW = "1"\nOLD = "2"')
    live = LiveConfig(str(path), environ)
    assert environ == {"OWN": "mine", "NEW": "1", "OLD": "2"}
    path.write_text('[env]\nOWN = "y"\nNEW = "3"')
    live.settings(None)
    assert environ == {"OWN": "mine", "NEW": "3"}
    path.write_text("[env")
    live.settings(None)
    assert environ == {"OWN": "mine", "NEW": "3"}


def test_a_variable_that_somebody_removed_is_set_again_only_by_a_change() -> None:
    environ: dict[str, str] = {}
    variables = ConfiguredEnvironment(environ)
    variables.apply({"A": "1"})
    del environ["A"]
    variables.apply({})
    assert environ == {}


def test_reading_settings_loads_no_heavy_library(path: Path) -> None:
    path.write_text('[mcp.servers.x]\ncommand = "x"\n[providers.p]\n')
    code = (
        "import sys; from meerkat_rpc.config_live import LiveConfig; "
        f"assert LiveConfig({str(path)!r}).settings('/tmp').mcp_servers; "
        "print({'attr', 'asyncio', 'tomlkit', 'platformdirs'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=unmeasured(), capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
