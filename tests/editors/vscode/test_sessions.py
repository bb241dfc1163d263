from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.editors.vscode.workbench import Chat, Workbench
from tests.editors.workplace import Workplace

pytestmark = pytest.mark.slow

TURNS = 150


def row(workbench: Workbench, title: str) -> Locator:
    """The row of the tree that has the title."""
    return workbench.tree.filter(has_text=title)


def test_sessions_of_other_clients_appear_in_the_tree_and_open_from_it(workbench: Workbench, chat: Chat) -> None:
    workbench.workplace.session(title="made elsewhere", prompts=["was here"])
    expect(row(workbench, "made elsewhere")).to_be_visible()
    row(workbench, "made elsewhere").click()

    expect(chat.answers.last).to_contain_text("was here")


def test_looking_at_the_chat_makes_no_session(workbench: Workbench, place: Workplace) -> None:
    before = place.ask("session/list")["total"]
    workbench.open_chat()
    workbench.command("Meerkat: New Session")
    workbench.command("Meerkat: New Session")
    assert place.ask("session/list")["total"] == before


def test_a_session_is_resumed_by_its_title(workbench: Workbench, place: Workplace) -> None:
    place.session(title="about sand", prompts=["sand is fine"])
    place.session(title="about rain", prompts=["rain is rare"])
    chat = workbench.resume("about sand")
    expect(chat.answers.last).to_contain_text("sand is fine")
    chat.ask_and_wait("and warm")
    expect(chat.prompts).to_have_count(2)


def test_a_session_is_renamed(workbench: Workbench, place: Workplace) -> None:
    session_id = place.session(title="old title", prompts=["x"])
    workbench.resume("old title")
    workbench.command("Meerkat: Rename Session")
    workbench.quick_input.fill("new title")
    workbench.page.keyboard.press("Enter")

    expect(row(workbench, "new title")).to_be_visible()
    assert place.ask("session/read", session_id=session_id)["title"] == "new title"


def test_a_session_is_put_away_and_taken_back(workbench: Workbench, place: Workplace) -> None:
    place.session(title="put away", prompts=["x"])
    workbench.resume("put away")
    workbench.command("Meerkat: Archive Session")
    expect(row(workbench, "put away")).to_have_count(0)

    workbench.command("Meerkat: Unarchive Session")
    workbench.pick("put away")
    expect(row(workbench, "put away")).to_be_visible()


def test_a_session_is_deleted_after_one_question(workbench: Workbench, place: Workplace) -> None:
    session_id = place.session(title="to be deleted", prompts=["x"])
    workbench.resume("to be deleted")
    workbench.command("Meerkat: Delete Session")
    workbench.confirm("Delete")

    expect(row(workbench, "to be deleted")).to_have_count(0)
    listed = place.ask("session/list")["sessions"]
    assert session_id not in [session["session_id"] for session in listed]


def test_a_session_is_exported_as_a_document(workbench: Workbench, place: Workplace) -> None:
    place.session(title="exported", prompts=["take this with you"])
    workbench.resume("exported")
    workbench.command("Meerkat: Export Session as Markdown")

    expect(workbench.editor_text).to_contain_text("take this with you")


def test_a_fork_has_all_that_was_said(workbench: Workbench, place: Workplace) -> None:
    session_id = place.session(title="forked", prompts=["one", "two"])
    chat = workbench.resume("forked")
    expect(chat.prompts).to_have_count(2)
    workbench.command("Meerkat: Fork Session")
    expect(chat.root).not_to_have_attribute("data-session", session_id)
    expect(chat.prompts).to_have_count(2)
    chat.ask_and_wait("three")

    expect(chat.prompts).to_have_count(3)
    assert place.prompts(session_id) == ["one", "two"]


def test_another_model_is_chosen_and_answers(workbench: Workbench, place: Workplace) -> None:
    session_id = place.session(title="other model", prompts=["x"])
    chat = workbench.resume("other model")
    workbench.command("Meerkat: Choose Model")
    workbench.pick("scripted")

    expect(chat.frame.locator(".footer .model")).to_have_text("scripted")
    assert place.ask("session/read", session_id=session_id)["model"] == "scripted"


def test_a_session_is_shown_in_a_tab_of_its_own(workbench: Workbench, place: Workplace) -> None:
    place.session(title="in a tab", prompts=["tabbed"])
    workbench.resume("in a tab")
    workbench.command("Meerkat: Open Session in Editor")
    tab = workbench.chat_tab()
    expect(tab.answers.last).to_contain_text("tabbed")
    tab.ask_and_wait("asked in the tab")

    expect(workbench.chat.answers.last).to_contain_text("asked in the tab")
    workbench.command("View: Close Editor")


def test_a_turn_that_another_client_runs_is_seen_as_it_runs(workbench: Workbench, place: Workplace) -> None:
    session_id = place.session(title="run elsewhere", prompts=["before"])
    chat = workbench.resume("run elsewhere")
    expect(chat.answers).to_have_count(1)
    place.ask("turn/start", session_id=session_id, prompt="from somewhere else")

    expect(chat.prompts.last).to_contain_text("from somewhere else")
    expect(chat.answers.last).to_contain_text("from somewhere else")
    chat.wait_idle()


def test_a_long_session_shows_its_end_and_the_rest_as_one_scrolls(workbench: Workbench, place: Workplace) -> None:
    place.ask("session/update", session_id=place.long_session(TURNS), title="a long one")
    chat = workbench.resume("a long one", anywhere=True)
    expect(chat.answers.last).to_be_in_viewport()
    scroller = chat.frame.locator(".scroller")
    expect(chat.prompts).not_to_have_count(2)
    seen = chat.prompts.count()
    assert 10 < seen < TURNS / 2

    scroller.evaluate("e => e.scrollTop = 1")
    expect(chat.prompts).not_to_have_count(seen)
    assert scroller.evaluate("e => e.scrollTop") > 0
    while chat.prompts.count() < TURNS:
        scroller.evaluate("e => e.scrollTop = 0")
        scroller.evaluate("() => new Promise(requestAnimationFrame)")
    expect(chat.prompts).to_have_count(TURNS)


def test_a_title_has_every_script(workbench: Workbench, place: Workplace) -> None:
    place.session(title="狐獴 😀 שלום", prompts=["你好"])
    chat = workbench.resume("狐獴 😀 שלום")
    expect(chat.answers.last).to_contain_text("你好")
    expect(row(workbench, "狐獴 😀 שלום")).to_be_visible()


def test_the_status_item_tells_whether_a_turn_runs(workbench: Workbench, place: Workplace) -> None:
    place.session(title="busy one", script=[{"text": "word ", "repeat": 1000, "delay_ms": 20}])
    chat = workbench.resume("busy one")
    chat.ask("go on")
    expect(workbench.status).to_contain_text(re.compile("busy"))
    chat.box.press("Escape")
    expect(workbench.status).not_to_contain_text("busy")
