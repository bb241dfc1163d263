--- The keys of a chat's two buffers. Each is there in these buffers only, and `?` shows them.
local config = require("meerkat.config")

local M = {}

local function chat()
  return require("meerkat.chat.chat")
end

local function command(words)
  return function()
    require("meerkat.commands").run({ args = words, range = 0, bang = false })
  end
end

local function send(how)
  return function(session)
    chat().send(session, how)
  end
end

local function write()
  require("meerkat.chat.window").write()
end

local function turn(step)
  return function(session)
    require("meerkat.chat.moves").turn(session, step)
  end
end

local function toggle(session)
  if not require("meerkat.chat.moves").toggle(session) then
    write()
  end
end

local function help()
  require("meerkat.chat.help").show()
end

local function recall(step, key)
  return function(_, prompt)
    if vim.fn.pumvisible() == 0 and prompt:is_at_edge(step) then
      return prompt:recall(step)
    end
    M._press(key)
  end
end

--- Enter takes a match where there is a list of them.
local function enter(session)
  if vim.fn.pumvisible() == 1 then
    return M._press("<C-y>")
  end
  chat().send(session, "send")
end

--- Ctrl-C stops what runs; where nothing runs it leaves insert mode, as Esc does: by itself it tells no plugin.
local function stop(session)
  if session.running then
    return command("stop")()
  end
  M._press("<Esc>")
end

local function all(open)
  return function(session)
    require("meerkat.chat.moves").all(session, open)
  end
end

local function take_back(session)
  require("meerkat.chat.moves").take_back(session)
end

local function close()
  require("meerkat.chat.window").close()
end

local function tab()
  M._press(vim.fn.pumvisible() == 1 and "<C-y>" or "<Tab>")
end

local function line()
  M._press("<CR>")
end

local function scroll(key)
  return function()
    require("meerkat.chat.moves").scroll(key)
  end
end

--- Before whatever was typed meanwhile.
function M._press(key)
  vim.api.nvim_feedkeys(vim.keycode(key), "in", false)
end

--- { modes, key, what it does, in a few words; the words are the help }
M.TRANSCRIPT = {
  { "n", "i", write, "write a prompt (also a, o)" },
  { "n", "a", write },
  { "n", "o", write },
  { "n", "<CR>", toggle, "show or hide details; elsewhere, write a prompt" },
  { "n", "<Tab>", toggle, "show or hide details of a tool, of reasoning (also za)" },
  { "n", "za", toggle },
  { "n", "zR", all(true), "show all details (zM hides them)" },
  { "n", "zM", all(false) },
  { "n", "[[", turn(-1), "to the turn before ([[) or after (]])" },
  { "n", "]]", turn(1) },
  { "n", "dd", take_back, "take a waiting prompt back" },
  { "n", "gb", command("fork"), "branch: a new session up to the message under the cursor" },
  { "n", "<C-c>", stop, "stop the answer" },
  { "n", "q", close, "close the chat" },
  { "n", "?", help, "this help" },
}

M.PROMPT = {
  { "n", "<CR>", send("send"), "send; while a turn runs, the prompt waits for its end" },
  { "i", "<CR>", enter },
  { "i", "<M-CR>", line, "begin a new line (also Ctrl-J)" },
  { "i", "<C-j>", line },
  { { "n", "i" }, "<C-s>", send("steer"), "send now: add to the turn that runs" },
  { "i", "<Up>", recall(-1, "<Up>"), "the prompt before, on the first line (also Alt-P)" },
  { "i", "<Down>", recall(1, "<Down>"), "the prompt after, on the last line (also Alt-N)" },
  { { "n", "i" }, "<M-p>", function(_, prompt) prompt:recall(-1) end },
  { { "n", "i" }, "<M-n>", function(_, prompt) prompt:recall(1) end },
  { { "n", "i" }, "<PageUp>", scroll("<C-b>"), "scroll the transcript (PageDown, too)" },
  { { "n", "i" }, "<PageDown>", scroll("<C-f>") },
  { "i", "<Tab>", tab, "take the file that is offered behind @" },
  { { "n", "i" }, "<C-c>", stop, "stop the answer" },
  { "n", "q", close, "close the chat" },
  { "n", "?", help, "this help" },
}

local MOST_ANSWERS = 9

--- Set the keys of a chat.
---@param session meerkat.Session
---@param prompt meerkat.Prompt
function M.set(session, prompt)
  vim.bo[prompt.buffer].completefunc = "v:lua.require'meerkat.chat.completion'.complete"
  if not config.get().keys then
    return
  end
  for buffer, maps in pairs({ [session.buffer] = M.TRANSCRIPT, [prompt.buffer] = M.PROMPT }) do
    for _, map in ipairs(maps) do
      vim.keymap.set(map[1], map[2], function()
        map[3](session, prompt)
      end, { buffer = buffer, nowait = true, desc = map[4] and "meerkat: " .. map[4] })
    end
    M._answers(buffer, session)
  end
end

--- Digits answer while something waits, and count otherwise. Where one types, Alt goes with them.
function M._answers(buffer, session)
  for number = 1, MOST_ANSWERS do
    vim.keymap.set("n", tostring(number), function()
      return require("meerkat.approvals").answer(session, number) and "" or tostring(number)
    end, { buffer = buffer, expr = true, nowait = true, desc = "meerkat: answer " .. number })
    vim.keymap.set({ "n", "i" }, ("<M-%d>"):format(number), function()
      require("meerkat.approvals").answer(session, number)
    end, { buffer = buffer, desc = "meerkat: answer " .. number })
  end
end

return M
