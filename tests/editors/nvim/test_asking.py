from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.editors.nvim.editor import Editor
from tests.editors.workplace import Workplace

SLOWLY: Mapping[str, Any] = {"text": "step ", "repeat": 400, "delay_ms": 25}


def test_a_first_prompt_makes_a_session_and_its_answer_comes(editor: Editor, place: Workplace) -> None:
    editor.run("Meerkat new")
    editor.see("new chat", "echo answers")
    editor.ask("good **morning**")
    editor.see("You", "Assistant", "good morning", "idle")  # the stars are hidden: it is Markdown
    assert editor.transcript == ["# You", "good **morning**", "", "# Assistant", "good **morning**"]
    assert place.prompts(editor.session_id) == ["good **morning**"]
    assert editor.prompt == ""


def test_a_chat_that_nothing_was_asked_in_leaves_no_session(editor: Editor, place: Workplace) -> None:
    before = place.ask("session/list")["total"]
    editor.run("Meerkat new")
    editor.see("new chat")
    editor.run("Meerkat new")
    editor.type("   <CR>")  # nothing to send
    assert place.ask("session/list")["total"] == before


def test_text_is_seen_while_it_comes_and_the_usual_key_stops_it(editor: Editor, place: Workplace) -> None:
    editor.open(place.session(script=[SLOWLY]))
    editor.ask("count")
    editor.see("step step", "busy")
    editor.type("<C-c>")
    editor.see("interrupted", "idle")
    said = "\n".join(editor.transcript).count("step")
    assert 2 <= said < 400
    view = place.ask("session/read", session_id=editor.session_id)
    assert view["last_turn"]["outcome"] == "interrupted"
    assert view["last_assistant_text"].count("step") == said
    assert editor.hooks[-1][1]["outcome"] == "interrupted"


def test_a_prompt_waits_while_a_turn_runs_and_can_be_taken_back(editor: Editor, place: Workplace) -> None:
    editor.open(place.session(script=[{**SLOWLY, "for_turn": 1}, {"text": "second", "for_turn": 2}]))
    editor.ask("first")
    editor.see("busy", "step")
    editor.ask("keep this")
    editor.see("waiting; dd takes it back", "keep this")
    editor.ask("drop this")
    editor.wait(lambda: editor.screen.count("waiting; dd") == 2, "two prompts that wait")
    editor.type("<Esc><C-w>kGdd")
    editor.wait(lambda: editor.prompt == "drop this", "text of the prompt that was taken back")
    editor.wait(lambda: "drop this" not in editor.transcript, "transcript without it")
    editor.run("Meerkat stop")
    editor.see("second")
    assert place.prompts(editor.session_id) == ["first", "keep this"]


def test_what_is_added_while_a_turn_runs_is_read_by_its_next_call(editor: Editor, place: Workplace) -> None:
    script: list[Mapping[str, Any]] = [{"text": "one", "for_turn": 1}, {"sleep_ms": 60_000, "for_turn": 1}]
    editor.open(place.session(script=script))
    editor.ask("go")
    editor.see("busy", "one")
    editor.lua("require('meerkat.chat.window').write()")
    editor.type("and hurry<C-s>")
    editor.see("waiting for the model's next call", "and hurry")
    editor.run("Meerkat stop")
    editor.see("interrupted")


def test_a_prompt_that_is_refused_comes_back_with_the_reason(editor: Editor, place: Workplace) -> None:
    session_id = place.session(prompts=["one"])
    editor.open(session_id)
    place.ask("session/archive", session_id=session_id)
    editor.ask("two")
    editor.see("not sent", "archived")
    editor.wait(lambda: editor.prompt == "two", "text in the prompt")
    place.ask("session/unarchive", session_id=session_id)
    editor.type("<Esc><CR>")
    editor.see_answer("two")
    assert "not sent" not in editor.screen


def test_a_failed_turn_says_why_and_keeps_what_was_said(editor: Editor, place: Workplace) -> None:
    script = [{"text": "So far so good."}, {"fail": "the `line` was *cut*", "code": "PROVIDER_ERROR"}]
    editor.open(place.session(script=script))
    editor.ask("go")
    screen = editor.see("So far so good.", "failed", "the `line` was *cut*", "idle")
    assert screen.count("failed") == 1
    session_id = editor.session_id
    editor.type("<Esc>")
    editor.run("bwipeout")
    editor.run(f"Meerkat resume {session_id}")
    editor.see("So far so good.", "the `line` was *cut*")


def test_reasoning_and_tools_are_a_line_each_until_they_are_opened(editor: Editor, place: Workplace) -> None:
    tool = {"name": "search", "args": {"pattern": "*.py **"}, "result": {"found": ["a.py", "b.py"]}, "ms": 300}
    script: list[Mapping[str, Any]] = [{"reasoning": "Where could it be?"}, {"tool": tool}, {"text": "Found."}]
    editor.open(place.session(script=script))
    editor.ask("where?")
    screen = editor.see("Found.", "idle", "▸ thought for", "▸ search pattern=*.py ** ✓ 0.3 s")
    assert "Where could it be?" not in screen
    assert "a.py" not in screen
    editor.type("<Esc><C-w>kzR")
    editor.see("Where could it be?", '"a.py",', '"pattern": "*.py **"')
    editor.type("zM")
    assert "a.py" not in editor.screen
    editor.type("gg/search<CR><Tab>")
    editor.see('"a.py",')


def test_who_reads_further_up_stays_there_and_who_reads_the_end_follows(editor: Editor, place: Workplace) -> None:
    editor.open(place.session(script=[{"text": "line\n", "repeat": 120}]))
    editor.ask("once")
    editor.wait(lambda: editor.transcript.count("line") == 120, "whole answer")
    top = "return vim.fn.line('w0', require('meerkat.chat.window').view().transcript)"
    assert editor.lua(top) > 80
    editor.type("<Esc><C-w>kgg")
    editor.lua("local c = require('meerkat.chat.chat') c.prompt(c.session()):set('again')")
    before = editor.lua(top)
    editor.type("<C-w>j")
    editor.lua("local c = require('meerkat.chat.chat') c.send_text(c.session(), 'again')")
    editor.wait(lambda: editor.transcript.count("line") == 240, "second answer")
    assert before == 1
    editor.see("again")
    assert editor.lua(top) > 200  # who sends wants to see what comes of it


def test_keys_move_between_turns_and_show_themselves(editor: Editor, place: Workplace) -> None:
    editor.open(place.session(prompts=["first prompt", "second prompt", "third prompt"]))
    editor.type("<Esc><C-w>kG[[")
    assert editor.lua("return vim.fn.getline('.')") == "# You"
    assert editor.lua("return vim.fn.getline(vim.fn.line('.') + 1)") == "third prompt"
    editor.type("[[")
    assert editor.lua("return vim.fn.getline(vim.fn.line('.') + 1)") == "second prompt"
    editor.type("]]")
    assert editor.lua("return vim.fn.getline(vim.fn.line('.') + 1)") == "third prompt"
    editor.type("?")
    editor.see("In the transcript", "stop the answer")
    editor.type("q")
    assert "In the transcript" not in editor.screen
    editor.type("q")
    assert editor.lua("return #vim.api.nvim_list_wins()") == 1


def test_languages_emoji_and_right_to_left_come_back_as_they_were_written(editor: Editor, place: Workplace) -> None:
    prompt = "日本語と中文 👩‍👩‍👧 שלום مرحبا e\u0301 \u200bz"
    editor.run("Meerkat new")
    editor.ask(prompt)
    editor.wait(lambda: editor.transcript.count(prompt) == 2, lambda: str(editor.transcript))
    editor.see("日本語と中文", "שלום")
    assert place.prompts(editor.session_id) == [prompt]


def test_bytes_that_are_no_text_are_replaced_and_nul_survives(editor: Editor, place: Workplace) -> None:
    editor.run("Meerkat new")
    editor.lua("local c = require('meerkat.chat.chat') c.prompt(c.session()):set('a\\255b\\128\\237\\160\\128c')")
    editor.type("<Esc><CR>")
    editor.see("idle", "Assistant")
    assert place.prompts(editor.session_id) == ["a\ufffdb\ufffd\ufffd\ufffd\ufffdc"]


def test_a_huge_prompt_is_sent_whole_and_shown_in_part(editor: Editor, place: Workplace) -> None:
    lines = [f"line {number} " + "x" * 60 for number in range(3000)]
    editor.run("Meerkat new")
    editor.lua("local c = require('meerkat.chat.chat') c.prompt(c.session()):set(...)", "\n".join(lines))
    editor.type("<Esc><CR>")
    editor.see_in_transcript("2960 more lines")
    editor.see_status("idle")
    assert place.prompts(editor.session_id) == ["\n".join(lines)]


def test_a_line_without_end_is_shown_in_pieces_that_lose_nothing(editor: Editor, place: Workplace) -> None:
    editor.open(place.session(script=[{"text": "長い ", "repeat": 9000, "chunks": 1}]))
    editor.ask("go")
    editor.see_status("idle")
    editor.wait(lambda: "".join(editor.transcript).count("長い") == 9000, "whole answer")
    assert max(len(line.encode()) for line in editor.transcript) <= 8000


def test_an_answer_that_leaves_a_block_open_does_not_swallow_what_follows(editor: Editor, place: Workplace) -> None:
    editor.open(place.session(script=[{"text": "```python\nprint(1)"}]))
    editor.ask("go")
    editor.see_status("idle")
    editor.see_in_transcript("print(1)\n```")


def test_an_answer_that_comes_disturbs_nobody_who_works_elsewhere(editor: Editor, place: Workplace) -> None:
    editor.open(place.session(script=[{"text": "step\n", "repeat": 100, "delay_ms": 20}]))
    editor.ask("go")
    editor.see("step")
    editor.type("<Esc><C-w>t")
    for keys, mode in (("v$", "v"), ("<Esc>2d", "no"), ("<Esc>:echo 1", "c")):
        editor.type(keys)
        before = len(editor.transcript)
        editor.wait(lambda before=before: len(editor.transcript) > before + 5, "more of it")  # type: ignore[misc]
        assert editor.nvim.api.get_mode()["mode"] == mode
    editor.type("<Esc>")
    editor.see_end()
    last = "return vim.fn.line('w$', require('meerkat.chat.window').view().transcript)"
    assert editor.lua(last) == len(editor.transcript)
