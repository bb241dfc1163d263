"""One session in three editors at once: Neovim, Emacs and VS Code, each with a server of its own over one store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, TypeVar

import pytest
from attrs import frozen
from playwright.sync_api import expect, sync_playwright

from tests.editors.emacs.terminal import Emacs
from tests.editors.nvim.editor import Editor
from tests.editors.programs import require
from tests.editors.vscode.conftest import running
from tests.editors.vscode.extension import build
from tests.editors.vscode.server import VSCodeServer
from tests.editors.vscode.workbench import Chat, Workbench
from tests.editors.workplace import BOUND_S, Workplace

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("vscode")]

T = TypeVar("T")

FOREVER_MS = 600_000
"""Longer than any test."""

SCRIPT: list[dict[str, Any]] = [
    {"text": "Before the question. ", "for_turn": 1},
    {"approval": {"summary": "May I go on?", "choices": ["yes", "no"]}, "for_turn": 1},
    {"text": "After the question.", "for_turn": 1},
    {"text": "This goes on and on. ", "for_turn": 2},
    {"sleep_ms": FOREVER_MS, "for_turn": 2},
    {"text": "This was cut short. ", "for_turn": 3},
    {"sleep_ms": FOREVER_MS, "for_turn": 3},
    {"text": "All is well again.", "for_turn": 4},
]


class Neovim:
    """Neovim in a thread of its own: its library runs an event loop, as the browser's does; a thread has but one."""

    def __init__(self, place: Workplace) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._editor = self._thread.submit(Editor, place).result()

    def do(self, act: Callable[[Editor], T]) -> T:
        """Do something with the editor and return what comes of it."""
        return self._thread.submit(act, self._editor).result()

    def see(self, text: str) -> None:
        """Wait until the text is on the screen."""
        self.do(lambda editor: editor.see(text))

    def see_status(self, status: str) -> None:
        """Wait until the status line says that."""
        self.do(lambda editor: editor.see_status(status))

    def see_turn_end(self) -> None:
        """Wait until a turn has ended."""
        self.do(lambda editor: editor.wait(lambda: any(name == "MeerkatTurnEnded" for name, _ in editor.hooks), "end"))

    def ask(self, prompt: str) -> None:
        """Write a prompt and send it."""
        self.do(lambda editor: editor.ask(prompt))

    def close(self) -> None:
        """Leave the editor."""
        self.do(Editor.quit)
        self._thread.shutdown()


@frozen
class Desk:
    """A person's three editors, side by side, and the id of a session that does what ``SCRIPT`` says."""

    place: Workplace
    scripted: str
    nvim: Neovim
    emacs: Emacs
    code: Workbench

    def resume(self, title: str) -> Chat:
        """Show the session of that title in all three, chosen as a person chooses it; return VS Code's chat."""
        self.nvim.do(lambda editor: editor.run("Meerkat resume"))
        self.nvim.do(lambda editor: editor.choose(title))
        self.nvim.see(title)
        self.resume_in_emacs(title)
        return self.code.resume(title)

    def resume_in_emacs(self, title: str) -> None:
        """Show the session of that title in Emacs."""
        self.emacs.command("meerkat-resume")
        self.emacs.see("Session:")
        self.emacs.type(f"{title}\r")
        self.emacs.see(f"*meerkat: {title}")

    def all_see(self, text: str) -> None:
        """Wait until the text is in the conversation that each of the three shows."""
        self.nvim.see(text)
        self.emacs.see(text)
        expect(self.code.chat.root).to_contain_text(text)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    place = Workplace(tmp_path_factory.mktemp("desk"))
    for program in ("nvim", "emacs", "vscode", "chromium"):
        require(program)
    scripted = place.session(script=SCRIPT, title="one for all")
    server = VSCodeServer(place, build(tmp_path_factory.mktemp("vsix")))
    with (
        closing(Neovim(place)) as nvim,
        Emacs(place) as emacs,
        sync_playwright() as playwright,
        running(server, playwright) as code,
    ):
        yield Desk(place, scripted, nvim, emacs, code)


def test_what_was_begun_in_neovim_goes_on_in_emacs_and_vs_code(desk: Desk) -> None:
    desk.nvim.do(lambda editor: editor.run("Meerkat"))
    desk.nvim.ask("begun in Neovim")
    desk.nvim.see_turn_end()
    desk.resume_in_emacs("begun in Neovim")
    desk.emacs.type("gone on in Emacs\r")
    desk.nvim.see("gone on in Emacs")
    chat = desk.code.resume("begun in Neovim")
    expect(chat.prompts).to_have_count(2)
    chat.ask_and_wait("and in VS Code")
    desk.all_see("and in VS Code")
    session_id = desk.nvim.do(lambda editor: editor.session_id)
    assert desk.place.prompts(session_id) == ["begun in Neovim", "gone on in Emacs", "and in VS Code"]


def test_a_running_turn_is_seen_answered_and_stopped_from_any_of_them(desk: Desk) -> None:
    chat = desk.resume("one for all")

    desk.nvim.ask("asked in Neovim")
    desk.all_see("Before the question.")
    desk.all_see("May I go on?")
    desk.nvim.see_status("needs you")
    expect(chat.question).to_be_visible()
    desk.emacs.command("meerkat-approve")
    desk.all_see("After the question.")
    expect(chat.question).to_have_count(0)

    chat.ask("asked in VS Code")
    desk.all_see("This goes on and on.")
    desk.nvim.see_status("busy")
    desk.emacs.type("\x03\x03")
    desk.all_see("nterrupted")  # with a capital or without
    chat.wait_idle()
    desk.nvim.see_status("idle")

    desk.emacs.type("asked in Emacs\r")
    desk.all_see("This was cut short.")
    killed = desk.place.kill_servers()
    assert len(killed) == 3
    _until(lambda: len(desk.place.server_pids()) == 3, "three servers that were started anew")
    chat.wait_idle()
    desk.nvim.see_status("idle")

    desk.nvim.ask("asked again in Neovim")
    desk.all_see("All is well again.")
    asked = ["asked in Neovim", "asked in VS Code", "asked in Emacs", "asked again in Neovim"]
    assert desk.place.prompts(desk.scripted) == asked


def _until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < end, f"there were no {what}"
        time.sleep(0.05)
