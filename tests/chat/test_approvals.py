"""Questions of turns, answered in a terminal and in a pipe."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meerkat_rpc.client import Client
from tests.chat.conftest import ScriptedSession
from tests.chat.terminal import SUMMARY, Terminal
from tests.chat.test_pipe import ask

pytestmark = pytest.mark.slow  # not each, but all of them

KEYS = "y allow once · s for this session · a always: write_file becomes a rule in your configuration · n deny"

PROMPT_READY = "y allow"

Asking = Callable[..., str]


def writes(path: str, content: str = "one\ntwo\n") -> dict[str, Any]:
    return {"tool": {"name": "write_file", "args": {"path": path, "content": content}}}


def runs(command: Any) -> dict[str, Any]:
    return {"tool": {"name": "run_command", "args": {"command": command}}}


@pytest.fixture
def asking(tmp_path: Path, scripted: ScriptedSession) -> Asking:
    """Return a function that makes a session in the home folder, where every built-in tool is on."""
    config = tmp_path / "config" / "meerkat-rpc"
    config.mkdir(parents=True)
    (config / "config.toml").write_text('[tools]\nbuiltin = ["all"]\n')
    return lambda *script: scripted(*script, cwd=tmp_path)


def configuration(home: Path) -> str:
    return (home / "config" / "meerkat-rpc" / "config.toml").read_text()


def test_a_change_of_a_file_is_shown_and_made_when_it_is_allowed(tmp_path: Path, store: str, asking: Asking) -> None:
    with Terminal(tmp_path, "--store", store, "--session", asking(writes("a.txt"), {"text": "Done."})) as chat:
        chat.see_prompt()
        chat.enter("go")
        seen = chat.see(lambda text: "deny" in text.rpartition("y allow")[2])
        assert "? create a.txt (+2 " in seen
        assert "\n+one\n+two\n" in seen
        assert KEYS in seen.replace("\n", " ")
        assert not (tmp_path / "a.txt").exists()
        chat.type("y")
        chat.see("→ allowed once")
        chat.see("Done.")
        chat.see_prompt()
        assert (tmp_path / "a.txt").read_text() == "one\ntwo\n"


@pytest.mark.parametrize("key", ["n", "4", "\x1b"])
def test_a_call_that_is_denied_does_not_happen_and_the_turn_goes_on(
    tmp_path: Path, store: str, asking: Asking, key: str
) -> None:
    with Terminal(tmp_path, "--store", store, "--session", asking(writes("a.txt"), {"text": "As you like."})) as chat:
        chat.see_prompt()
        chat.enter("go")
        chat.see(PROMPT_READY)
        chat.type(key)
        chat.see("→ denied")
        chat.see("As you like.")
        assert "✗ write_file, 0 ms: the user refused this call" in chat.see_prompt()
        assert not (tmp_path / "a.txt").exists()


def test_what_is_allowed_for_the_session_is_not_asked_again_in_it(tmp_path: Path, store: str, asking: Asking) -> None:
    with Terminal(tmp_path, "--store", store, "--session", asking(writes("a.txt"), writes("b.txt"))) as chat:
        chat.see_prompt()
        chat.enter("go")
        chat.see(PROMPT_READY)
        chat.type("s")
        chat.see(lambda text: SUMMARY.search(text) is not None)
        assert chat.text.count("? create") == 1
        assert (tmp_path / "b.txt").exists()
        assert "write_file" not in configuration(tmp_path)
        chat.see_prompt()
        chat.enter("/allowed")
        assert re.search(r"write_file +until this session ends", chat.see("can't be taken back"))


def test_what_is_always_allowed_is_a_rule_that_is_listed_and_taken_out_again(
    tmp_path: Path, store: str, asking: Asking
) -> None:
    with Terminal(tmp_path, "--store", store, "--session", asking(runs("echo hello"), {"text": "Done."})) as chat:
        chat.see_prompt()
        chat.enter("go")
        seen = chat.see(lambda text: "deny" in text.rpartition("y allow")[2])
        assert "\n$ echo hello\n" in seen
        rule = re.search(r"a always: (run_command:[^ ]+(?: [^ ]+)*?) becomes", seen.replace("\n", " "))
        assert rule is not None
        chat.type("a")
        chat.see("→ allowed from now on")
        chat.see_prompt()
        assert f'"{rule[1]}"' in configuration(tmp_path)
        chat.enter("again")
        chat.see(lambda text: text.count("Done.") == 2)
        chat.see_prompt()
        assert chat.text.count("? run:") == 1
        chat.enter(f"/allowed remove {rule[1]}")
        chat.see("is asked for again")
        assert "run_command" not in configuration(tmp_path)
        chat.enter("/allowed")
        chat.see("nothing is allowed without asking")
        chat.enter("/allowed remove parrot")
        chat.see("there is no rule parrot")


def test_other_choices_have_numbers(tmp_path: Path, store: str, scripted: ScriptedSession) -> None:
    question = {"summary": "Which colour?", "choices": ["red", "green", "blue"], "details": {"of": "the roof"}}
    with Terminal(tmp_path, "--store", store, "--session", scripted({"approval": question}, {"text": "Done."})) as chat:
        chat.see_prompt()
        chat.enter("go")
        seen = chat.see("1 red · 2 green · 3 blue")
        assert "? Which colour?" in seen
        assert '"of": "the roof"' in seen
        chat.type("y2")  # a paste is no answer
        chat.type("2")
        chat.see("→ green")
        chat.see("Done.")


def test_what_was_typed_before_a_question_is_no_answer_to_it(tmp_path: Path, store: str, asking: Asking) -> None:
    with Terminal(
        tmp_path, "--store", store, "--session", asking({"text": "on "}, {"sleep_ms": 800}, writes("a"))
    ) as chat:
        chat.see_prompt()
        chat.enter("go")
        chat.see("\non")
        chat.type("yes, and then")
        chat.see(PROMPT_READY)
        assert not (tmp_path / "a").exists()
        chat.type("n")
        chat.see("→ denied")
        chat.see("› yes, and then")  # noqa: RUF001


def test_ctrl_c_at_a_question_stops_the_turn(tmp_path: Path, store: str, asking: Asking) -> None:
    with Terminal(tmp_path, "--store", store, "--session", asking(writes("a.txt"))) as chat:
        chat.see_prompt()
        chat.enter("go")
        chat.see(PROMPT_READY)
        chat.interrupt()
        chat.see("stopped")
        chat.see_prompt()
        chat.enter("/model echo")
        chat.see("from now on: echo")
        chat.ask("still here")
        assert not (tmp_path / "a.txt").exists()


def test_a_question_outlives_the_chat_and_is_answered_in_another(
    tmp_path: Path, store: str, scripted: ScriptedSession
) -> None:
    session_id = scripted({"text": "Let me see. "}, {"approval": {"summary": "Go on?"}}, {"text": "Done."})
    with Terminal(tmp_path, "--store", store, "--session", session_id) as chat:
        chat.see_prompt()
        chat.enter("go")
        chat.see(PROMPT_READY)
        chat.type("\x04")
        assert chat.see_end() == 0
        assert "it goes on waiting for its answer" in chat.text
    with Terminal(tmp_path, "--store", store, "--session", session_id) as chat:
        chat.see(PROMPT_READY)
        assert "its turn waits for an answer\nLet me see.\n? Go on?\ny allow" in chat.text
        chat.type("y")
        chat.see("Done.")
        chat.see_prompt()
        assert SUMMARY.search(chat.text)
        chat.enter("/model echo")
        chat.ask("and on")


def test_a_question_that_is_taken_up_can_be_refused_by_stopping_its_turn(
    tmp_path: Path, store: str, asking: Asking
) -> None:
    session_id = asking(writes("a.txt"))
    ask(tmp_path, "--store", store, "--session", session_id, "go")
    with Terminal(tmp_path, "--store", store) as chat:
        chat.see_prompt()
        chat.enter("/resume")
        chat.see(PROMPT_READY)
        chat.interrupt()
        chat.see("stopped")
        chat.see_prompt()
        assert not (tmp_path / "a.txt").exists()


def test_an_answer_from_elsewhere_ends_the_question(tmp_path: Path, store: str, asking: Asking) -> None:
    async def answer() -> None:
        async with Client.spawn(store=store) as client:
            (waiting,) = await client.approvals()
            await client.respond(waiting["approval_id"], "allow")

    with Terminal(tmp_path, "--store", store, "--session", asking(writes("a.txt"), {"text": "Done."})) as chat:
        chat.see_prompt()
        chat.enter("go")
        chat.see(PROMPT_READY)
        asyncio.run(answer())
        chat.see("answered elsewhere: allow")
        chat.see("Done.")
        chat.see_prompt()
        assert (tmp_path / "a.txt").exists()


def test_a_long_change_is_shortened_and_shown_whole_on_request(tmp_path: Path, store: str, asking: Asking) -> None:
    text = "".join(f"line {number}\n" for number in range(100))
    with Terminal(tmp_path, "--store", store, "--session", asking(writes("a.txt", text))) as chat:
        chat.see_prompt()
        chat.enter("go")
        seen = chat.see("v show it all")
        assert "more lines" in seen
        assert "+line 99" not in seen
        chat.type("v")
        chat.see("+line 99\n")
        chat.type("n")
        chat.see("→ denied")


def test_nothing_in_a_question_hides_itself(tmp_path: Path, store: str, asking: Asking) -> None:
    command = "echo safe\x1b[2K\r # \u202egnihton"
    with Terminal(tmp_path, "--store", store, "--session", asking(runs(command))) as chat:
        chat.see_prompt()
        chat.enter("go")
        assert "$ echo safe\\x1b[2K\\r # \\u202egnihton\n" in chat.see(PROMPT_READY)
        chat.type("n")
        chat.see("→ denied")
        assert "\u202e" not in chat.raw


def test_a_change_that_nobody_was_shown_is_shown_shortly_when_it_was_made(
    tmp_path: Path, store: str, asking: Asking
) -> None:
    text = "".join(f"line {number}\n" for number in range(100))
    arguments = ("--store", store, "--session", asking(writes("a.txt", text)), "--allow", "write_file")
    with Terminal(tmp_path, *arguments) as chat:
        chat.ask("go")
        answer = chat.answer_to("go")
        assert "allowed by --allow write_file" in answer
        assert re.search(r"✓ write_file, \d+ ms\n@@.*\n\+line 0\n", answer)
        assert "more lines" in answer
        assert "+line 50" not in answer


# -- in a pipe


def test_in_a_pipe_a_question_is_told_and_left_waiting(tmp_path: Path, store: str, asking: Asking) -> None:
    session_id = asking({"text": "So."}, writes("a.txt"), {"text": "Done."})
    ended = ask(tmp_path, "--store", store, "--session", session_id, "go")
    assert (ended.returncode, ended.stdout) == (3, b"So.\n")
    told = ended.stderr.decode()
    assert "meerkat-rpc: the turn asks: create a.txt" in told
    assert f"to answer: meerkat-rpc chat --store {store} --session {session_id}" in told
    assert "--allow write_file" in told
    assert not (tmp_path / "a.txt").exists()


def test_in_a_pipe_a_rule_allows_what_it_covers_and_nothing_else(tmp_path: Path, store: str, asking: Asking) -> None:
    session_id = asking(writes("a.txt"), runs("true"))
    ended = ask(tmp_path, "--store", store, "--session", session_id, "--allow", "write_file", "go")
    assert ended.returncode == 3
    assert b"the turn asks: run: true" in ended.stderr
    assert (tmp_path / "a.txt").exists()
    assert "allow" not in configuration(tmp_path)


def test_in_a_pipe_every_rule_counts(tmp_path: Path, store: str, asking: Asking) -> None:
    session_id = asking(writes("a.txt"), runs("true"), {"text": "Done."})
    rules = ("--allow", "write_file", "--allow", "run_command")
    ended = ask(tmp_path, "--store", store, "--session", session_id, *rules, "go")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"Done.\n", b"")
