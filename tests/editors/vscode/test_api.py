"""What another extension gets from ours: one that is installed beside it writes down what it is told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Playwright, expect

from tests.editors.programs import require
from tests.editors.vscode.conftest import running
from tests.editors.vscode.extension import npm
from tests.editors.vscode.server import VSCodeServer
from tests.editors.vscode.workbench import Workbench
from tests.editors.workplace import BOUND_S, Workplace

PROBE = """
const vscode = require("vscode");
const { appendFileSync } = require("node:fs");

exports.activate = (context) => {
  context.subscriptions.push(vscode.commands.registerCommand("probe.run", async () => {
    const write = (line) => appendFileSync(process.env.PROBE_FILE, JSON.stringify(line) + "\\n");
    try {
      const extension = vscode.extensions.getExtension("meerkat-rpc.meerkat");
      const before = extension.isActive;
      const meerkat = await extension.activate();
      write({ before, version: meerkat.version });
      meerkat.onDidHappen((happening) => write(happening));
      meerkat.onDidOpenSession((opened) => write({ kind: "opened", opened }));
      meerkat.onDidCrash(({ reason }) => write({ kind: "crashed", reason }));
      await meerkat.openSession();
      const sent = await meerkat.ask("from another extension");
      const { sessions } = await meerkat.client.request("session/list", {});
      write({ kind: "asked", sent, listed: sessions.map((s) => s.session_id), current: meerkat.currentSession });
      write({ kind: "chat", participates: typeof vscode.chat?.createChatParticipant });
    } catch (error) {
      write({ kind: "error", message: String(error) });
    }
  }));
};
"""

MANIFEST = {
    "name": "probe",
    "publisher": "tests",
    "version": "1.0.0",
    "engines": {"vscode": "^1.100.0"},
    "main": "./main.js",
    "contributes": {"commands": [{"command": "probe.run", "title": "Run the Probe"}]},
}


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The other extension, as a .vsix."""
    require("npm")
    folder = tmp_path_factory.mktemp("probe")
    (folder / "package.json").write_text(json.dumps(MANIFEST))
    (folder / "main.js").write_text(PROBE)
    (folder / "README.md").write_text("An extension of the tests.")
    (folder / "LICENSE").write_text("MIT")
    vsix = folder / "probe.vsix"
    npm("exec", "-c", f"cd '{folder}' && vsce package --no-dependencies --allow-missing-repository -o '{vsix}'")
    return vsix


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the probe writes."""
    return tmp_path_factory.mktemp("lines") / "lines.jsonl"


@pytest.fixture(scope="module")
def probed(place: Workplace, vsix: Path, probe: Path, lines: Path, playwright: Playwright) -> Iterator[Workbench]:
    """A window with both extensions, in which the probe has been run."""
    require("chromium")
    server = VSCodeServer(place, vsix, PROBE_FILE=str(lines))
    server.install(probe)
    with running(server, playwright) as window:
        window.command("Run the Probe")
        wait_for(lines, lambda line: line.get("kind") == "turn ended")
        wait_for(lines, lambda line: line.get("kind") == "chat")
        yield window


def read(lines: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []


def wait_for(lines: Path, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    end = time.monotonic() + BOUND_S
    while time.monotonic() < end:
        for line in read(lines):
            if wanted(line):
                return line
        time.sleep(0.05)
    raise AssertionError(read(lines))


def of_kind(lines: Path, kind: str) -> dict[str, Any]:
    return wait_for(lines, lambda line: line.get("kind") == kind)


def test_another_extension_asks_and_is_told_what_happens(probed: Workbench, lines: Path) -> None:
    asked = of_kind(lines, "asked")
    session = asked["current"]
    assert asked["sent"] is True
    assert session in asked["listed"]
    assert of_kind(lines, "turn started")["sessionId"] == session
    ended = of_kind(lines, "turn ended")
    assert (ended["sessionId"], ended["outcome"]) == (session, "completed")
    expect(probed.chat.answers).to_contain_text("from another extension")


def test_it_is_told_of_questions_and_answers(probed: Workbench, place: Workplace, lines: Path) -> None:
    script = [{"approval": {"summary": "May I?", "choices": ["allow", "deny"]}}]
    session = place.session(script=script, title="asks the probe")
    chat = probed.resume("asks the probe")
    assert of_kind(lines, "opened")["opened"] == session
    chat.ask("go")
    requested = of_kind(lines, "approval requested")
    assert (requested["sessionId"], requested["summary"]) == (session, "May I?")
    probed.command("Meerkat: Approve")
    resolved = of_kind(lines, "approval resolved")
    assert (resolved["approvalId"], resolved["choice"]) == (requested["approvalId"], "allow")
    chat.wait_idle()


def test_it_is_told_of_a_crash_once(probed: Workbench, place: Workplace, lines: Path) -> None:
    place.kill_servers()
    assert "SIGKILL" in of_kind(lines, "crashed")["reason"]
    probed.command("Meerkat: New Session")
    expect(probed.chat.prompts).to_have_count(0)
    probed.chat.ask_and_wait("still there?")
    assert [line["kind"] for line in read(lines) if line.get("kind") == "crashed"] == ["crashed"]


def test_the_extension_takes_part_in_the_editors_own_chat_where_there_is_one(probed: Workbench, lines: Path) -> None:
    """VS Code 1.100 has the functions, and shows such a chat only with another vendor's extension."""
    assert of_kind(lines, "chat")["participates"] == "function"
