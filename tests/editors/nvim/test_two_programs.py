from __future__ import annotations

import asyncio

from tests.editors.nvim.editor import Editor
from tests.editors.workplace import Workplace

UNFOCUSED = "vim.api.nvim_exec_autocmds('FocusLost', {})"
FOCUSED = "vim.api.nvim_exec_autocmds('FocusGained', {})"


def test_a_turn_that_another_program_runs_streams_here_and_can_be_stopped_here(
    editor: Editor, place: Workplace
) -> None:
    session_id = place.session(script=[{"text": "step ", "repeat": 800, "delay_ms": 25}])
    editor.open(session_id)

    async def ask() -> None:
        async with place.client() as client:
            turn = client.turn(session_id, "count, over there")
            await asyncio.to_thread(editor.see, "count, over there", "step step", "busy")
            await asyncio.to_thread(editor.type, "<C-c>")
            await asyncio.to_thread(editor.see, "interrupted", "idle")
            await asyncio.gather(turn.result(), return_exceptions=True)

    asyncio.run(ask())


def test_a_title_that_another_program_gives_is_seen(editor: Editor, place: Workplace) -> None:
    session_id = place.session(prompts=["hello"])
    editor.open(session_id)
    place.ask("session/update", session_id=session_id, title="Renamed over there")
    editor.see("Renamed over there")


def test_whoever_looks_elsewhere_is_told_and_nobody_else(editor: Editor, place: Workplace) -> None:
    approval = {"approval": {"summary": "go on?", "choices": ["allow", "deny"]}}
    editor.open(place.session(script=[approval, {"text": "done"}], title="Long work"))
    editor.lua(UNFOCUSED)
    editor.ask("work")
    editor.see_message("needs you: Long work")
    editor.type("<M-1>")
    editor.see_message("finished: Long work")
    editor.lua(FOCUSED)
    told = len(editor.messages)
    editor.ask("work")
    editor.see("1  allow")
    editor.type("<M-1>")
    editor.wait(lambda: editor.transcript.count("done") == 2, "end")
    editor.see_status("idle")
    assert len(editor.messages) == told


def test_a_turn_goes_on_where_its_chat_is_hidden(editor: Editor, place: Workplace) -> None:
    editor.open(place.session(script=[{"text": "step ", "repeat": 120, "delay_ms": 25}], title="Hidden"))
    editor.ask("count")
    editor.see("busy")
    editor.type("<Esc>q")
    editor.wait(lambda: editor.lua("return #vim.api.nvim_list_wins()") == 1, "one window")
    assert editor.status == "busy"
    editor.see_message("finished: Hidden")
    editor.run("Meerkat")
    editor.see("step step", "idle")
    assert "\n".join(editor.transcript).count("step") == 120
