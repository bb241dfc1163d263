"""What stays when Emacs or the server goes: histories, drafts, prompts, and each prompt once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence

from tests.editors.emacs.terminal import ESCAPE, Emacs
from tests.editors.workplace import BOUND_S, Step, Workplace

SLOW = [{"text": "word ", "repeat": 4000, "delay_ms": 5}]


def _wait_for_no_server(workplace: Workplace) -> None:
    end = time.monotonic() + BOUND_S
    while workplace.server_pids():
        assert time.monotonic() < end, "a server outlived its Emacs"
        time.sleep(0.05)


def test_history_draft_and_earlier_prompts_are_there_after_a_restart(workplace: Workplace) -> None:
    with Emacs(workplace) as emacs:
        emacs.command("meerkat")
        emacs.see("Ask echo")
        emacs.type("good morning, 世界\r")
        emacs.see(lambda text: "idle" in text and text.count("good morning") >= 3)
        emacs.type("half a thought")
        emacs.type("\x18\x03")
        emacs.see_end()
    _wait_for_no_server(workplace)
    with Emacs(workplace) as emacs:
        emacs.command("meerkat")
        emacs.see(lambda text: text.count("good morning, 世界") >= 2 or text.count("good morning, 世 界") >= 2)
        emacs.see("› half a thought")  # noqa: RUF001
        emacs.type(f"{ESCAPE}p")
        emacs.see("› good morning")  # noqa: RUF001
        emacs.type(f"{ESCAPE}n")
        emacs.see("› half a thought")  # noqa: RUF001


def test_a_killed_emacs_leaves_no_server_and_no_gap(workplace: Workplace) -> None:
    session_id = workplace.session(script=SLOW)
    with Emacs(workplace) as emacs:
        emacs.open(session_id)
        emacs.type("go\r")
        emacs.see("word word")
        emacs.child.kill(signal.SIGKILL)
        emacs.see_end()
    _wait_for_no_server(workplace)
    with Emacs(workplace) as emacs:
        emacs.open(session_id)
        screen = emacs.see("■ interrupted")
        assert "word word" in screen
    assert workplace.prompts(session_id) == ["go"]


def test_a_server_that_is_killed_in_between_and_in_a_turn_loses_nothing(workplace: Workplace) -> None:
    session_id = workplace.session(script=[{**SLOW[0], "for_turn": 2}, {"text": "an answer"}])
    with Emacs(workplace) as emacs:
        emacs.open(session_id)
        emacs.type("one\r")
        emacs.see("an answer")
        emacs.see("idle")
        assert len(workplace.kill_servers()) == 1
        emacs.see("the server ended (killed by signal 9)")
        emacs.type("two\r")
        emacs.see("word word")
        workplace.kill_servers()
        screen = emacs.see("■ interrupted: the server ended")
        assert "word word" in screen
        emacs.see("idle")
        emacs.type("three\r")
        emacs.see(lambda text: text.count("an answer") >= 1 and "three" in text and "idle" in text)
    assert workplace.prompts(session_id) == ["one", "two", "three"]


def test_a_prompt_that_was_on_its_way_is_asked_once(workplace: Workplace) -> None:
    session_id = workplace.session()
    with Emacs(workplace) as emacs:
        emacs.open(session_id)
        emacs.see("›")  # noqa: RUF001
        (pid,) = workplace.server_pids()
        os.kill(pid, signal.SIGSTOP)
        emacs.type("asked once\r")
        emacs.settle()
        os.kill(pid, signal.SIGKILL)
        emacs.see(lambda text: text.count("asked once") >= 3 and "idle" in text)
    assert workplace.prompts(session_id) == ["asked once"]


def test_a_question_waits_through_a_crash(workplace: Workplace) -> None:
    script: Sequence[Step] = [{"approval": {"summary": "may I?", "choices": ["allow", "deny"]}}, {"text": "gone on"}]
    session_id = workplace.session(script=script)
    with Emacs(workplace) as emacs:
        emacs.open(session_id)
        emacs.type("go\r")
        emacs.see("[1 allow]")
        workplace.kill_servers()
        emacs.see("the server ended")
        emacs.see(lambda text: "needs you" in text and "[1 allow]" in text)
        emacs.type("1")
        emacs.see("gone on")
    assert workplace.prompts(session_id) == ["go"]


def test_without_a_server_the_chat_says_what_to_install(workplace: Workplace) -> None:
    with Emacs(workplace, PATH="/usr/bin:/bin") as emacs:
        emacs.command("meerkat")
        emacs.see(lambda text: "pip install meerkat-rpc" in text.replace("\n", " "))
        emacs.see("meerkat-server-command")


def test_a_setting_that_names_nothing_is_told_by_its_name(workplace: Workplace) -> None:
    with Emacs(workplace, init=['(setq meerkat-server-command "/nowhere/meerkat-rpc")']) as emacs:
        emacs.command("meerkat")
        emacs.see("There is no program /nowhere/meerkat-rpc")
        emacs.type("hello\r")
        emacs.see("› hello")  # noqa: RUF001
