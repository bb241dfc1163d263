from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.editors.vscode.workbench import Chat, Workbench
from tests.editors.workplace import Step, Workplace

pytestmark = pytest.mark.slow

CONFIGURATION = '[tools]\nbuiltin = ["write", "run"]\n'


def asking(summary: str = "Dig here?", **more: object) -> list[Step]:
    """A script that asks and then says that it is done."""
    return [{"approval": {"summary": summary, **more}}, {"text": "done"}]


@pytest.fixture(scope="module", autouse=True)
def tools(place: Workplace) -> None:
    """Built-in tools, which ask before they change anything."""
    folder = place.home / ".config" / "meerkat-rpc"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(CONFIGURATION)


@pytest.fixture
def hidden(workbench: Workbench) -> Iterator[None]:
    """The side bar is hidden while the test runs its middle part; it is there again for the next test."""
    yield
    workbench.open_chat()


def ask(workbench: Workbench, place: Workplace, title: str, script: list[Step]) -> Chat:
    """Begin a turn that asks; return the chat once the question is there."""
    place.session(title=title, script=script)
    chat = workbench.resume(title)
    chat.ask("go on")
    expect(chat.question).to_be_visible()
    return chat


def test_one_key_answers(workbench: Workbench, place: Workplace) -> None:
    chat = ask(workbench, place, "answered by key", asking())
    expect(chat.question).to_contain_text("Dig here?")
    expect(chat.root).to_have_attribute("data-state", "needs-you")
    expect(workbench.status).to_contain_text("needs you")
    expect(workbench.toasts).to_have_count(0)

    chat.frame.locator(".scroller").press("1")
    chat.wait_idle()
    expect(chat.question).to_have_count(0)
    expect(chat.items.filter(has_text="Allow: Dig here?")).to_have_count(1)
    expect(chat.answers.last).to_contain_text("done")


def test_a_digit_that_is_typed_into_a_prompt_answers_nothing(workbench: Workbench, place: Workplace) -> None:
    chat = ask(workbench, place, "typed digits", asking())
    chat.box.press_sequentially("take 2")
    expect(chat.box).to_have_value("take 2")
    expect(chat.question).to_be_visible()

    chat.box.fill("")
    chat.button("Deny").click()
    chat.wait_idle()
    expect(chat.answers.last).to_contain_text("[denied]")


def test_a_question_has_the_choices_that_it_came_with(workbench: Workbench, place: Workplace) -> None:
    chat = ask(workbench, place, "choices", asking("Which way?", choices=["left", "right", "back"]))
    expect(chat.question.get_by_role("button")).to_have_text(["1 Left", "2 Right", "3 Back"])
    chat.frame.locator(".scroller").press("3")
    chat.wait_idle()
    expect(chat.items.filter(has_text="Back: Which way?")).to_have_count(1)


def test_what_is_allowed_for_the_session_is_not_asked_again(workbench: Workbench, place: Workplace) -> None:
    (place.folder / "written.txt").write_text("old\n")
    write = {"tool": {"name": "write_file", "args": {"path": "written.txt", "content": "new\n"}}}
    chat = ask(workbench, place, "remembered", [write, {"text": "done"}])
    expect(chat.question.locator(".diff .removed")).to_contain_text("-old")
    expect(chat.question.locator(".diff .added")).to_contain_text("+new")
    expect(chat.question.get_by_role("button")).to_have_text(
        ["1 Allow once", "2 Allow for this session", "3 Always allow", "4 Deny"]
    )

    chat.button("Allow for this session").click()
    chat.wait_idle()
    assert (place.folder / "written.txt").read_text() == "new\n"
    chat.ask_and_wait("once more")
    expect(chat.question).to_have_count(0)
    expect(chat.answers.last).to_contain_text("done")


def test_nothing_in_a_command_hides_itself(workbench: Workbench, place: Workplace) -> None:
    command = "echo \u202emoc.live\u202c safe"
    run = {"tool": {"name": "run_command", "args": {"command": command}}}
    chat = ask(workbench, place, "hidden characters", [run, {"text": "done"}])
    expect(chat.question.locator("pre").first).to_contain_text("\\u{202e}moc.live\\u{202c} safe")
    chat.button("Deny").click()
    chat.wait_idle()


def test_another_client_may_answer(workbench: Workbench, place: Workplace) -> None:
    chat = ask(workbench, place, "answered elsewhere", asking())
    waiting = place.ask("approval/list")["approvals"]
    place.ask("approval/respond", approval_id=waiting[-1]["approval_id"], choice="deny")

    expect(chat.question).to_have_count(0)
    expect(chat.items.filter(has_text="Deny: Dig here?")).to_have_count(1)
    chat.wait_idle()


def test_commands_answer_as_well(workbench: Workbench, place: Workplace) -> None:
    chat = ask(workbench, place, "answered by command", asking())
    workbench.command("Meerkat: Deny")
    chat.wait_idle()
    expect(chat.answers.last).to_contain_text("[denied]")
    chat.ask("again")
    expect(chat.question).to_be_visible()
    workbench.command("Meerkat: Approve")
    chat.wait_idle()
    expect(chat.answers.last).not_to_contain_text("[denied]")


@pytest.mark.usefixtures("hidden")
def test_one_is_told_of_a_question_only_where_the_chat_is_not_seen(workbench: Workbench, place: Workplace) -> None:
    script: list[Step] = [{"sleep_ms": 1500}, *asking("Are you there?")]
    place.session(title="unseen", script=script)
    chat = workbench.resume("unseen")
    chat.ask("go on")
    expect(chat.root).to_have_attribute("data-state", "busy")
    workbench.page.keyboard.press("Control+B")

    expect(workbench.toasts).to_contain_text("Are you there?")
    workbench.toasts.get_by_role("button", name="Show").click()
    expect(chat.question).to_be_visible()
    chat.button("Allow").click()
    chat.wait_idle()


def test_a_question_still_waits_after_the_window_was_loaded_anew(workbench: Workbench, place: Workplace) -> None:
    ask(workbench, place, "still waiting", asking("Still there?"))
    workbench.reload()
    chat = workbench.open_chat()
    expect(chat.question).to_contain_text("Still there?")
    chat.frame.locator(".scroller").press("1")
    chat.wait_idle()
    expect(chat.answers.last).to_contain_text("done")
