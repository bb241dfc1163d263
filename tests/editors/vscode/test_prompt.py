from __future__ import annotations

import subprocess
from collections.abc import Sequence

import pytest
from playwright.sync_api import expect

from tests.editors.vscode.workbench import Chat, Workbench
from tests.editors.workplace import Step, Workplace

pytestmark = pytest.mark.slow

LONG: Sequence[Step] = [{"text": "word ", "repeat": 2000, "delay_ms": 20}]


@pytest.fixture(scope="module", autouse=True)
def repository(place: Workplace) -> None:
    """The project is one of git's, as projects are: it knows which files there are."""
    subprocess.run(["git", "init", "--quiet", str(place.folder)], check=True)


def busy(workbench: Workbench, place: Workplace, title: str, script: Sequence[Step] = LONG) -> Chat:
    """Return the chat with a turn that runs until somebody stops it."""
    place.session(title=title, script=script)
    chat = workbench.resume(title)
    chat.ask("go on")
    expect(chat.answers.last).to_contain_text("word")
    return chat


def test_shift_enter_begins_a_line_and_nothing_is_sent(chat: Chat) -> None:
    chat.box.press_sequentially("one")
    chat.box.press("Shift+Enter")
    chat.box.press_sequentially("two")

    expect(chat.box).to_have_value("one\ntwo")
    expect(chat.prompts).to_have_count(0)


def test_enter_that_ends_a_composition_sends_nothing(chat: Chat) -> None:
    chat.box.fill("ni hao")
    chat.box.evaluate(
        "box => box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true}))"
    )
    expect(chat.box).to_have_value("ni hao")
    chat.box.press("Enter")
    expect(chat.prompts).to_have_count(1)


def test_nothing_is_asked_by_white_space(chat: Chat) -> None:
    chat.box.fill("  \n ")
    chat.box.press("Enter")
    chat.ask_and_wait("something")
    expect(chat.prompts).to_have_count(1)


def test_the_arrows_bring_earlier_prompts_back(chat: Chat) -> None:
    chat.ask_and_wait("the first prompt")
    chat.ask_and_wait("the second prompt")

    chat.box.fill("half a th")
    chat.box.press("ArrowUp")
    expect(chat.box).to_have_value("the second prompt")
    chat.box.press("ArrowUp")
    expect(chat.box).to_have_value("the first prompt")
    chat.box.press("ArrowDown")
    chat.box.press("ArrowDown")
    expect(chat.box).to_have_value("half a th")


def test_a_draft_stays_with_its_session(workbench: Workbench, chat: Chat) -> None:
    chat.ask_and_wait("the session of a draft")
    chat.box.press_sequentially("not yet sent")
    workbench.command("Meerkat: New Session")
    expect(chat.box).to_have_value("")
    workbench.resume("the session of a draft")

    expect(chat.box).to_have_value("not yet sent")


def test_files_are_offered_at_the_sign_and_go_with_the_prompt(chat: Chat, place: Workplace) -> None:
    (place.folder / "src").mkdir(exist_ok=True)
    (place.folder / "src" / "burrow.py").write_text("deep = True\n")
    (place.folder / "two words.txt").write_text("hello\n")

    chat.box.press_sequentially("look at @burr")
    expect(chat.frame.get_by_role("option", name="burrow.py")).to_be_visible()
    chat.box.press("Enter")
    expect(chat.box).to_have_value("look at @src/burrow.py ")
    chat.box.press_sequentially("and @two")
    chat.frame.get_by_role("option", name="two words.txt").click()
    expect(chat.box).to_have_value('look at @src/burrow.py and @"two words.txt" ')
    chat.box.press("Enter")

    chips = chat.prompts.last.locator(".chip")
    expect(chips).to_have_count(2)
    expect(chips.first).to_contain_text("burrow.py")
    chat.wait_idle()


def test_escape_closes_the_offered_files_and_stops_nothing(workbench: Workbench, place: Workplace) -> None:
    (place.folder / "burrow.txt").write_text("deep\n")
    chat = busy(workbench, place, "files while busy")
    chat.box.press_sequentially("@burr")
    options = chat.frame.get_by_role("option")
    expect(options.first).to_be_visible()

    chat.box.press("Escape")
    expect(options).to_have_count(0)
    expect(chat.root).to_have_attribute("data-state", "busy")
    chat.box.press("Escape")
    chat.wait_idle()


def test_escape_stops_and_what_was_said_is_kept(workbench: Workbench, place: Workplace) -> None:
    chat = busy(workbench, place, "stopped by key")
    chat.box.press("Escape")
    chat.wait_idle()

    expect(chat.answers.last).to_contain_text("word")
    expect(chat.items.last).to_contain_text("nterrupted")


def test_the_button_and_the_command_stop_as_well(workbench: Workbench, place: Workplace) -> None:
    chat = busy(workbench, place, "stopped by button")
    chat.button("Stop").click()
    chat.wait_idle()
    chat.ask("again")
    expect(chat.root).to_have_attribute("data-state", "busy")
    workbench.command("Meerkat: Stop")
    chat.wait_idle()


def test_a_prompt_waits_while_a_turn_runs_and_can_be_taken_back(workbench: Workbench, place: Workplace) -> None:
    chat = busy(workbench, place, "queue")
    chat.ask("the next one")
    expect(chat.waiting).to_have_count(1)
    chat.ask("the one behind it")
    expect(chat.waiting).to_have_count(2)

    chat.waiting.first.get_by_role("button", name="Take it back").click()
    expect(chat.waiting).to_have_count(1)
    expect(chat.box).to_have_value("the next one")
    chat.box.fill("")
    chat.box.press("Escape")
    expect(chat.prompts.last).to_contain_text("the one behind it")
    expect(chat.waiting).to_have_count(0)
    chat.box.press("Escape")
    chat.wait_idle()


def test_control_enter_adds_to_the_turn_that_runs(workbench: Workbench, place: Workplace) -> None:
    script: list[Step] = [
        {"text": "word ", "repeat": 100, "delay_ms": 20},
        {"tool": {"name": "look", "args": {}, "result": "ok"}},
    ]
    chat = busy(workbench, place, "steering", [*script, {"text": "done"}])
    chat.box.fill("be brief")
    chat.box.press("Control+Enter")

    expect(chat.frame.locator(".item.prompt.steer")).to_contain_text("be brief")
    chat.wait_idle()
    expect(chat.answers.last).to_contain_text("[be brief]")


def test_a_selection_goes_with_what_is_asked_about_it(workbench: Workbench, chat: Chat, place: Workplace) -> None:
    (place.folder / "burrow.py").write_text("def dig():\n    return 'sand'\n")
    chat.ask_and_wait("[open](burrow.py)")
    chat.answers.last.locator("a").click()
    workbench.editor_text.click()
    workbench.page.keyboard.press("Control+A")
    workbench.command("Meerkat: Ask")
    workbench.quick_input.fill("what is this?")
    workbench.page.keyboard.press("Enter")

    expect(chat.answers.last).to_contain_text("burrow.py#L1-2")
    expect(chat.answers.last).to_contain_text("return 'sand'")
