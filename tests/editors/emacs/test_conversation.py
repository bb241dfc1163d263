"""A conversation as a person has it: keys, and what is on the screen."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tests.editors.emacs.terminal import ESCAPE, Emacs
from tests.editors.workplace import Step, Workplace

Script = Sequence[Step]

APPROVAL: Script = [
    {"approval": {"summary": "write notes.md", "choices": ["allow", "deny"]}},
    {"text": "gone on"},
]
SLOW: Script = [{"text": "word ", "repeat": 4000, "delay_ms": 5}]


def test_the_first_chat_needs_nothing_but_its_name(emacs: Emacs, place: Workplace) -> None:
    emacs.command("meerkat")
    emacs.see("Ask echo something.")
    emacs.type("good morning\r")
    screen = emacs.see(lambda text: text.count("good morning") >= 3 and "idle" in text)
    assert re.search(r"You  \d\d:\d\d\ngood morning\n\necho  \d\d:\d\d\ngood morning\n\n›", screen)  # noqa: RUF001
    assert "*meerkat: good morning*" in screen
    assert place.ask("session/list")["total"] == 1


def test_an_answer_streams_and_the_window_follows_its_end(emacs: Emacs, place: Workplace) -> None:
    emacs.open(place.session(script=[{"text": "line\n", "repeat": 300, "delay_ms": 2}, {"text": "the end"}]))
    emacs.type("go\r")
    emacs.see("busy")
    screen = emacs.see("the end")
    assert screen.count("line") > 20
    emacs.see(lambda text: "the end\n\n›" in text and "idle" in text)  # noqa: RUF001


def test_who_reads_further_up_is_left_there(emacs: Emacs, place: Workplace) -> None:
    emacs.open(place.session(script=[{"text": "line\n", "repeat": 100, "delay_ms": 2}, {"text": "the end"}]))
    emacs.type("go\r")
    emacs.see("the end")
    emacs.type(f"again\r{ESCAPE}<")
    emacs.see("You")
    emacs.see("busy")
    emacs.see("idle")
    assert "go" in emacs.text.splitlines()[3]
    emacs.type(f"{ESCAPE}>")
    emacs.see("the end")


def test_control_c_twice_stops_the_answer(emacs: Emacs, place: Workplace) -> None:
    emacs.open(place.session(script=SLOW))
    emacs.type("go\r")
    emacs.see("word word")
    emacs.type("\x03\x03")
    screen = emacs.see(lambda text: "■ interrupted" in text and "idle" in text)
    assert "word word" in screen


def test_a_digit_answers_and_is_text_where_something_is_written(emacs: Emacs, place: Workplace) -> None:
    session_id = place.session(script=APPROVAL)
    emacs.open(session_id)
    emacs.type("go\r")
    emacs.see("needs you")
    emacs.see("[1 allow]  [2 deny]")
    emacs.type("x1")
    emacs.see("› x1")  # noqa: RUF001
    emacs.type("\x7f\x7f1")
    emacs.see("✓ allow: write notes.md")
    emacs.see("gone on")
    assert place.ask("approval/list")["approvals"] == []


def test_an_answer_is_a_button_too(emacs: Emacs, place: Workplace) -> None:
    emacs.open(place.session(script=APPROVAL))
    emacs.type("go\r")
    emacs.see("[2 deny]")
    emacs.type(f"{ESCAPE}<\t\t")
    emacs.type("\r")
    emacs.see("✗ deny: write notes.md")


def test_what_another_program_answers_is_seen(emacs: Emacs, place: Workplace) -> None:
    session_id = place.session(script=APPROVAL)
    emacs.open(session_id)
    emacs.type("go\r")
    emacs.see("[1 allow]")
    waiting = place.ask("approval/list", session_id=session_id)["approvals"]
    place.ask("approval/respond", approval_id=waiting[0]["approval_id"], choice="deny")
    emacs.see("✗ deny: write notes.md")
    emacs.see("gone on")


def test_while_busy_return_queues_and_meta_return_adds(emacs: Emacs, place: Workplace) -> None:
    session_id = place.session(
        script=[
            {"text": "word ", "repeat": 300, "delay_ms": 5},
            {"tool": {"name": "t", "result": "r"}},
            {"text": "done"},
        ]
    )
    emacs.open(session_id)
    emacs.type("go\r")
    emacs.see("word word")
    emacs.type("next question\r")
    emacs.see("⧖ next: next question  [take back]")
    emacs.type(f"and be brief{ESCAPE}\r")
    emacs.see("[and be brief]")
    emacs.see(lambda text: "next question" in text and "⧖" not in text and "idle" in text)
    assert place.prompts(session_id) == ["go", "and be brief", "next question"]


def test_a_turn_of_another_program_is_seen_streaming(emacs: Emacs, place: Workplace) -> None:
    session_id = place.session(script=[{"text": "from elsewhere ", "repeat": 30, "delay_ms": 5}])
    emacs.open(session_id)
    emacs.see("›")  # noqa: RUF001
    place.ask("turn/start", session_id=session_id, prompt="asked elsewhere")
    emacs.see("asked elsewhere")
    emacs.see(lambda text: "from elsewhere from elsewhere" in text and "idle" in text)


def test_tab_completes_a_file_behind_an_at_sign(emacs: Emacs, place: Workplace) -> None:
    (place.folder / "read me.txt").write_text("hello\n")
    session_id = place.session()
    emacs.open(session_id)
    emacs.see("›")  # noqa: RUF001
    emacs.type("what is in @rea\t")
    emacs.see('@"read me.txt"')
    emacs.type("\r")
    emacs.see("idle")
    emacs.see("echo  ")
    (message, _) = place.ask("session/history", session_id=session_id)["messages"]
    assert [attachment["name"] for attachment in message["attachments"]] == ["read me.txt"]


def test_a_region_is_asked_about_from_its_file(emacs: Emacs, place: Workplace) -> None:
    (place.folder / "fizz.py").write_text("def fizz():\n    return 3\n")
    emacs.fresh()
    emacs.open(place.session(title="about a region"))
    emacs.see("*meerkat: about a region")
    emacs.evaluate(f'(find-file "{place.folder}/fizz.py")')
    emacs.see("def fizz")
    emacs.type("\x18h")
    emacs.command("meerkat-send-dwim")
    emacs.see("Ask about fizz.py#L1-2:")
    emacs.type("what is it?\r")
    screen = emacs.see(lambda text: text.count("what is it?") >= 2)
    assert screen.count("def fizz") >= 2
    emacs.type("\x18o")


def test_the_list_has_every_session_and_opens_one(emacs: Emacs, place: Workplace) -> None:
    place.session(prompts=["alpha"], title="The one to find")
    emacs.fresh()
    emacs.command("meerkat-list-sessions")
    emacs.see("The one to find")
    emacs.type("/")
    emacs.see("Search titles")
    emacs.type("one to find\r")
    emacs.see('with "one to find"')
    emacs.type(f"{ESCAPE}<\r")
    emacs.see(lambda text: "*meerkat: The one to find*" in text and text.count("alpha") == 2)


def test_a_session_is_resumed_by_its_title(emacs: Emacs, place: Workplace) -> None:
    place.session(prompts=["beta"], title="Quite another thing")
    emacs.fresh()
    emacs.command("meerkat-resume")
    emacs.see("Session")
    emacs.type("Quite\t\r")
    emacs.see(lambda text: "*meerkat: Quite another thing*" in text and text.count("beta") == 2)


def test_earlier_messages_come_as_one_scrolls(emacs: Emacs, place: Workplace) -> None:
    emacs.open(place.long_session(80))
    emacs.see(lambda text: "›" in text and "You" in text)  # noqa: RUF001
    for _ in range(60):
        emacs.type(f"{ESCAPE}v")
        emacs.settle()
        if "Beginning of buffer" in emacs.text:
            break
    emacs.type(f"{ESCAPE}<")
    emacs.see(lambda text: "▲" not in text and "You" in text.splitlines()[2])


def test_keys_can_be_found_out(emacs: Emacs, place: Workplace) -> None:
    emacs.open(place.session())
    emacs.see("›")  # noqa: RUF001
    emacs.type("\x03?")
    emacs.see("export as Markdown")
    emacs.type("\x07")
    emacs.type("\x08m")
    emacs.see("M-RET adds it to what")
    emacs.type("\x181")


def test_the_doctor_finds_all_well(emacs: Emacs) -> None:
    emacs.fresh()
    emacs.command("meerkat-doctor")
    screen = emacs.see(lambda text: "stored" in text and re.search(r"ok +Model +echo", text) is not None)
    assert "error" not in screen
