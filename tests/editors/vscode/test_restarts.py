from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Playwright, expect

from tests.editors.vscode.conftest import running
from tests.editors.vscode.server import VSCodeServer
from tests.editors.vscode.workbench import Workbench, browser
from tests.editors.workplace import BOUND_S, Workplace

pytestmark = pytest.mark.slow


def test_everything_is_there_after_the_window_was_loaded_anew(workbench: Workbench) -> None:
    chat = workbench.open_chat()
    chat.ask_and_wait("before the reload")
    chat.box.press_sequentially("half a thought")
    workbench.page.wait_for_timeout(2000)  # what was typed in the last moment isn't kept: a draft is written in pauses
    workbench.reload()
    chat = workbench.open_chat()

    expect(chat.answers.last).to_contain_text("before the reload")
    expect(chat.box).to_have_value("half a thought")
    chat.box.fill("")
    chat.box.press("ArrowUp")
    expect(chat.box).to_have_value("before the reload")


def test_a_tab_comes_back_with_the_window(workbench: Workbench) -> None:
    workbench.workplace.session(title="tab that stays", prompts=["still here"])
    workbench.resume("tab that stays")
    workbench.command("Meerkat: Open Session in Editor")
    expect(workbench.chat_tab().answers.last).to_contain_text("still here")
    workbench.command("Meerkat: New Session")
    workbench.reload()

    expect(workbench.page.locator(".tab", has_text="tab that stays")).to_be_visible()
    expect(workbench.chat_tab().answers.last).to_contain_text("still here")
    workbench.command("View: Close Editor")


def test_a_killed_server_is_started_again_and_the_session_goes_on(workbench: Workbench, place: Workplace) -> None:
    session_id = place.session(title="killed idle", prompts=["one"])
    chat = workbench.resume("killed idle")
    expect(chat.answers).to_have_count(1)
    killed = place.kill_servers()
    assert len(killed) == 1

    expect(chat.notices).to_have_count(1)
    chat.ask_and_wait("two")
    expect(chat.answers.last).to_contain_text("two")
    assert place.prompts(session_id) == ["one", "two"]
    assert place.server_pids() != killed


def test_a_turn_that_was_killed_is_shown_as_interrupted_and_never_run_twice(
    workbench: Workbench, place: Workplace
) -> None:
    script = [{"text": "word ", "repeat": 2000, "delay_ms": 20, "for_turn": 1}, {"text": "and on", "for_turn": 2}]
    session_id = place.session(title="killed busy", script=script)
    chat = workbench.resume("killed busy")
    chat.ask("begin")
    expect(chat.answers.last).to_contain_text("word word")
    place.kill_servers()

    chat.wait_idle()
    expect(chat.answers.first).to_contain_text("word word")
    expect(chat.items.last).to_contain_text("nterrupted")
    chat.ask_and_wait("go on")
    expect(chat.answers.last).to_contain_text("and on")
    assert place.prompts(session_id) == ["begin", "go on"]


def test_a_prompt_that_is_sent_while_the_server_is_gone_is_asked_once(workbench: Workbench, place: Workplace) -> None:
    session_id = place.session(title="killed before asking", prompts=["one"])
    chat = workbench.resume("killed before asking")
    expect(chat.answers).to_have_count(1)
    place.kill_servers()
    chat.ask("two")

    expect(chat.answers.last).to_contain_text("two")
    chat.wait_idle()
    assert place.prompts(session_id) == ["one", "two"]


def test_a_crash_is_said_once_and_goes_away(workbench: Workbench, place: Workplace) -> None:
    place.session(title="said once", prompts=["one"])
    chat = workbench.resume("said once")
    place.kill_servers()
    expect(chat.notices).to_have_count(1)
    chat.ask_and_wait("two")
    expect(workbench.toasts.filter(has_text="Meerkat")).to_have_count(0)


def test_the_server_is_restarted_by_command(workbench: Workbench, place: Workplace) -> None:
    chat = workbench.open_chat()
    chat.ask_and_wait("before")
    before = place.server_pids()
    workbench.command("Meerkat: Restart Server")
    chat.ask_and_wait("after")

    assert len(place.server_pids()) == 1
    assert place.server_pids() != before


def test_the_log_and_the_doctor_say_how_things_are(workbench: Workbench) -> None:
    workbench.command("Meerkat: Doctor")
    expect(workbench.editor_text).to_contain_text("meerkat-rpc")
    workbench.command("Meerkat: Show Log")
    channel = workbench.page.get_by_label("Output Section").locator("select option:checked")
    expect(channel).to_have_text("Meerkat")


def test_sessions_drafts_and_prompts_are_there_when_the_editor_is_started_again(
    tmp_path: Path, vsix: Path, playwright: Playwright
) -> None:
    place = Workplace(tmp_path)
    server = VSCodeServer(place, vsix)
    with running(server, playwright) as window:
        chat = window.open_chat()
        chat.ask_and_wait("the day before")
        chat.box.press_sequentially("to be continued")
        window.reload()
    with running(server, playwright) as window:
        chat = window.open_chat()
        expect(chat.answers.last).to_contain_text("the day before")
        expect(chat.box).to_have_value("to be continued")
        servers = [psutil.Process(pid) for pid in place.server_pids()]
    _, alive = psutil.wait_procs(servers, timeout=BOUND_S)
    assert not alive


def test_a_missing_server_is_said_where_one_asks_with_the_fix(
    tmp_path: Path, vsix: Path, playwright: Playwright
) -> None:
    place = Workplace(tmp_path)
    server = VSCodeServer(place, vsix, {"meerkat.server.command": ["no-such-meerkat", "--here"]})
    server.start()
    try:
        with browser(playwright, server) as context:
            window = Workbench(context, server)
            chat = window.open_chat()
            chat.ask("is anybody there?")
            expect(chat.notices).to_contain_text("no-such-meerkat")
            expect(chat.box).to_have_value("is anybody there?")
            server.write_settings(**{"meerkat.server.command": None})
            window.open()
            chat = window.open_chat()
            chat.ask_and_wait("and now?")
    finally:
        server.stop()
