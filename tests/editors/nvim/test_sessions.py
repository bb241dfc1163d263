from __future__ import annotations

import json

from tests.editors.nvim.editor import Editor
from tests.editors.workplace import Workplace


def test_sessions_are_chosen_from_a_list_this_folder_first(editor: Editor, place: Workplace) -> None:
    here = place.session(prompts=["what is here?"], title="Here")
    place.ask("session/create", initial_turn="deferred", title="Elsewhere", cwd="/", model="echo")
    editor.run("Meerkat sessions")
    offered = editor.choose("… sessions of all folders")
    assert any(entry.startswith("Here") and "now" in entry and "project" in entry for entry in offered)
    assert not any("Elsewhere" in entry for entry in offered)
    assert any("Elsewhere" in entry for entry in editor.choose("Here"))
    editor.see("what is here?", "Here", "echo", "idle")
    assert editor.session_id == here


def test_a_session_is_renamed_archived_and_taken_back(editor: Editor, place: Workplace) -> None:
    session_id = place.session(prompts=["hello"])
    editor.open(session_id)
    editor.run("Meerkat rename 日本 100% done")
    editor.see("日本 100% done")
    editor.run("Meerkat archive")
    editor.see_message("archived")
    editor.see("archived · idle")
    editor.run("Meerkat sessions archived")
    assert any("日本 100% done" in entry and "archived" in entry for entry in editor.choose("日本"))
    editor.run("Meerkat unarchive")
    editor.see_message("taken back")
    assert place.ask("session/read", session_id=session_id)["archived"] is False


def test_deleting_asks_once_and_makes_room_for_a_new_chat(editor: Editor, place: Workplace) -> None:
    session_id = place.session(prompts=["hello"])
    editor.open(session_id)
    editor.run("Meerkat delete")
    editor.choose("Keep it")
    editor.see("hello")
    editor.run("Meerkat delete")
    editor.choose("Delete it")
    editor.see("new chat")
    listed = place.ask("session/list")["sessions"]
    assert session_id not in [session["session_id"] for session in listed]


def test_with_a_bang_another_session_is_chosen_first(editor: Editor, place: Workplace) -> None:
    other = place.session(prompts=["x"], title="The other one")
    editor.open(place.session(prompts=["y"]))
    editor.run("Meerkat! rename Its new name")
    editor.choose("The other one")
    editor.wait(lambda: str(place.ask("session/read", session_id=other)["title"]) == "Its new name", "new title")


def test_a_session_that_somebody_deletes_says_so(editor: Editor, place: Workplace) -> None:
    session_id = place.session(prompts=["hello"])
    editor.open(session_id)
    place.ask("session/delete", session_id=session_id)
    editor.see("this session was deleted")
    editor.run("Meerkat new")
    editor.run(f"Meerkat resume {session_id}")
    editor.run("bwipeout")
    editor.run(f"Meerkat resume {session_id}")
    editor.see_message("that session is gone")


def test_a_fork_ends_before_the_prompt_under_the_cursor_which_is_there_to_be_changed(
    editor: Editor, place: Workplace
) -> None:
    session_id = place.session(prompts=["one", "two", "three"])
    editor.open(session_id)
    editor.type("<Esc><C-w>kG[[[[gb")
    editor.see_message("this is the new session")
    assert editor.session_id != session_id
    assert editor.transcript == ["# You", "one", "", "# Assistant", "one"]
    editor.wait(lambda: editor.prompt == "two", "prompt to be changed")
    assert place.prompts(session_id) == ["one", "two", "three"]
    editor.type("<C-u>")


def test_a_fork_of_the_whole_and_of_an_answer(editor: Editor, place: Workplace) -> None:
    session_id = place.session(prompts=["one", "two"])
    editor.open(session_id)
    editor.run("Meerkat fork")
    editor.see_message("this is the new session")
    assert place.prompts(editor.session_id) == ["one", "two"]
    editor.open(session_id)
    editor.type("<Esc><C-w>kgg/Assistant<CR>gb")
    editor.wait(lambda: editor.messages.count("meerkat: this is the new session") == 2, "second fork")
    assert place.prompts(editor.session_id) == ["one"]


def test_a_live_turn_is_forked_as_well(editor: Editor, place: Workplace) -> None:
    editor.run("Meerkat new")
    for prompt in ("one", "two"):
        editor.ask(prompt)
        editor.see_answer(prompt)
    editor.see_status("idle")
    editor.type("<Esc><C-w>kG[[gb")
    editor.see_message("this is the new session")
    assert place.prompts(editor.session_id) == ["one"]


def test_exports_open_as_documents(editor: Editor, place: Workplace) -> None:
    editor.open(place.session(prompts=["tell **me**"], title="A tale"))
    editor.run("Meerkat export")
    editor.wait(lambda: editor.lua("return vim.bo.filetype") == "markdown", "Markdown")
    markdown = "\n".join(editor.nvim.current.buffer[:])
    assert "A tale" in markdown
    assert "tell **me**" in markdown
    editor.run("tabclose!")
    editor.run("Meerkat export json")
    editor.wait(lambda: editor.lua("return vim.bo.filetype") == "json", "JSON")
    assert json.loads("\n".join(editor.nvim.current.buffer[:]))
    editor.run("tabclose!")
    editor.run("Meerkat export pdf")
    editor.see_message("markdown, json or jsonl")


def test_models_are_chosen_and_those_that_cannot_be_used_say_why(editor: Editor, place: Workplace) -> None:
    session_id = place.session(prompts=["hi"])
    editor.open(session_id)
    editor.run("Meerkat model")
    offered = editor.choose("acp:qwen")  # one that something is missing for
    ready = next(row for row, model in enumerate(offered) if model.startswith("echo"))
    assert ready < next(row for row, model in enumerate(offered) if "acp:qwen" in model)
    editor.see_message("can't be used: ")
    editor.run("Meerkat model")
    editor.choose("scripted")
    editor.see("scripted idle")
    assert place.ask("session/read", session_id=session_id)["model"] == "scripted"
    assert "echo" in editor.lua("return vim.fn.getcompletion('Meerkat model ', 'cmdline')")


def test_a_history_comes_in_pages_as_one_scrolls_up(editor: Editor, place: Workplace) -> None:
    editor.open(place.long_session(130))
    first = editor.transcript
    editor.type("<Esc><C-w>k")
    editor.see("Assistant")
    assert len([line for line in first if line == "# You"]) == 25
    for _ in range(8):
        before = len(editor.transcript)
        text = editor.lua("return vim.fn.getline('w0')")
        editor.type("gg")
        editor.wait(lambda before=before: len(editor.transcript) > before or _all(editor), "page")  # type: ignore[misc]
        del text
    assert editor.transcript[-len(first) :] == first
    assert len([line for line in editor.transcript if line == "# You"]) == 130


def _all(editor: Editor) -> bool:
    return bool(editor.lua("return require('meerkat.chat.chat').session().offset == 0"))


def test_compacting_tells_what_came_of_it(editor: Editor, place: Workplace) -> None:
    editor.open(place.session(prompts=["one"]))
    editor.run("Meerkat compact")
    editor.wait(lambda: len(editor.messages) == 2, lambda: f"second message: {editor.messages}")


def test_subcommands_are_completed_and_unknown_ones_refused(editor: Editor) -> None:
    assert editor.lua("return vim.fn.getcompletion('Meerkat re', 'cmdline')") == ["rename", "restart", "resume"]
    assert editor.lua("return vim.fn.getcompletion('Meerkat export ', 'cmdline')") == ["json", "jsonl", "markdown"]
    editor.run("Meerkat exprt")
    editor.see_message("did you mean export?")
    editor.run("Meerkat xyzzy")
    editor.see_message(":Meerkat help lists them")
