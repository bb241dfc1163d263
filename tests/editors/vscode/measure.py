"""How fast the extension is in a real VS Code: a long session's end on screen, and an answer as fast as it can come."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.editors.measures import DELTAS, OPENINGS, SCRIPT, TURNS, Streaming
from tests.editors.vscode.conftest import running
from tests.editors.vscode.extension import build
from tests.editors.vscode.server import VSCodeServer
from tests.editors.vscode.workbench import Chat, Workbench
from tests.editors.workplace import Workplace

PROBE = """
const { appendFileSync } = require("node:fs");
exports.activate = () => {
  const every = 10;
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    const late = now - last - every;
    last = now;
    if (late > 5) appendFileSync(process.env.MEERKAT_LATENESS, `${Date.now()} ${late}\\n`);
  }, every);
};
"""
"""An extension beside ours in the same process: a timer that writes down how late it is."""

LATENESS = """() => {
  const every = 10;
  let last = performance.now();
  window.worstMs = 0;
  setInterval(() => {
    const now = performance.now();
    window.worstMs = Math.max(window.worstMs, now - last - every);
    last = now;
  }, every);
}"""
"""The same for the webview's page."""

SHOWN = """(count) => new Promise((resolve) => {
  const look = () => {
    const answers = document.querySelectorAll(".item.answer");
    const last = answers[answers.length - 1]?.getBoundingClientRect();
    if (answers.length >= count && last.bottom > 0 && last.bottom <= innerHeight) setTimeout(() => resolve(Date.now()));
    else requestAnimationFrame(look);
  };
  look();
})"""
"""The time at which the last of at least ``count`` answers was drawn within the page."""

ENDED = """(words) => new Promise((resolve) => {
  const look = () => {
    const text = document.querySelector(".items").lastElementChild?.textContent ?? "";
    const idle = document.querySelector(".chat").dataset.state === "idle";
    if (idle && text.split("word").length > words) setTimeout(() => resolve(Date.now()));
    else setTimeout(look, 20);
  };
  look();
})"""
"""The time at which the whole answer was drawn and its turn was over."""

ANSWERS_SHOWN = 20
"""With so many answers in the page it isn't the empty session before any more."""

CLOCK = (
    "document.addEventListener('keydown', event => { if (event.key === 'Enter') window.pressed = Date.now() }, true)"
)
"""The time at which the row of a quick pick was chosen."""


def opening(workplace: Workplace) -> list[float]:
    """Return the milliseconds from choosing a session of ``TURNS`` turns until its end is on screen, cold each time."""
    titles = [f"long session {number}" for number in range(OPENINGS)]
    for title in titles:
        workplace.ask("session/update", session_id=workplace.long_session(TURNS), title=title)
    with _window(workplace) as window:
        chat = window.open_chat()
        chat.ask_and_wait("the server is there, as it is but once a day")
        window.page.evaluate(CLOCK)
        return [_opened(window, chat, title) for title in titles]


def _opened(window: Workbench, chat: Chat, title: str) -> float:
    window.command("Meerkat: New Session")
    expect(chat.answers).to_have_count(0)
    window.command("Meerkat: Resume Session")
    window.all_folders()
    window.search(title)
    expect(window.picks(title)).to_be_visible()
    window.page.keyboard.press("Enter")
    return float(chat.evaluate(f"(root, count) => ({SHOWN})(count)", 20)) - float(
        window.page.evaluate("window.pressed")
    )


def streaming(workplace: Workplace) -> Streaming:
    """Let the fastest answer come and return how VS Code took it."""
    workplace.session(title="fast words", script=SCRIPT)
    with _window(workplace) as window:
        chat = window.resume("fast words")
        chat.evaluate(LATENESS)
        began = float(chat.evaluate("() => Date.now()"))
        chat.ask("Go on.")
        ended = float(chat.evaluate(f"(root, words) => ({ENDED})(words)", DELTAS))
        stalls = {
            "webview": float(chat.evaluate("() => window.worstMs")),
            "extension host": _lateness(workplace, began),
        }
        return Streaming(total_ms=ended - began, stall_ms=stalls)


def _lateness(workplace: Workplace, since: float) -> float:
    """Return the most that the extension host's timer was late since a time."""
    lines = [line.split() for line in _lateness_file(workplace).read_text().splitlines()]
    return max((float(late) for at, late in lines if float(at) >= since), default=0.0)


def _lateness_file(workplace: Workplace) -> Path:
    return workplace.home / "lateness.txt"


@contextmanager
def _window(workplace: Workplace) -> Iterator[Workbench]:
    server = VSCodeServer(workplace, build(workplace.home), MEERKAT_LATENESS=str(_lateness_file(workplace)))
    server.install(_probe(workplace.home))
    _lateness_file(workplace).touch()
    with sync_playwright() as playwright, running(server, playwright) as window:
        yield window


def _probe(folder: Path) -> Path:
    """Write the extension with the timer; a .vsix is a zip archive."""
    manifest = {
        "name": "lateness",
        "publisher": "measure",
        "version": "1.0.0",
        "engines": {"vscode": "^1.100.0"},
        "main": "./main.js",
        "activationEvents": ["*"],
    }
    path = folder / "lateness.vsix"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("extension/package.json", json.dumps(manifest))
        archive.writestr("extension/main.js", PROBE)
    return path
