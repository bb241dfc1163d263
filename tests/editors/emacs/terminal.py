"""Emacs in a real pseudo-terminal: what a person types, and what is on the screen."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

import pexpect
import pyte

from tests.editors.programs import ROOT, require
from tests.editors.workplace import BOUND_S, Workplace

SOURCES = ROOT / "editors" / "emacs"

ESCAPE = "\x1b"

COLOURS = {
    False: "(progn (setq frame-background-mode (quote light)) (frame-set-background-mode nil))",
    True: "(progn (setq frame-background-mode (quote dark)) (frame-set-background-mode nil))",
}
"""What tells Emacs whether the terminal is a dark one: this terminal doesn't answer when it is asked."""


@cache
def package() -> str:
    """Return a folder with the package as it is installed: compiled. It is made once."""
    folder = tempfile.mkdtemp(prefix="meerkat-emacs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for file in SOURCES.glob("*.el"):
        shutil.copy(file, folder)
    names = sorted(path.name for path in Path(folder).glob("*.el"))
    subprocess.run(
        [require("emacs"), "-Q", "--batch", "-L", ".", "-f", "batch-byte-compile", *names],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


class Emacs:
    """Emacs with the package, its window, and a person's hands. Use as a context manager: leaving ends it."""

    def __init__(
        self,
        workplace: Workplace,
        *,
        rows: int = 40,
        columns: int = 100,
        dark: bool = True,
        init: Sequence[str] = (),
        **environment: str,
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)
        forms = [
            "(setq inhibit-startup-screen t ring-bell-function 'ignore native-comp-deferred-compilation nil)",
            COLOURS[dark],
            *init,
            "(require 'meerkat)",
            '(switch-to-buffer "started up")',
        ]
        self.child = pexpect.spawn(
            require("emacs"),
            ["-Q", "-nw", "-L", package(), *[word for form in forms for word in ("--eval", form)]],
            env=workplace.environment(**environment),
            cwd=str(workplace.folder),
            dimensions=(rows, columns),
            encoding="utf-8",
            codec_errors="replace",
            timeout=BOUND_S,
        )
        self.see("started up")

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

    def command(self, name: str, *answers: str) -> None:
        """Run a command by its name, and give its questions ``answers``, each when it is asked."""
        self.type(f"{ESCAPE}x")
        self.see("M-x")
        self.type(f"{name}\r")
        for answer in answers:
            self.type(f"{answer}\r")

    def open(self, session_id: str) -> None:
        """Show a session in the whole window, whatever was there before."""
        self.fresh()
        self.evaluate(f'(progn (meerkat-chat-open "{session_id}" t) (delete-other-windows))')

    def fresh(self) -> None:
        """Leave whatever is asked, and show nothing but an empty window."""
        self.type("\x07\x07")
        self.evaluate('(progn (switch-to-buffer (generate-new-buffer "blank")) (delete-other-windows))')
        self.see(lambda text: "›" not in text and "blank" in text)  # noqa: RUF001

    def evaluate(self, form: str) -> None:
        """Type a form where Emacs reads one."""
        self.type(f"{ESCAPE}:")
        self.see("Eval:")
        self.type(f"{form}\r")

    # -- eyes

    @property
    def text(self) -> str:
        """All that is on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def see(self, what: str | Callable[[str], bool]) -> str:
        """Wait until the text is on the screen (or the condition holds), and return all that is."""
        wanted = (lambda text: what in text) if isinstance(what, str) else what
        end = time.monotonic() + BOUND_S
        while not wanted(self.text):
            assert time.monotonic() < end, f"{what!r} did not appear in:\n{self.text}"
            assert self._read(), f"Emacs ended before {what!r} appeared:\n{self.text}"
        return self.text

    def see_end(self) -> None:
        """Wait until Emacs has ended."""
        while self._read():
            pass
        self.child.wait()

    def settle(self) -> str:
        """Take in what comes until nothing does, and return all that is on the screen."""
        while self._read(0.3):
            pass
        return self.text

    def _read(self, timeout: float | None = None) -> bool:
        """Take in what Emacs wrote; False when it has ended, or, with ``timeout``, written nothing for so long."""
        try:
            self._stream.feed(self.child.read_nonblocking(100_000, timeout=timeout or 1))
        except pexpect.TIMEOUT:
            return timeout is None
        except pexpect.EOF:
            return False
        return True
