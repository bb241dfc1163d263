"""The chat in a real pseudo-terminal, seen through a terminal emulator."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import pexpect
import pyte

BOUND_S = 60
"""How long anything may take to appear. The machine may be busy."""

SUMMARY = re.compile(r"^\d+ tokens?, [\d.]+ s", re.MULTILINE)
"""The line below an answer."""

COMMAND = [sys.executable, "-P", "-m", "meerkat_rpc", "chat"]


def environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with a state directory of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MEERKAT_", "XDG_"))}
    quiet = {"PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm-256color"}
    own = {"XDG_STATE_HOME": str(home / "state"), "XDG_CONFIG_HOME": str(home / "config")}
    return {**kept, **quiet, **own, **more}


class Terminal:
    """A chat that is running, its window, and a person's hands. Use as a context manager: leaving ends the chat."""

    def __init__(
        self, home: Path, *args: str, rows: int = 40, columns: int = 100, env: Mapping[str, str] | None = None
    ) -> None:
        self.rows, self.columns = rows, columns
        self.raw = ""
        self._screen = pyte.HistoryScreen(columns, rows, history=10_000, ratio=1)
        self._stream = pyte.Stream(self._screen)
        self.child = pexpect.spawn(
            COMMAND[0],
            [*COMMAND[1:], *args],
            env=environment(home, env or {}),
            cwd=str(home),
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

    # -- hands

    def type(self, keys: str) -> None:
        """Press keys."""
        self.child.send(keys)

    def enter(self, line: str) -> None:
        """Type a line and send it."""
        self.type(line + "\r")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.type("\x03")

    # -- eyes

    @property
    def text(self) -> str:
        """Everything in the window and above it, blanks at the lines' ends left away."""
        above = ["".join(row[column].data for column in range(self.columns)) for row in self._screen.history.top]
        return "\n".join(line.rstrip() for line in [*above, *self._screen.display]).rstrip()

    def see(self, what: str | Callable[[str], bool]) -> str:
        """Wait until the text is there (or the condition holds) and return all that is seen."""
        wanted = (lambda text: what in text) if isinstance(what, str) else what
        end = time.monotonic() + BOUND_S
        while not wanted(self.text):
            assert time.monotonic() < end, f"{what!r} did not appear in:\n{self.text}"
            assert self._read(), f"the chat ended before {what!r} appeared:\n{self.text}"
        return self.text

    def see_prompt(self) -> str:
        """Wait until the chat is ready for the next line and return all that is seen."""
        return self.see(lambda text: text.endswith("\n›"))  # noqa: RUF001

    def see_end(self) -> int:
        """Wait until the chat has ended and return its exit code."""
        while self._read():
            pass
        self.child.wait()
        return -1 if self.child.exitstatus is None else self.child.exitstatus

    def ask(self, prompt: str) -> str:
        """Wait for the prompt, send ``prompt``, wait for the line that ends every answer, return all between."""
        self.see_prompt()
        self.enter(prompt)
        self.see(lambda _: SUMMARY.search(self.answer_to(prompt)) is not None)
        return self.answer_to(prompt)

    def answer_to(self, prompt: str) -> str:
        """Return what stands below ``prompt`` and above the next one."""
        below = self.text.rpartition(f"› {prompt}\n")[2]  # noqa: RUF001
        return re.split(r"^›", below, maxsplit=1, flags=re.MULTILINE)[0].strip()  # noqa: RUF001

    def _read(self) -> bool:
        """Take in what the chat wrote; False when it has ended."""
        try:
            new = self.child.read_nonblocking(100_000, timeout=1)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += new
        self._stream.feed(new)
        return True
