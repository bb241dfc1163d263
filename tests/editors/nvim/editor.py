"""A Neovim with the plugin and nothing else, its screen drawn as for a person, and a person's hands."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self
from unittest import mock

import pynvim  # type: ignore[import-untyped]

from tests.editors.programs import ROOT, require
from tests.editors.workplace import BOUND_S, Workplace

PLUGIN = ROOT / "editors" / "nvim"

STEP_S = 0.02
"""How often the screen is looked at."""


class Editor:
    """One Neovim. Use as a context manager: leaving quits it as a person does."""

    def __init__(
        self,
        workplace: Workplace,
        *,
        settings: str = "",
        columns: int = 110,
        rows: int = 40,
        arguments: Sequence[str] = (),
        **environment: str,
    ) -> None:
        self.rows, self.columns = rows, columns
        self.workplace = workplace
        command = [require("nvim"), "--clean", "--embed", "--cmd", f"set rtp^={PLUGIN}"]
        if settings:
            command += ["--cmd", f"lua vim.g.meerkat = {settings}"]
        self.nvim = _started([*command, *arguments], workplace, environment)
        self.nvim.ui_attach(columns, rows, rgb=True)
        self.nvim.exec_lua(WATCHING)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.quit()

    def quit(self) -> None:
        """Leave without saving anything, as ``:qa!`` does."""
        try:
            self.nvim.input("<Esc><Esc>")  # out of whatever it may be waiting in
            self.nvim.command("qa!")
        except (EOFError, OSError):
            pass
        self.nvim.close()

    # -- hands

    def type(self, keys: str) -> None:
        """Press keys, spelled as Neovim spells them."""
        self.nvim.input(keys)

    def run(self, command: str) -> None:
        """Run a command, ``Meerkat ask`` for one; from normal mode, as one types it."""
        self.nvim.command(command)

    def ask(self, prompt: str) -> None:
        """Write a prompt where prompts are written, and send it."""
        self.lua("require('meerkat.chat.window').write()")
        self.wait(lambda: self.nvim.api.get_mode()["mode"] == "i", "insert mode")
        self.nvim.api.paste(prompt, True, -1)
        self.type("<CR>")

    def lua(self, code: str, *args: Any) -> Any:
        """Run Lua and return what it returns."""
        return self.nvim.exec_lua(code, *args)

    def choose(self, text: str) -> list[str]:
        """Wait for a list and take the entry that has ``text``; return the list's entries."""
        self.wait(lambda: bool(self.lua("return _G.offered ~= nil")), lambda: f"list to choose {text} from")
        entries: list[str] = self.lua("return _G.offered.labels")
        place = next((place for place, entry in enumerate(entries, 1) if text in entry), None)
        assert place is not None, f"{text!r} is not among {entries}"
        self.lua("local it = _G.offered; _G.offered = nil; it.done(it.items[...], ...)", place)
        return entries

    def open(self, session_id: str) -> None:
        """Open a session and wait until it is there."""
        self.lua("_G.opened = nil require('meerkat.chat.chat').open(..., function() _G.opened = true end)", session_id)
        self.wait(lambda: bool(self.lua("return _G.opened")), "opened session")

    # -- eyes

    @property
    def screen(self) -> str:
        """What a person sees: every row, blanks at their ends left away."""
        rows: list[str] = self.lua(SCREEN)
        return "\n".join(row.rstrip() for row in rows)

    @property
    def transcript(self) -> list[str]:
        """The lines of the transcript that was shown last."""
        lines: list[str] = self.lua(TRANSCRIPT)
        return lines

    @property
    def prompt(self) -> str:
        """What is written where prompts are written."""
        text: str = self.lua("local c = require('meerkat.chat.chat') return c.prompt(c.session()):text()")
        return text

    @property
    def session_id(self) -> str:
        """The id of the session that is shown."""
        found: str = self.lua("return require('meerkat.chat.chat').session().id")
        return found

    @property
    def status(self) -> str:
        """What the status line's function says."""
        said: str = self.lua("return require('meerkat').statusline()")
        return said

    @property
    def messages(self) -> list[str]:
        """What the person was told by ``vim.notify``."""
        told: list[str] = self.lua("return _G.told")
        return told

    @property
    def hooks(self) -> list[list[Any]]:
        """The ``User Meerkat…`` autocommands that were fired: name and data."""
        fired: list[list[Any]] = self.lua("return _G.fired")
        return fired

    def see(self, *texts: str) -> str:
        """Wait until all of them are on the screen; return the screen."""
        self.wait(lambda: all(text in self.screen for text in texts), lambda: f"{texts} in:\n{self.screen}")
        return self.screen

    def see_in_transcript(self, *texts: str) -> str:
        """Wait until all of them are in the transcript, seen or not; return it whole."""
        self.wait(
            lambda: all(text in "\n".join(self.transcript) for text in texts),
            lambda: f"{texts} in:\n" + "\n".join(self.transcript[-60:]),
        )
        return "\n".join(self.transcript)

    def see_answer(self, text: str) -> None:
        """Wait until the transcript ends with that answer."""
        self.wait(lambda: self.transcript[-2:] == ["# Assistant", text], lambda: "\n".join(self.transcript[-20:]))

    def see_end(self) -> None:
        """Wait until a turn has ended since the test began."""
        self.wait(lambda: any(name == "MeerkatTurnEnded" for name, _ in self.hooks), lambda: f"end in:\n{self.screen}")

    def see_status(self, status: str) -> None:
        """Wait until the status is that."""
        self.wait(lambda: self.status == status, lambda: f"{status}; it is {self.status}:\n{self.screen}")

    def see_message(self, text: str) -> str:
        """Wait until the person was told that; return the whole message."""
        self.wait(lambda: any(text in told for told in self.messages), lambda: f"{text!r} in {self.messages}")
        return next(told for told in self.messages if text in told)

    def wait(self, condition: Callable[[], bool], what: str | Callable[[], str]) -> None:
        """Wait until ``condition`` holds."""
        end = time.monotonic() + BOUND_S
        while not condition():
            assert time.monotonic() < end, f"there was no {what if isinstance(what, str) else what()}"
            time.sleep(STEP_S)


def _started(command: Sequence[str], workplace: Workplace, more: dict[str, str]) -> pynvim.Nvim:
    environment = workplace.environment(**more)
    with mock.patch.dict(os.environ, environment, clear=True):  # pynvim hands on its own environment
        return pynvim.attach("child", argv=[*command, "--cmd", f"cd {workplace.folder}"])


WATCHING = """
_G.told, _G.fired = {}, {}
local notify = vim.notify
vim.notify = function(text, level)
  table.insert(_G.told, text)
  return notify(text, math.min(level or 2, vim.log.levels.WARN)) -- an error would end the API's call as well
end
vim.ui.select = function(items, options, done)
  local labels = vim.tbl_map(options.format_item or tostring, items)
  _G.offered = { items = items, labels = labels, done = done }
end
vim.api.nvim_create_autocmd("User", { pattern = "Meerkat*", callback = function(event)
  table.insert(_G.fired, { event.match, event.data })
end })
"""

SCREEN = """
vim.cmd.redraw()
local rows = {}
for row = 1, vim.o.lines do
  local cells = {}
  for column = 1, vim.o.columns do
    cells[column] = vim.fn.screenstring(row, column)
  end
  rows[row] = table.concat(cells)
end
return rows
"""

TRANSCRIPT = """
return vim.api.nvim_buf_get_lines(require('meerkat.chat.chat').session().buffer, 0, -1, true)
"""
