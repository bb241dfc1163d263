"""A person in front of Visual Studio Code: what they press and what they see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from playwright.sync_api import BrowserContext, ConsoleMessage, FrameLocator, Locator, Playwright, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.editors.pictures import CHROMIUM_OPTIONS
from tests.editors.programs import require
from tests.editors.vscode.server import VSCodeServer
from tests.editors.workplace import BOUND_S

BOUND_MS = BOUND_S * 1000
expect.set_options(timeout=BOUND_MS)

IN_TAB = "[data-parent-flow-to-element-id^='webview-editor']"
"""All webviews lie above the workbench, side by side; that of a tab says which editor it belongs to."""

ATTEMPTS, ATTEMPT_MS = 24, 2_500

SIZE = {"width": 1280, "height": 800}

OURS = re.compile(r"meerkat|Content Security Policy|Refused to|vscode-webview|/webview/", re.IGNORECASE)
"""What is ours among the complaints of the browser's console: the workbench has some of its own in every run."""


SANDBOX = "allow-scripts and allow-same-origin"
"""What the browser says of the frame that VS Code makes for each webview."""


class Workbench:
    """A window of VS Code."""

    def __init__(self, context: BrowserContext, server: VSCodeServer) -> None:
        self.server = server
        self.workplace = server.workplace
        self.complaints: list[str] = []
        self.context = context
        self.page = context.pages[0] if context.pages else context.new_page()
        self.page.set_default_timeout(BOUND_MS)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.open()

    def open(self) -> None:
        """Load the window, as at a start or a reload."""
        self.page.goto(f"{self.server.url}/?folder={quote(str(self.workplace.folder))}")
        self.wait_loaded()

    def reload(self) -> None:
        """Load the window again in the way that VS Code itself does, which keeps everything."""
        with self.page.expect_event("load"):
            self.command("Developer: Reload Window")
        self.wait_loaded()

    def wait_loaded(self) -> None:
        """Wait until the workbench is there and knows what our extension brings."""
        self.page.locator(".activitybar .action-item", has=self.page.get_by_label("Meerkat")).first.wait_for()

    # -- the workbench

    def command(self, title: str) -> None:
        """Run a command by its title, through F1.

        Try again where something took the focus, which closes the list, or where it is older than our extension.
        """
        for _ in range(ATTEMPTS):
            self.page.keyboard.press("F1")
            try:
                self.quick_input.fill(f">{title}", timeout=ATTEMPT_MS)
                self.picks(title).first.click(timeout=ATTEMPT_MS)
            except PlaywrightTimeout:
                self.page.keyboard.press("Escape")
                continue
            return
        raise AssertionError(f"F1 didn't offer {title}")

    def resume(self, title: str, *, anywhere: bool = False) -> Chat:
        """Show the session of that title in the chat; with ``anywhere`` also one of another folder."""
        self.command("Meerkat: Resume Session")
        if anywhere:
            self.all_folders()
        self.picks(title).first.wait_for()
        before = self.chat.session if self.chat.root.count() else ""
        self.pick(title)
        chat = self.chat
        expect(chat.root).not_to_have_attribute("data-session", before)
        expect(chat.root).to_have_attribute("aria-busy", "false")
        expect(self.page.locator(".pane-header", has_text=title)).to_be_visible()
        expect(chat.box).to_be_focused()
        return chat

    @property
    def quick_input(self) -> Locator:
        """The box of the quick pick that is open."""
        return self.page.locator(".quick-input-widget:visible input.input")

    def pick(self, text: str) -> None:
        """Choose the row of the open quick pick that has the text."""
        self.picks(text).first.click()

    def all_folders(self) -> None:
        """Have sessions of all folders in the quick pick that is open."""
        self.page.locator(".quick-input-widget:visible").get_by_role("button", name="All folders").click()

    def search(self, text: str) -> None:
        """Type into the quick pick that is open."""
        self.quick_input.fill(text)

    def picks(self, text: str = "") -> Locator:
        """The rows of the open quick pick that have the text."""
        rows = self.page.locator(".quick-input-widget:visible .quick-input-list .monaco-list-row")
        return rows.filter(has_text=text) if text else rows

    def wait_copied(self, text: str) -> None:
        """Wait until the clipboard has the text."""
        self.page.wait_for_function("text => navigator.clipboard.readText().then(read => read === text)", arg=text)

    def confirm(self, answer: str) -> None:
        """Press a button of the dialog that is open."""
        self.page.locator(".monaco-dialog-box").get_by_role("button", name=answer).click()

    @property
    def toasts(self) -> Locator:
        """The notifications that pop up."""
        return self.page.locator(".notifications-toasts .notification-toast")

    @property
    def status(self) -> Locator:
        """Our item in the status bar."""
        return self.page.locator(".statusbar-item[id*='meerkat']").first

    @property
    def tree(self) -> Locator:
        """The rows of the tree of sessions."""
        return self.page.locator(".tree-explorer-viewlet-tree-view .monaco-list-row")

    @property
    def editor_text(self) -> Locator:
        """The lines of the editor that is shown."""
        return self.page.locator(".editor-instance .view-lines").first

    # -- the chat

    def open_chat(self) -> Chat:
        """Show the chat in the side bar and return it."""
        self.command("Meerkat: Open Chat")
        chat = self.chat
        expect(chat.box).to_be_focused()
        return chat

    @property
    def chat(self) -> Chat:
        """The chat in the side bar."""
        return self._chat(f":not({IN_TAB}) > iframe.webview.ready >> visible=true")

    def chat_tab(self) -> Chat:
        """The chat that is in an editor's tab."""
        return self._chat(f"{IN_TAB} > iframe.webview.ready >> visible=true")

    def _chat(self, frame: str) -> Chat:
        return Chat(self.page.frame_locator(frame).frame_locator("iframe#active-frame"))

    def _heard(self, message: ConsoleMessage) -> None:
        text = f"{message.text} ({message.location.get('url', '')})"
        if message.type in {"error", "warning"} and OURS.search(text) and SANDBOX not in text:
            self.complaints.append(text)


class Chat:
    """The chat's page."""

    def __init__(self, frame: FrameLocator) -> None:
        self.frame = frame
        self.box = frame.locator("textarea")
        self.items = frame.locator(".items > .item")
        self.prompts = frame.locator(".item.prompt")
        self.answers = frame.locator(".item.answer")
        self.tools = frame.locator(".item.tool")
        self.notes = frame.locator(".item.note")
        self.question = frame.locator(".item.approval.waiting")
        self.waiting = frame.locator(".waiting li")
        self.notices = frame.locator(".notice")
        self.root = frame.locator(".chat")

    @property
    def session(self) -> str:
        """The id of the session that is shown."""
        return self.root.get_attribute("data-session") or ""

    def ask(self, prompt: str) -> None:
        """Type a prompt and press Enter."""
        self.box.fill(prompt)
        self.box.press("Enter")

    def ask_and_wait(self, prompt: str) -> None:
        """Ask, and wait until the turn has ended."""
        before = self.prompts.count()
        self.ask(prompt)
        expect(self.prompts).to_have_count(before + 1)
        self.wait_idle()

    def wait_idle(self) -> None:
        """Wait until no turn runs."""
        expect(self.root).to_have_attribute("data-state", "idle")

    def button(self, name: str) -> Locator:
        """The button of that name."""
        return self.frame.get_by_role("button", name=name)

    def evaluate(self, script: str, argument: Any = None) -> Any:
        """Run a script in the page."""
        return self.root.evaluate(script, argument)


@contextmanager
def browser(playwright: Playwright, server: VSCodeServer, **options: Any) -> Iterator[BrowserContext]:
    """Start a browser that remembers: what VS Code keeps there is kept when the window is closed and opened again."""
    context = playwright.chromium.launch_persistent_context(
        str(server.data / "browser"),
        executable_path=require("chromium"),
        args=CHROMIUM_OPTIONS,
        **{"viewport": SIZE, "locale": "en-US", **options},
    )
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    try:
        yield context
    finally:
        context.close()
