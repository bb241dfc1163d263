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
        for inline in self.parsed:
            for token in inline.children or ():
                if token.type == "softbreak":  # a model that ends a line means it, as people in chats do
                    token.type = "hardbreak"


class MarkdownStream:
    """Draws one answer as it arrives, at the cursor. ``end`` must be called; it leaves the cursor on an empty line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._growing = ""
        self._shown: list[str] = []
        self._width = console.width
        self._timer: asyncio.TimerHandle | None = None
        self._blocks = 0

    def wait(self, text: str) -> None:
        """Show ``text``, dim, until the first of the answer comes."""
        self._draw([f"\x1b[2m{text}\x1b[0m"])

    def add(self, delta: str) -> None:
        """Take a piece of the answer."""
        self._growing += delta
        while cut := _end_of_first_block(self._growing):
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
        lines = [line.rstrip(" ") for line in capture.get().split("\n")]
        full = [at for at, line in enumerate(lines) if Text.from_ansi(line).plain.strip()]
        return [*([""] if self._blocks else []), *lines[full[0] : full[-1] + 1]] if full else []

    def _draw(self, lines: list[str]) -> None:
        """Make ``lines`` stand where the lines shown before are; the cursor is at the end of the last one."""
        if self._console.width != self._width:
            self._start_anew()
        if lines == self._shown:
            return
        first = self._first_to_write(lines)
        # One write: a window that showed the erased lines for a moment would flicker.
        self._write(self._move_to(first) + "\n".join(lines[first:]))
        self._shown = lines

    def _move_to(self, first: int) -> str:
        """Return what moves the cursor from the last line's end to the line ``first``, and clears from there."""
        up = len(self._shown) - 1 - first
        if up < 0:
            return "\n" if self._shown else ""
        return f"\x1b[{up}A\r\x1b[J" if up else "\r\x1b[J"

    def _first_to_write(self, lines: list[str]) -> int:
        """Return the first of ``lines`` that differs from what is shown, and that the cursor can still reach."""
        pairs = enumerate(zip(lines, self._shown, strict=False))
        same = min(len(lines), len(self._shown))
        first = next((at for at, (new, old) in pairs if new != old), same)
        out_of_the_window = len(self._shown) - self._console.height
        return max(min(first, len(lines) - 1), out_of_the_window, 0)

    def _start_anew(self) -> None:
        """The window was resized: where the lines are now, terminals disagree. They stay, and the block is repeated."""
        self._width = self._console.width
        if self._shown:
            self._write("\n")
            self._shown = []

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


def _end_of_first_block(text: str) -> int:
    """Return where the first block of ``text`` ends, 0 while it may still grow.

    It ends after an empty line that is not inside a fence, once the next line is seen not to be indented: an indented
    one goes on with a list's item.
    """
    position, fence, begun, empty = 0, "", False, False
    for line in text.splitlines(keepends=True):
        if begun and empty and not line[0].isspace():
            return position
        position += len(line)
        content = line.strip()
        if fence:
            fence = "" if content.startswith(fence) and not content.strip(fence[0]) else fence
        elif content.startswith(("```", "~~~")):
            fence = content[:3]
        empty = not content and not fence
        begun = begun or bool(content)
    return 0
