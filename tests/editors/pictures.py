"""Pictures of what a person sees, for README pages and for whoever looks after the tests' work.

They go to ``.pictures/``; with ``MEERKAT_PICTURES=editors/pictures`` (``make pictures``) to where the pages have them.
A terminal's screen is drawn by a browser: no terminal emulator draws CJK, emoji and right-to-left text as well.
"""

from __future__ import annotations

import html
import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pyte
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

PALETTE = {
    "black": "#24292f", "red": "#cf222e", "green": "#1a7f37", "brown": "#9a6700", "blue": "#0969da",
    "magenta": "#8250df", "cyan": "#1b7c83", "white": "#d0d7de", "brightblack": "#6e7781",
    "brightred": "#ff7b72", "brightgreen": "#3fb950", "brightbrown": "#d29922", "brightblue": "#58a6ff",
    "brightmagenta": "#bc8cff", "brightcyan": "#39c5cf", "brightwhite": "#ffffff",
}  # fmt: skip
"""The sixteen colours by the names that pyte gives them; others come as six hexadecimal digits."""


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
    """Return the screen as a page."""
    front, back = ("#e6edf3", "#0d1117") if dark else ("#1f2328", "#ffffff")
    lines = "\n".join(_line(screen, row, front, back) for row in range(screen.lines))
    font = "'DejaVu Sans Mono', 'Noto Sans Mono', 'Noto Sans Mono CJK SC', 'Noto Color Emoji', monospace"
    style = (
        f"font: 13px/17px {font}; color: {front}; background: {back}; padding: 8px; margin: 0; display: inline-block"
    )
    return f'<meta charset="utf-8"><body style="margin:0"><pre style="{style}">{lines}</pre>'


def _line(screen: pyte.Screen, row: int, front: str, back: str) -> str:
    return "".join(
        f'<span style="{style}">{html.escape(text)}</span>' if style else html.escape(text)
        for style, text in _spans(screen, row, front, back)
    )


def _spans(screen: pyte.Screen, row: int, front: str, back: str) -> Iterator[tuple[str, str]]:
    cells = [screen.buffer[row][column] for column in range(screen.columns)]
    for style, run in groupby(cells, key=lambda cell: _style(cell, front, back)):
        yield style, "".join(cell.data for cell in run)


def _style(cell: pyte.screens.Char, front: str, back: str) -> str:
    text, ground = _colour(cell.fg, front), _colour(cell.bg, back)
    if cell.reverse:
        text, ground = ground, text
    parts = [
        f"color:{text}" if text != front else "",
        f"background:{ground}" if ground != back else "",
        "font-weight:bold" if cell.bold else "",
        "font-style:italic" if cell.italics else "",
        "text-decoration:underline" if cell.underscore else "",
    ]
    return ";".join(part for part in parts if part)


def _colour(name: str, default: str) -> str:
    if name == "default":
        return default
    return PALETTE.get(name, f"#{name}")
