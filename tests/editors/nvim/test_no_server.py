from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.editors.nvim.editor import PLUGIN, Editor
from tests.editors.programs import require
from tests.editors.workplace import Workplace


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH on which there is a shell and nothing else that could be the server."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "git", "env"):
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(found)
    return str(folder)


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_without_a_server_the_chat_says_what_to_install_and_works_once_it_is_there(
    workplace: Workplace, bare_path: str
) -> None:
    with Editor(workplace, PATH=bare_path) as editor:
        editor.run("Meerkat")
        editor.see("no server", "pip install meerkat-rpc", "vim.g.meerkat", ":Meerkat restart", "offline")
        editor.ask("hello?")
        editor.see("no server")
        editor.wait(lambda: editor.prompt == "hello?", "prompt that comes back")
        real = shutil.which("meerkat-rpc", path=workplace.environment()["PATH"])
        (Path(bare_path) / "meerkat-rpc").symlink_to(str(real))
        editor.run("Meerkat restart")
        editor.see("echo answers")
        assert "no server" not in editor.screen
        editor.type("<Esc><CR>")
        editor.see_answer("hello?")


def test_a_setting_that_names_nothing_is_an_error_that_names_it(workplace: Workplace) -> None:
    with Editor(workplace, settings="{ command = { '/nowhere/meerkat', '-v' } }") as editor:
        editor.run("Meerkat")
        editor.see("offline")
        editor.see_in_transcript('The setting command names "/nowhere/meerkat", which is no program here.')
        assert workplace.server_pids() == []


def test_a_setting_that_is_no_server_is_given_up(workplace: Workplace) -> None:
    with Editor(workplace, settings="{ command = 'cat' }") as editor:
        editor.run("Meerkat")
        editor.see("no server", "offline")


def test_python_has_the_server_where_path_has_none(workplace: Workplace, bare_path: str) -> None:
    python = Path(workplace.environment()["PATH"].split(os.pathsep)[0]) / "python"
    script(Path(bare_path) / "python3", f'exec {python} "$@"')
    with Editor(workplace, PATH=bare_path) as editor:
        editor.run("Meerkat")
        editor.see("echo answers")
        assert editor.lua("return require('meerkat.server').state().found.how") == "a package of python3"


def test_uvx_is_the_last_that_is_tried(workplace: Workplace, bare_path: str) -> None:
    real = shutil.which("meerkat-rpc", path=workplace.environment()["PATH"])
    script(Path(bare_path) / "uvx", f'shift\nexec {real} "$@"')
    script(Path(bare_path) / "python3", "exit 1")
    with Editor(workplace, PATH=bare_path) as editor:
        editor.run("Meerkat")
        editor.see("echo answers")
        assert editor.lua("return require('meerkat.server').state().found.how") == "through uvx"


def test_health_says_what_is_there_and_what_mends_what_is_not(workplace: Workplace, bare_path: str) -> None:
    with Editor(workplace, rows=60) as editor:
        editor.run("checkhealth meerkat")
        screen = editor.see("tree-sitter reads Markdown", "on PATH", "store:", "default model: echo", "sessions: 0")
        assert "ERROR" not in screen
        assert "WARNING" not in screen
    with Editor(workplace, rows=60, PATH=bare_path) as editor:
        editor.run("Meerkat doctor")
        editor.see("ERROR", "no meerkat-rpc on PATH", "pip install meerkat-rpc")


def test_the_help_has_every_tag_once_and_every_subcommand(workplace: Workplace) -> None:
    with Editor(workplace) as editor:
        docs = workplace.home / "doc"
        docs.mkdir()
        shutil.copy(PLUGIN / "doc" / "meerkat.txt", docs)
        editor.run(f"helptags {docs}")
        text = (docs / "meerkat.txt").read_text()
        assert max(len(line) for line in text.splitlines()) <= 78
        for name in editor.lua("return vim.tbl_keys(require('meerkat.commands').COMMANDS)"):
            assert f"{name}" in text, name
        for name in editor.lua("return vim.tbl_keys(require('meerkat.config').defaults)"):
            assert f"    {name} " in text, name


def test_an_old_neovim_gets_one_polite_line(workplace: Workplace) -> None:
    lines = [
        "Meerkat",
        "Meerkat ask something",
        "lua require('meerkat').setup({})",
        "echo 'still here'",
    ]
    command = [require("old-nvim"), "--headless", "-u", "NONE", "--cmd", f"set rtp^={PLUGIN}"]
    command += ["-c", f"source {PLUGIN}/plugin/meerkat.lua"]
    command += [argument for line in lines for argument in ("-c", line)] + ["-c", "qa!"]
    result = subprocess.run(
        command, env=workplace.environment(), capture_output=True, text=True, check=True, timeout=60
    )
    told = result.stdout + result.stderr
    assert "meerkat needs Neovim 0.10 or newer; this is 0.7.2" in told
    assert "still here" in told
    assert "stack traceback" not in told
    assert "E5" not in told
