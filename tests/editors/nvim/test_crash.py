from __future__ import annotations

from pathlib import Path

from tests.editors.nvim.editor import Editor
from tests.editors.workplace import Workplace

SLOWLY = {"text": "step ", "repeat": 400, "delay_ms": 25, "for_turn": 1}


def test_a_server_that_is_killed_while_idle_is_said_once_and_the_session_goes_on(
    editor: Editor, place: Workplace
) -> None:
    editor.run("Meerkat new")
    editor.ask("one")
    editor.see_answer("one")
    assert len(place.kill_servers()) == 1
    editor.see("! the server ended unexpectedly: signal 9")
    editor.ask("two")
    editor.see_answer("two")
    editor.see_status("idle")
    assert place.prompts(editor.session_id) == ["one", "two"]
    assert editor.screen.count("ended unexpectedly") == 1
    assert editor.messages == []
    assert [data["reason"] for name, data in editor.hooks if name == "MeerkatServerCrashed"] == ["signal 9"]


def test_a_turn_in_the_midst_is_shown_as_interrupted_with_what_it_said_and_nothing_is_sent_twice(
    place: Workplace,
) -> None:
    session_id = place.session(script=[SLOWLY, {"text": "well again", "for_turn": 2}])
    with Editor(place) as editor:
        editor.open(session_id)
        editor.ask("count")
        editor.see("step step", "busy")
        place.kill_servers()
        editor.see("interrupted", "step step", "idle")
        editor.ask("again")
        editor.see("well again", "idle")
        assert editor.transcript.count("# You") == 2
    assert place.prompts(session_id) == ["count", "again"]


def test_what_is_sent_while_there_is_no_server_is_sent_once_there_is(place: Workplace) -> None:
    with Editor(place) as editor:
        editor.run("Meerkat new")
        editor.ask("one")
        editor.see_answer("one")
        place.kill_servers()
        editor.ask("two")  # as fast as hands are: before it is noticed, or just after
        editor.see_answer("two")
        session_id = editor.session_id
    assert place.prompts(session_id) == ["one", "two"]


def test_after_a_crash_old_events_are_not_shown_again(place: Workplace) -> None:
    with Editor(place) as editor:
        editor.run("Meerkat new")
        for prompt in ("one", "two"):
            editor.ask(prompt)
            editor.see_answer(prompt)
        before = editor.transcript
        for _ in range(2):
            place.kill_servers()
            editor.see_status("offline")
            editor.see_status("idle")
        assert editor.transcript == [*before, "", "! the server ended unexpectedly: `signal 9`"]


def test_a_crash_is_told_outside_where_no_chat_is_seen(place: Workplace) -> None:
    with Editor(place) as editor:
        editor.run("Meerkat new")
        editor.see("echo answers")
        editor.type("<Esc>q")
        editor.wait(lambda: editor.lua("return #vim.api.nvim_list_wins()") == 1, "one window")
        place.kill_servers()
        editor.see_message("the server ended unexpectedly (signal 9)")
        editor.see_status("idle")


def test_a_server_that_always_dies_is_given_up_and_can_be_restarted(workplace: Workplace) -> None:
    dying = workplace.home / "dying"
    dying.write_text("#!/bin/sh\necho 'no luck today' >&2\nexit 3\n")
    dying.chmod(0o755)
    with Editor(workplace, settings=f"{{ command = '{dying}' }}") as editor:
        editor.run("Meerkat")
        editor.see("no server", "5 times in a row", "no luck today", ":Meerkat restart", "offline")
        assert editor.screen.count("ended unexpectedly") == 1
        assert editor.messages == []
        dying.write_text('#!/bin/sh\nexec meerkat-rpc "$@"\n')
        editor.run("Meerkat restart")
        editor.wait(lambda: "no server" not in editor.screen, "server")
        editor.ask("well?")
        editor.see_answer("well?")


def test_restart_on_command_is_no_crash(editor: Editor, place: Workplace) -> None:
    editor.run("Meerkat new")
    editor.ask("one")
    editor.see_answer("one")
    old = place.server_pids()
    editor.run("Meerkat restart")
    editor.wait(lambda: bool(place.server_pids()) and place.server_pids() != old, "new server")
    editor.ask("two")
    editor.see_answer("two")
    assert editor.messages == []


def test_the_log_has_what_the_server_said_and_on_demand_every_message(editor: Editor, place: Workplace) -> None:
    editor.run("Meerkat traffic on")
    editor.run("Meerkat new")
    editor.ask("a secret")
    editor.see_answer("a secret")
    editor.run("Meerkat traffic off")
    editor.ask("another one")
    editor.see_answer("another one")
    editor.type("<Esc>")
    editor.run("Meerkat log")
    log = Path(editor.nvim.current.buffer.name)
    assert log.stat().st_mode & 0o777 == 0o600
    text = "\n".join(editor.nvim.current.buffer[:])
    assert '-> {"' in text
    assert "turn/start" in text
    assert "a secret" in text
    assert "another one" not in text
