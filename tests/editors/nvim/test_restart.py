from __future__ import annotations

from tests.editors.nvim.editor import Editor
from tests.editors.workplace import Workplace


def test_a_restarted_neovim_shows_the_chat_that_was_there_with_its_draft_and_its_prompts(workplace: Workplace) -> None:
    with Editor(workplace) as first:
        first.run("Meerkat")
        first.ask("remember the milk")
        first.see("Assistant", "idle")
        session_id = first.session_id
        first.type("half a thought")
        first.wait(lambda: first.prompt == "half a thought", "draft")
    with Editor(workplace) as second:
        second.run("Meerkat")
        second.see("remember the milk", "Assistant", "half a thought", "idle")
        assert second.session_id == session_id
        assert second.transcript == ["# You", "remember the milk", "", "# Assistant", "remember the milk"]
        second.type("<Up>")
        second.wait(lambda: second.prompt == "remember the milk", "earlier prompt")
        second.type("<Down>")
        second.wait(lambda: second.prompt == "half a thought", "draft again")
        second.type("<Esc><M-p>")
        second.wait(lambda: second.prompt == "remember the milk", "earlier prompt")
        second.type("<CR>")
        second.wait(lambda: len(second.transcript) == 11, "second turn")
    assert workplace.prompts(session_id) == ["remember the milk", "remember the milk"]


def test_a_draft_of_a_chat_that_has_not_begun_is_kept_for_its_folder(workplace: Workplace) -> None:
    with Editor(workplace) as first:
        first.run("Meerkat new")
        first.type("to be\rcontinued".replace("\r", "<C-j>"))
        first.wait(lambda: first.prompt == "to be\ncontinued", "draft")
    with Editor(workplace) as second:
        second.run("Meerkat new")
        second.see("to be", "continued", "new chat")
    assert workplace.ask("session/list")["total"] == 0


def test_leaving_neovim_ends_its_server_and_interrupts_nothing_silently(workplace: Workplace) -> None:
    session_id = workplace.session(script=[{"text": "step ", "repeat": 400, "delay_ms": 25}])
    with Editor(workplace) as first:
        first.open(session_id)
        first.ask("count")
        first.see("step step")
    first.wait(lambda: workplace.server_pids() == [], "end of the server")
    with Editor(workplace) as second:
        second.open(session_id)
        second.see("step step", "interrupted", "idle")


def test_keys_and_windows_are_a_persons_own(workplace: Workplace) -> None:
    settings = "{ keys = false, winbar = false, layout = 'below', prompt_height = 2 }"
    with Editor(workplace, settings=settings) as editor:
        editor.run("Meerkat")
        editor.see("Ask something")
        assert editor.lua("return vim.fn.maparg('<CR>', 'i')") == ""
        assert editor.lua("return vim.wo[require('meerkat.chat.window').view().transcript].winbar") == ""
        editor.type("by command<Esc>")
        editor.run("Meerkat send")
        editor.see("by command", "Assistant")
        editor.run("Meerkat")
        assert editor.lua("return #vim.api.nvim_list_wins()") == 1


def test_wrong_settings_are_named_and_change_nothing(workplace: Workplace) -> None:
    with Editor(workplace) as editor:
        editor.lua("require('meerkat').setup({ colour = 1, layout = 'round', size = 'big' })")
        assert editor.see_message("there is no setting")
        editor.see_message("one of right, left")
        editor.see_message("size is a number")
        editor.run("Meerkat")
        editor.see("new chat")


def test_nothing_is_loaded_before_it_is_used_and_the_start_costs_nothing(workplace: Workplace) -> None:
    with Editor(workplace) as editor:
        assert editor.lua("return require('meerkat').statusline()") == ""
        loaded = (
            "return vim.tbl_filter(function(n) return vim.startswith(n, 'meerkat') end, vim.tbl_keys(package.loaded))"
        )
        assert editor.lua(loaded) == ["meerkat"]
        assert workplace.server_pids() == []
        path = "vim.api.nvim_get_runtime_file('plugin/meerkat.lua', false)[1]"
        timed = f"""
        local best = math.huge
        for _ = 1, 5 do
          vim.g.loaded_meerkat = nil
          local began = vim.uv.hrtime()
          dofile({path})
          best = math.min(best, (vim.uv.hrtime() - began) / 1e6)
        end
        return best
        """
        assert editor.lua(timed) < 2


def test_closing_one_window_of_a_chat_closes_the_other_and_leaves_neovim_where_nothing_else_is(
    workplace: Workplace,
) -> None:
    (workplace.folder / "a.txt").write_text("text")
    with Editor(workplace, arguments=["a.txt"]) as editor:
        for window in ("prompt", "transcript"):
            editor.run("Meerkat")
            editor.see("new chat", "Ask something")
            editor.type("<Esc>")
            editor.lua("vim.api.nvim_set_current_win(require('meerkat.chat.window').view()[...])", window)
            editor.type(":q<CR>")
            editor.wait(lambda: editor.lua("return #vim.api.nvim_list_wins()") == 1, "one window")
            assert "Ask something" not in editor.screen
        editor.run("Meerkat")
        editor.see("new chat")
        editor.type("<Esc>")
        editor.run("wincmd t | hide")
        editor.type("<Esc>q")
        editor.wait(lambda: editor.lua("return #vim.api.nvim_list_wins()") == 1, "one window")
        assert "new chat" not in editor.screen
