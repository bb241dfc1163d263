from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.editors.nvim.editor import Editor
from tests.editors.workplace import Workplace


@pytest.fixture(autouse=True)
def project(place: Workplace) -> Path:
    folder = place.folder
    if not (folder / ".git").exists():
        (folder / "src").mkdir()
        (folder / "src" / "parser.py").write_text("def parse():\n    pass\n")
        (folder / "with space.txt").write_text("content")
        (folder / "ignored.log").write_text("noise")
        (folder / ".gitignore").write_text("*.log\n")
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


def test_files_are_offered_behind_an_at_sign_and_go_with_the_prompt(editor: Editor, place: Workplace) -> None:
    editor.run("Meerkat new")
    editor.type("look at @pars")
    editor.see("src/parser.py")
    editor.type("<Tab>")
    editor.wait(lambda: editor.prompt == "look at @src/parser.py", lambda: editor.screen)
    editor.type(" and @spa")
    editor.see("with space.txt")
    editor.type("<CR>")
    editor.wait(lambda: editor.prompt.endswith('and @"with space.txt"'), lambda: editor.screen)
    editor.type("<CR>")
    editor.see("+ parser.py", "+ with space.txt")
    editor.see_end()
    page = place.ask("session/history", session_id=editor.session_id)
    assert [file["name"] for file in page["messages"][0]["attachments"]] == ["parser.py", "with space.txt"]


def test_ignored_files_and_addresses_offer_nothing(editor: Editor) -> None:
    editor.run("Meerkat new")
    editor.type("@ignored")
    offered = "local done; require('meerkat.chat.completion').files(vim.fn.getcwd(), function(f) done = f end) "
    found = editor.lua(offered + "vim.wait(5000, function() return done end) return done")
    assert "src/parser.py" in found
    assert "ignored.log" not in found
    editor.type("<C-u>me@src")
    assert editor.lua("return vim.fn.pumvisible()") == 0
    editor.type("<C-u>")


def test_a_selection_goes_along_with_its_place_and_its_language(editor: Editor, place: Workplace) -> None:
    editor.run("edit src/parser.py")
    editor.run("1,2Meerkat ask what is this?")
    editor.see("src/parser.py#L1-2", "def parse():")
    editor.see_end()
    assert place.prompts(editor.session_id)[-1] == (
        "what is this?\n\nsrc/parser.py#L1-2\n\n```python\ndef parse():\n    pass\n```"
    )


def test_a_selection_without_words_waits_for_them(editor: Editor, project: Path) -> None:
    editor.run("Meerkat new")
    editor.type("<Esc>q")
    editor.run(f"edit {project}/src/parser.py")
    editor.type("VG")
    editor.lua("vim.keymap.set('x', 'gA', '<Plug>(meerkat-ask)')")
    editor.type("gA")
    editor.see("src/parser.py#L1-2")
    editor.type("Explain.")
    editor.wait(lambda: editor.prompt.startswith("Explain.\n\nsrc/parser.py#L1-2\n"), lambda: repr(editor.prompt))
