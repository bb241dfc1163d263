--- What the subcommands of `:Meerkat` do.
local approvals = require("meerkat.approvals")
local chat = require("meerkat.chat.chat")
local log = require("meerkat.log")
local picker = require("meerkat.picker")
local selection = require("meerkat.selection")
local sending = require("meerkat.session.sending")
local say = require("meerkat.say").say
local server = require("meerkat.server")
local window = require("meerkat.chat.window")

local M = {}

--- The session that a command is about; says so where there is none.
local function session_or_say()
  local session = chat.session()
  if not session then
    say("there is no chat yet; :Meerkat opens one", vim.log.levels.WARN)
  end
  return session
end

--- Ask: with words they are sent at once, else the chat waits for them. A range goes along.
function M.ask(call)
  local quoted = call.range and selection.of(call.range[1], call.range[2])
  chat.show_last(function(session)
    local prompt = chat.prompt(session)
    if call.argument ~= "" then
      return chat.send_text(session, table.concat({ call.argument, quoted }, "\n\n"))
    elseif quoted then
      local before = prompt:text()
      prompt:set((before ~= "" and before .. "\n" or "\n") .. "\n" .. quoted)
      vim.api.nvim_win_set_cursor(window.view().prompt, { before ~= "" and vim.fn.line("$") or 1, 0 })
    end
    window.write()
  end)
end

function M.chat()
  chat.toggle()
end

function M.new()
  chat.new()
end

function M.sessions(call)
  local scopes = { all = "all", archived = "archived" }
  if call.argument ~= "" and not scopes[call.argument] then
    return chat.open(call.argument)
  end
  picker.pick(scopes[call.argument] or "here", function(it)
    chat.open(it.session_id)
  end)
end

local function send(how)
  return function(call)
    local session = session_or_say()
    if session and call.argument ~= "" then
      return chat.send_text(session, call.argument, how)
    elseif session then
      chat.send(session, how)
    end
  end
end

M.send = send("send")
M.steer = send("steer")

function M.stop()
  local session = session_or_say()
  if not session then
    return
  end
  sending.stop(session, function(problem, interrupted)
    if problem then
      say(problem, vim.log.levels.ERROR)
    elseif not interrupted then
      say("nothing is running")
    end
  end)
end

function M.approve(call)
  local session = session_or_say()
  if session then
    approvals.approve(session, call.argument ~= "" and call.argument or nil)
  end
end

function M.deny()
  local session = session_or_say()
  if session then
    approvals.deny(session)
  end
end

function M.log()
  if not vim.uv.fs_stat(log.path()) then
    return say("nothing has been logged yet")
  end
  vim.cmd.split({ vim.fn.fnameescape(log.path()) })
  vim.bo.autoread = true
  vim.cmd.normal({ "G", bang = true })
end

function M.traffic(call)
  log.traffic = call.argument == "on" or (call.argument == "" and not log.traffic)
  say(log.traffic and "every message is logged, prompts included: :Meerkat log" or "messages are not logged")
end

function M.restart()
  server.restart()
end

function M.doctor()
  vim.cmd.checkhealth("meerkat")
end

function M.help()
  vim.cmd.help("meerkat")
end

local managing = require("meerkat.managing")
for name, action in pairs(managing) do
  M[name] = action
end

return M
