from __future__ import annotations

import asyncio

import pytest

from tests.editors.nvim.editor import Editor
from tests.editors.workplace import Workplace


def asking(choices: list[str]) -> list[dict[str, object]]:
    """Return a script that asks once and tells that it went on."""
    details = {"diff": "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-old\n+new"}
    approval = {"summary": "change x.py", "choices": choices, "details": details}
    return [{"text": "May I?"}, {"approval": approval}, {"text": " Went on."}]


def test_a_digit_answers_a_question_where_it_stands(editor: Editor, place: Workplace) -> None:
    editor.open(place.session(script=asking(["allow", "deny"])))
    editor.ask("change it")
    editor.see("needs you: change x.py", "1  allow", "2  deny", "needs you")
    editor.see_status("needs you")
    editor.type("<Esc>1")
    editor.see("allowed: change x.py", "Went on.", "idle")
    assert "1  allow" not in editor.screen
    assert [name for name, _ in editor.hooks] == [
        "MeerkatSessionOpened",
        "MeerkatTurnStarted",
        "MeerkatApprovalRequested",
        "MeerkatApprovalResolved",
        "MeerkatTurnEnded",
    ]


def test_alt_and_a_digit_answer_while_one_types_and_a_digit_alone_is_text(editor: Editor, place: Workplace) -> None:
    editor.open(place.session(script=asking(["left", "right"])))
    editor.ask("where to?")
    editor.see("1  left", "2  right")
    editor.type("1")
    assert editor.prompt == "1"
    editor.type("<M-2>")
    editor.see('answered "right": change x.py', "Went on.")
    assert editor.prompt == "1"
    editor.type("<C-u>")


@pytest.mark.parametrize(
    ("command", "said"),
    [("approve", "allowed"), ("deny", "denied"), ("approve 2", "denied"), ("approve once", "allowed")],
)
def test_commands_answer_as_well(editor: Editor, place: Workplace, command: str, said: str) -> None:
    editor.open(place.session(script=asking(["allow", "deny"])))
    editor.ask("change it")
    editor.see("1  allow")
    editor.run(f"Meerkat {command}")
    editor.see(f"{said}: change x.py")


def test_digits_count_where_nothing_waits(editor: Editor, place: Workplace) -> None:
    editor.open(place.session(prompts=["one", "two", "three"]))
    editor.type("<Esc><C-w>kgg4j")
    assert editor.lua("return vim.fn.line('.')") == 5
    editor.run("Meerkat approve")
    editor.see_message("nothing waits")


def test_a_question_that_another_program_answers_is_gone_here(editor: Editor, place: Workplace) -> None:
    session_id = place.session(script=asking(["allow", "deny"]))
    editor.open(session_id)
    editor.ask("change it")
    editor.see("1  allow")

    async def answer() -> None:
        async with place.client() as client:
            waiting = await client.approvals(session_id)
            await client.respond(waiting[0]["approval_id"], "deny")

    asyncio.run(answer())
    editor.see("denied: change x.py", "idle")


def test_a_question_is_there_when_its_session_is_opened_again_after_a_restart(place: Workplace) -> None:
    session_id = place.session(script=asking(["allow", "deny"]))
    with Editor(place) as first:
        first.open(session_id)
        first.ask("change it")
        first.see("1  allow")
    with Editor(place) as second:
        second.open(session_id)
        second.see("needs you: change x.py", "1  allow", "needs you")
        second.type("<Esc>1")
        second.see("allowed: change x.py", "Went on.", "idle")


def test_a_turn_that_is_stopped_asks_no_longer(editor: Editor, place: Workplace) -> None:
    editor.open(place.session(script=asking(["allow", "deny"])))
    editor.ask("change it")
    editor.see("1  allow")
    editor.type("<C-c>")
    editor.see("interrupted", "idle")
    assert "1  allow" not in editor.screen


def test_an_answer_can_be_remembered_for_the_session_and_for_good(workplace: Workplace) -> None:
    config = workplace.home / ".config" / "meerkat-rpc" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[tools]\nbuiltin = ["write_file", "run_command"]\n')
    write = {"tool": {"name": "write_file", "args": {"path": "a.txt", "content": "hello\n"}}}
    run = {"tool": {"name": "run_command", "args": {"command": ["echo", "hi"]}}}
    with Editor(workplace) as editor:
        editor.open(workplace.session(script=[write, run, {"text": "Both done."}]))
        editor.ask("go")
        editor.see("+hello", "1  allow once", "2  allow for this session", "3  always allow write_file", "4  deny")
        editor.run("Meerkat approve session")
        editor.see("$ echo hi", "3  always allow run_command:echo hi")
        editor.type("<Esc>3")
        editor.see("Both done.", "✓")
        editor.ask("once more")  # nothing is asked any more
        editor.wait(lambda: editor.transcript.count("Both done.") == 2, lambda: editor.screen)
    assert "run_command:echo hi" in config.read_text()
    assert "write_file" not in config.read_text().partition("[approvals]")[2]
