"""Markdown that is rendered while it streams.

Finished blocks (a paragraph, a list, a fenced piece of code) are written once and never touched again; only the block
that is still growing is redrawn, and of that only the lines that changed, a few times a second. So nothing flickers,
and what scrolled away stays as it was.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Heading, Markdown, MarkdownElement
from rich.text import Text

from meerkat_rpc.chat.text import printable

REDRAW_S = 0.05
"""How long text may wait to be shown: 20 redraws a second look continuous and cost next to nothing."""


class _LeftHeading(Heading):
    """A heading that stays at the left: a chat is no book."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text.assemble(self.text, style="bold")


class ChatMarkdown(Markdown):
    """Markdown as the chat shows it."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {**Markdown.elements, "heading_open": _LeftHeading}

    def __init__(self, text: str) -> None:
        super().__init__(printable(text), code_theme="ansi_dark", hyperlinks=False)


class MarkdownStream:
    """Draws one answer as it arrives, at the cursor. ``end`` must be called; it leaves the cursor on an empty line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._growing = ""
        self._shown: list[str] = []
        self._shown_width = console.width
        self._timer: asyncio.TimerHandle | None = None
        self._blocks = 0

    def wait(self, text: str) -> None:
        """Show ``text``, dim, until the first of the answer comes."""
        self._draw([f"\x1b[2m{text}\x1b[0m"])

    def add(self, delta: str) -> None:
        """Take a piece of the answer."""
        self._growing += delta
        cut = _end_of_finished_blocks(self._growing)
        if cut:
            finished, self._growing = self._growing[:cut], self._growing[cut:]
            self._finish(finished)
        if self._growing and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(REDRAW_S, self._redraw)

    def end(self) -> None:
        """Draw what is left and leave the cursor below it."""
        self._stop_timer()
        self._finish(self._growing)
        self._growing = ""

    def _finish(self, block: str) -> None:
        self._stop_timer()
        self._draw(self._lines(block) if block.strip() else [])
        if self._shown:
            self._write("\n")
            self._blocks += 1
        self._shown = []

    def _redraw(self) -> None:
        self._timer = None
        self._draw(self._lines(self._growing))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _lines(self, block: str) -> list[str]:
        """Return ``block`` rendered, a string with its colours a line, an empty one before all but the first block."""
        with self._console.capture() as capture:
            # A column is left free: terminals differ in what they do after the last one.
            self._console.print(ChatMarkdown(block), width=self._console.width - 1, end="")
        lines = [line.rstrip(" ") for line in capture.get().strip("\n").split("\n")]
        return [*([""] if self._blocks else []), *lines]

    def _draw(self, lines: list[str]) -> None:
        """Make ``lines`` stand where the lines shown before are; the cursor is at the end of the last one."""
        if lines == self._shown:
            return
        same = next((at for at, pair in enumerate(zip(lines, self._shown, strict=False)) if pair[0] != pair[1]), None)
        first = min(len(lines), len(self._shown)) if same is None else same
        first = max(min(first, len(lines) - 1), 0)
        if first >= len(self._shown):
            start = "\n" if self._shown else ""
        else:
            up, first = self._rows_up_to(first)
            start = (f"\x1b[{up}A" if up else "") + "\r\x1b[J"
        self._write(start + "\n".join(lines[first:]))
        self._shown, self._shown_width = lines, self._console.width

    def _rows_up_to(self, first: int) -> tuple[int, int]:
        """Return how many rows above the cursor's the line ``first`` begins, and that line.

        Rows that scrolled out of the window can't be reached: a later line is returned then. A window that was made
        narrower since has folded the lines.
        """
        rows, line = self._rows(self._shown[-1]) - 1, len(self._shown) - 1
        while line > first and rows + (above := self._rows(self._shown[line - 1])) < self._console.height:
            rows, line = rows + above, line - 1
        return rows, line

    def _rows(self, line: str) -> int:
        if self._console.width >= self._shown_width:
            return 1
        return max(-(-Text.from_ansi(line).cell_len // self._console.width), 1)

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()


class PlainStream:
    """The same for what is no terminal, or a poor one: the text as it comes."""

    def __init__(self, console: Console) -> None:
        self._file = console.file
        self._last = "\n"

    def wait(self, text: str) -> None:
        """Show nothing: it could not be taken back."""

    def add(self, delta: str) -> None:
        """Write ``delta``."""
        if text := printable(delta):
            self._file.write(text)
            self._file.flush()
            self._last = text[-1]

    def end(self) -> None:
        """Leave the cursor on a line of its own."""
        if self._last != "\n":
            self._file.write("\n")
            self._file.flush()
            self._last = "\n"


def _end_of_finished_blocks(text: str) -> int:
    """Return where the last finished block of ``text`` ends: after an empty line that is not inside a fence."""
    end = position = 0
    fence = ""
    for line in text.splitlines(keepends=True):
        position += len(line)
        mark = line.lstrip()[:3]
        if fence:
            fence = "" if mark == fence and not line.strip().strip(fence[0]) else fence
        elif mark in {"```", "~~~"}:
            fence = mark
        elif line == "\n":
            end = position
    return end if text[:end].strip() else 0
