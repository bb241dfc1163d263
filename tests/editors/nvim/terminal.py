"""Neovim in a real terminal, seen through a terminal emulator: what a person sees and nothing that an API tells."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import pexpect
import pyte

from tests.editors.nvim.editor import PLUGIN
from tests.editors.programs import require
from tests.editors.workplace import BOUND_S, Workplace

INSTALLED = ["--clean", "--cmd", f"set rtp^={PLUGIN}"]
"""A Neovim of nobody's, with the plugin."""


class Terminal:
    """A Neovim that is running. Use as a context manager: leaving closes the window."""

    def __init__(
        self,
        workplace: Workplace,
        *arguments: str,
        plugin: Sequence[str] = INSTALLED,
        columns: int = 120,
        rows: int = 40,
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)
        self.child = pexpect.spawn(
            require("nvim"),
            [*plugin, *arguments],
            env=workplace.environment(),
            cwd=str(workplace.folder),
            dimensions=(rows, columns),
            encoding="utf-8",
            codec_errors="replace",
            timeout=BOUND_S,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.child.close(force=True)

    def type(self, keys: str) -> None:
        """Press keys."""
        self.child.send(keys)

    def command(self, command: str) -> None:
        """Run a command from normal mode."""
        self.type(f"\x1b:{command}\r")

    @property
    def text(self) -> str:
        """Everything in the window."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def see(self, *texts: str) -> str:
        """Wait until all of them are seen; return the window."""
        end = time.monotonic() + BOUND_S
        while not all(text in self.text for text in texts):
            assert time.monotonic() < end, f"{texts} did not appear in:\n{self.text}"
            assert self._read(), f"Neovim ended before {texts} appeared:\n{self.text}"
        return self.text

    def settle(self) -> None:
        """Wait until nothing more is drawn for a moment: a picture is of a screen at rest."""
        while self._read(wait_s=0.5) and self.drew:
            pass

    def see_end(self) -> int:
        """Wait until it has ended and return its exit code."""
        while self._read():
            pass
        self.child.wait()
        return -1 if self.child.exitstatus is None else self.child.exitstatus

    def _read(self, wait_s: float = 1.0) -> bool:
        """Take in what was drawn; False when Neovim has ended."""
        self.drew = False
        try:
            new = self.child.read_nonblocking(100_000, timeout=wait_s)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.drew = True
        self._stream.feed(new)
        return True
