"""Markdown drawn while it streams, watched through a terminal emulator."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import Callable, Iterable

import pyte
import pytest
from rich.console import Console

from meerkat_rpc.chat.markdown import ChatMarkdown, MarkdownStream, PlainStream

ANSWER = """\
# A heading

A paragraph with **bold**, *italic* and `code`, long enough to be folded into several lines of the window that it is in.
A second line of it.

1. one
2. two

   still two
- a
- b

```python
def f():

    return 1
```

| a | b |
|---|---|
| 1 | 2 |

The end."""


class Window(io.StringIO):
    """A terminal that rich writes to."""

    def __init__(self, rows: int = 30, columns: int = 60) -> None:
        super().__init__()
        self.screen = pyte.HistoryScreen(columns, rows, history=10_000, ratio=1)
        self._stream = pyte.Stream(self.screen)
        self.written = ""
        self.console = Console(file=self, force_terminal=True, width=columns, height=rows, color_system="256")

    def write(self, text: str) -> int:
        self.written += text
        self._stream.feed(text.replace("\n", "\r\n"))  # as the terminal driver does
        return len(text)

    @property
    def text(self) -> str:
        columns = range(self.screen.columns)
        above = ["".join(row[column].data for column in columns) for row in self.screen.history.top]
        return "\n".join(line.rstrip() for line in [*above, *self.screen.display]).strip()


def draw(window: Window, deltas: Iterable[str], between: Callable[[], None] = lambda: None) -> None:
    """Stream ``deltas`` into the window, which is redrawn after each."""

    async def stream() -> None:
        drawing = MarkdownStream(window.console)
        drawing.wait("…")
        for delta in deltas:
            drawing.add(delta)
            if drawing._timer is not None:
                drawing._stop_timer()
                drawing._redraw()
            between()
        drawing.end()

    asyncio.run(stream())


def pieces(text: str, seed: int) -> list[str]:
    """Cut ``text`` at random places."""
    cuts = sorted(random.Random(seed).sample(range(1, len(text)), 60))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def at_once() -> str:
    window = Window()
    draw(window, [ANSWER])
    return window.text


@pytest.mark.parametrize("seed", range(5))
def test_an_answer_looks_the_same_however_it_arrived(seed: int) -> None:
    window = Window()
    draw(window, pieces(ANSWER, seed))
    assert window.text == at_once()


def test_an_answer_reads_as_its_rendered_markdown_does() -> None:
    window = Window()
    window.console.print(ChatMarkdown(ANSWER), width=59)
    assert at_once().split() == window.text.split()
    assert "\n\n\n" not in at_once()


def test_an_answer_longer_than_the_window_loses_and_repeats_nothing() -> None:
    window = Window(rows=5)
    paragraph = "\n".join(f"line {number}" for number in range(40))
    draw(window, [character for text in (paragraph, "\n\n", paragraph) for character in text])
    assert window.text.split("\n") == [*paragraph.split("\n"), "", *paragraph.split("\n")]


def test_lines_that_stay_are_not_written_again() -> None:
    window = Window()
    lines = [f"- item {number} of a list that grows\n" for number in range(20)]
    draw(window, lines)
    assert window.written.count("item 0 of") == 1
    assert len(window.written) < 4 * len("".join(lines))


def test_a_window_that_changes_its_width_while_a_block_grows_is_not_written_over() -> None:
    window = Window(columns=60)
    window.console.print("what was there before")
    widths = iter([60] * 20 + [30] * 10)

    def resize() -> None:
        window.console.width = next(widths)

    draw(window, ["word "] * 30, resize)
    lines = window.text.split("\n")
    assert lines[0] == "what was there before"
    assert " ".join(lines[-5:]) == " ".join(["word"] * 30)


def test_what_was_shown_while_waiting_is_gone_when_the_answer_comes() -> None:
    window = Window()
    draw(window, ["Hello"])
    assert window.text == "Hello"


def test_an_empty_answer_leaves_nothing_behind() -> None:
    window = Window()
    draw(window, [])
    assert window.text == ""


@pytest.mark.parametrize("text", ["", "one", "one\n", "a **b**\x1b[2J"])
def test_plain_text_is_written_as_it_comes_but_for_control_characters(text: str) -> None:
    file = io.StringIO()
    stream = PlainStream(Console(file=file))
    stream.add(text)
    stream.end()
    expected = text.replace("\x1b", "")
    assert file.getvalue() == (expected if not expected or expected.endswith("\n") else expected + "\n")
