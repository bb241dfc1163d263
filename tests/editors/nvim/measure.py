"""How fast the plugin is in a real Neovim: a long session's end on screen, and an answer as fast as it can come."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.editors.measures import DELTAS, OPENINGS, SCRIPT, TURNS, Streaming
from tests.editors.nvim.editor import Editor
from tests.editors.workplace import Workplace

LATENESS = """
local every, worst, last = 10, 0, vim.uv.hrtime()
_G.lateness = vim.uv.new_timer()
_G.lateness:start(every, every, vim.schedule_wrap(function()
  local now = vim.uv.hrtime()
  worst, last = math.max(worst, (now - last) / 1e6 - every), now
  _G.worst_ms = worst
end))
"""
"""A timer of the main loop: scheduled, so that whatever keeps Neovim from its keyboard keeps it as well."""

OPEN = """
local id = ...
_G.opened_ms = nil
local began = vim.uv.hrtime()
require("meerkat.chat.chat").open(id, function(session)
  vim.cmd.redraw()
  _G.opened_ms = (vim.uv.hrtime() - began) / 1e6
end)
"""

FORGET = """
local session = require("meerkat.chat.chat").session()
require("meerkat.chat.window").close()
vim.api.nvim_buf_delete(session.buffer, { force = true })
"""


def opening(workplace: Workplace) -> list[float]:
    """Return the milliseconds from the command that opens a session of ``TURNS`` turns until its end is on screen."""
    session_id = workplace.long_session(TURNS)
    with Editor(workplace) as editor:
        editor.run("Meerkat new")  # the server is there, as it is but once a day
        editor.see("echo answers")
        return [_opened(editor, session_id) for _ in range(OPENINGS)]


def _opened(editor: Editor, session_id: str) -> float:
    editor.lua(OPEN, session_id)
    editor.wait(lambda: editor.lua("return _G.opened_ms ~= nil") is True, "opened session")
    took = float(editor.lua("return _G.opened_ms"))
    assert editor.lua("return vim.fn.line('w$', require('meerkat.chat.window').view().transcript)") == len(
        editor.transcript
    )
    editor.lua(FORGET)
    return took


def streaming(workplace: Workplace) -> Streaming:
    """Let the fastest answer come and return how Neovim took it."""
    session_id = workplace.session(script=SCRIPT)
    with Editor(workplace) as editor:
        editor.run(f"Meerkat resume {session_id}")
        editor.see("idle")
        editor.lua(LATENESS)
        began = time.monotonic()
        editor.lua("local c = require('meerkat.chat.chat') c.send_text(c.session(), 'Go on.')")
        editor.wait(lambda: any(name == "MeerkatTurnEnded" for name, _ in editor.hooks), "end of the turn")
        total = (time.monotonic() - began) * 1000
        text = "".join(editor.transcript)
        assert text.count("word") == DELTAS, text.count("word")
        return Streaming(total_ms=total, stall_ms={"main": float(editor.lua("return _G.worst_ms"))})


def main() -> None:
    """Print both figures."""
    with tempfile.TemporaryDirectory() as folder:
        took = opening(Workplace(Path(folder) / "opening"))
        sys.stdout.write(
            f"open {TURNS} turns: median {statistics.median(took):.0f} ms of {[round(ms) for ms in took]}\n"
        )
        sys.stdout.write(f"{DELTAS} deltas: {streaming(Workplace(Path(folder) / 'streaming'))}\n")


if __name__ == "__main__":
    main()
