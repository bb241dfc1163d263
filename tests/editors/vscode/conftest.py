from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Playwright, expect, sync_playwright

from tests.editors.programs import require
from tests.editors.vscode.extension import build
from tests.editors.vscode.server import VSCodeServer
from tests.editors.vscode.workbench import Chat, Workbench, browser
from tests.editors.workplace import Workplace


@pytest.fixture(scope="session")
def vsix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension, built once."""
    require("vscode")
    return build(tmp_path_factory.mktemp("vsix"))


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """The machine of a module's tests, which share an editor."""
    return Workplace(tmp_path_factory.mktemp("place"))


@pytest.fixture(scope="module")
def workbench(place: Workplace, vsix: Path, playwright: Playwright) -> Iterator[Workbench]:
    """A window of VS Code with the extension."""
    require("chromium")
    with running(VSCodeServer(place, vsix), playwright) as window:
        yield window


@pytest.fixture
def chat(workbench: Workbench) -> Chat:
    """The chat with a new session."""
    chat = workbench.open_chat()
    workbench.command("Meerkat: New Session")
    expect(chat.frame.locator(".welcome")).to_be_visible()
    expect(chat.box).to_be_focused()
    return chat


@contextmanager
def running(server: VSCodeServer, playwright: Playwright) -> Iterator[Workbench]:
    """Start VS Code and open its window; what went wrong unseen fails the test at the end."""
    server.start()
    try:
        with browser(playwright, server) as context:
            window = Workbench(context, server)
            yield window
            assert not window.complaints
    finally:
        server.stop()
