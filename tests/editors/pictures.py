"""Pictures of what a person sees, for README pages and for whoever looks after the tests' work.

They go to ``.pictures/``; with ``MEERKAT_PICTURES=editors/pictures`` (``make pictures``) to where the pages have them.
A terminal's screen is drawn by a browser: no terminal emulator draws CJK, emoji and right-to-left text as well.
"""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

import pyte
from attrs import frozen
from playwright.sync_api import sync_playwright

from tests.editors.programs import ROOT, require

CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

NAMES = [
    *("black", "red", "green", "brown", "blue", "magenta", "cyan", "white"),
    *("brightblack", "brightred", "brightgreen", "brightbrown"),
    *("brightblue", "brightmagenta", "brightcyan", "brightwhite"),
]
"""The sixteen colours as pyte calls them; all others it gives as hexadecimal digits."""

LIGHT = [
    *("24292f", "cf222e", "1a7f37", "9a6700", "0969da", "8250df", "1b7c83", "6e7781"),
    *("57606a", "a40e26", "2da44e", "633c01", "218bff", "a475f9", "3192aa", "8c959f"),
]
DARK = [
    *("484f58", "ff7b72", "3fb950", "d29922", "58a6ff", "bc8cff", "39c5cf", "b1bac4"),
    *("6e7681", "ffa198", "56d364", "e3b341", "79c0ff", "d2a8ff", "56d4dd", "ffffff"),
]


@frozen
class Theme:
    """A terminal's colours, as CSS writes them."""

    front: str
    back: str
    named: Mapping[str, str]

    def colour(self, name: str, default: str) -> str:
        """Return the colour that pyte calls ``name``."""
        return default if name == "default" else f"#{self.named.get(name, name)}"


THEMES = {
    False: Theme("#1f2328", "#ffffff", dict(zip(NAMES, LIGHT, strict=True))),
    True: Theme("#e6edf3", "#0d1117", dict(zip(NAMES, DARK, strict=True))),
}
"""By whether it is a dark one."""


def picture_path(name: str) -> Path:
    """Return where the picture ``name`` (without ending) goes."""
    folder = ROOT / os.environ.get("MEERKAT_PICTURES", ".pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.png"


def terminal_picture(screen: pyte.Screen, name: str, *, dark: bool) -> Path:
    """Draw a terminal's screen; return the picture's path."""
    path = picture_path(name)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=require("chromium"), args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": 800, "height": 600})
        page.set_content(terminal_page(screen, dark=dark))
        page.locator("pre").screenshot(path=str(path))
        browser.close()
    return path


def terminal_page(screen: pyte.Screen, *, dark: bool) -> str:
    """Return the screen as a page, every character in its cell: to turn right-to-left text is the editor's matter."""
    theme = THEMES[dark]
    lines = "\n".join(_line(screen, row, theme) for row in range(screen.lines))
    font = "'DejaVu Sans Mono', 'Noto Sans Mono CJK SC', 'Noto Color Emoji', monospace"
    style = (
        f"font: 13px/17px {font}; color: {theme.front}; background: {theme.back}; padding: 8px; margin: 0;"
        " display: inline-block; direction: ltr; unicode-bidi: bidi-override"
    )
    spans = "<style>span { padding: 1px 0 }</style>"  # their grounds meet those of the lines above and below
    return f'<meta charset="utf-8">{spans}<body style="margin:0"><pre style="{style}">{lines}</pre>'


def _line(screen: pyte.Screen, row: int, theme: Theme) -> str:
    cells = [screen.buffer[row][column] for column in range(screen.columns)]
    return "".join(_span(style, run) for style, run in groupby(cells, key=lambda cell: _style(cell, theme)))


def _span(style: str, cells: Iterable[pyte.screens.Char]) -> str:
    text = html.escape("".join(cell.data for cell in cells))
    return f'<span style="{style}">{text}</span>' if style else text


def _style(cell: pyte.screens.Char, theme: Theme) -> str:
    front, back = theme.colour(cell.fg, theme.front), theme.colour(cell.bg, theme.back)
    if cell.reverse:
        front, back = back, front
    parts = {
        f"color:{front}": front != theme.front,
        f"background:{back}": back != theme.back,
        "font-weight:bold": cell.bold,
        "font-style:italic": cell.italics,
        "text-decoration:underline": cell.underscore,
    }
    return ";".join(part for part, holds in parts.items() if holds)
