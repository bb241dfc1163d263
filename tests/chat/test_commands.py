"""The chat's commands about models, tools, context and compaction, and what is told of a turn."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.chat.conftest import ScriptedSession
from tests.chat.terminal import SUMMARY, Terminal

pytestmark = pytest.mark.slow  # not each, but all of them


def configure(home: Path, text: str) -> None:
    (home / "config" / "meerkat-rpc").mkdir(parents=True)
    (home / "config" / "meerkat-rpc" / "config.toml").write_text(text)


def test_models_are_listed_by_what_they_lack_and_any_providers_model_can_be_chosen(tmp_path: Path, store: str) -> None:
    configure(tmp_path, '[providers.local]\nbase_url = "http://127.0.0.1:9/v1"\nmodels = ["small"]\n')
    no_keys = {"ANTHROPIC_API_KEY": "", "OPENAI_API_KEY": ""}
    with Terminal(tmp_path, "--store", store, "--model", "echo", rows=60, env=no_keys) as chat:
        chat.ask("hello")
        chat.see_prompt()
        chat.enter("/model")
        seen = chat.see("any provider:model will do")
        assert re.search(r"^\* +echo", seen, re.MULTILINE)
        assert re.search(r"no key for anthropic: set ANTHROPIC_API_KEY", seen)
        assert seen.count("set ANTHROPIC_API_KEY") == 1
        chat.enter("/model anthropic:claude-unheard-of")
        chat.see("no key for anthropic")
        chat.enter("/model local:anything")
        chat.see("from now on: local:anything")


def test_a_model_that_is_chosen_holds_for_the_rest_of_the_session(tmp_path: Path, store: str) -> None:
    with Terminal(tmp_path, "--store", store, "--model", "scripted") as chat:
        chat.see_prompt()
        chat.enter("hello")
        chat.see("0 tokens")
        chat.see_prompt()
        chat.enter("/model echo")
        chat.see("from now on: echo")
        chat.ask("said by echo")
    with Terminal(tmp_path, "--store", store, "--model", "scripted", "--title", "x") as chat:
        chat.see_prompt()
        chat.enter("/resume")
        chat.see("— hello")
        chat.ask("still by echo")
        assert "still by echo" in chat.answer_to("still by echo")


def test_tools_are_listed_with_where_they_come_from_and_whether_they_ask(tmp_path: Path) -> None:
    configure(tmp_path, '[tools]\nbuiltin = ["all"]\n')
    with Terminal(tmp_path, "--ephemeral", "--model", "echo") as chat:
        chat.see_prompt()
        chat.enter("/tools")
        seen = chat.see("run_command")
        assert re.search(r"^read_file +builtin +\w", seen, re.MULTILINE)
        assert re.search(r"^write_file +builtin +asks +\w", seen, re.MULTILINE)


def test_without_built_in_tools_it_is_said_how_to_turn_them_on(tmp_path: Path) -> None:
    with Terminal(tmp_path, "--ephemeral", "--model", "echo") as chat:
        chat.see_prompt()
        chat.enter("/tools")
        seen = chat.see("both ask first").replace("\n", " ")
        assert 'under [tools], builtin = ["read"] turns them on' in seen
        assert "config.toml" in seen


def test_context_is_noted_and_shown_in_the_history(tmp_path: Path, store: str) -> None:
    with Terminal(tmp_path, "--store", store, "--model", "echo") as chat:
        chat.see_prompt()
        chat.enter("/context")
        chat.see("what is the model to know?")
        chat.enter("/context The roof is red.")
        chat.see("noted")
        chat.ask("hello")
        chat.enter("/resume")
        chat.see("context: The roof is red.")
        chat.enter("/queue")
        chat.see("no prompt waits")


def test_a_session_is_compacted_with_figures(tmp_path: Path, store: str, scripted: ScriptedSession) -> None:
    with Terminal(tmp_path, "--store", store, "--session", scripted({"text": "word " * 50})) as chat:
        chat.see_prompt()
        chat.enter("/compact")
        chat.see("there is nothing yet")
        for number in range(5):
            chat.ask(f"prompt number {number}")
        chat.see_prompt()
        chat.enter("/compact")
        assert re.search(r"\d+ messages are \d+ for the model, \d+ tokens of summary", chat.see("of summary"))


def test_a_session_that_can_not_be_compacted_says_why(tmp_path: Path) -> None:
    with Terminal(tmp_path, "--ephemeral", "--model", "echo") as chat:
        chat.see_prompt()
        chat.enter("/compact")
        chat.see("nothing has been said yet")
        chat.ask("hello")
        chat.see_prompt()
        chat.enter("/compact")
        chat.see("model echo can't summarise")


def test_budgets_that_are_nearly_used_up_are_told(tmp_path: Path, store: str, scripted: ScriptedSession) -> None:
    configure(tmp_path, "[budget.turn]\ntool_calls = 5\n")
    calls = [{"tool": {"name": f"tool{number}", "result": 1}} for number in range(4)]
    with Terminal(tmp_path, "--store", store, "--session", scripted(*calls)) as chat:
        chat.see_prompt()
        chat.enter("go")
        chat.see(lambda text: SUMMARY.search(text) is not None)
        assert "the turn has used 80 % of its budget: 4 of 5 tool calls" in chat.text


def test_help_names_the_new_commands(tmp_path: Path) -> None:
    with Terminal(tmp_path, "--ephemeral", "--model", "echo") as chat:
        chat.see_prompt()
        chat.enter("/help")
        seen = chat.see("attach a file")
        for word in ("/model", "/tools", "/allowed", "/context", "/compact", "/queue"):
            assert word in seen
