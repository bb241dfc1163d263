--- Chats: a session, its transcript, and the prompt that is being written for it.
local feed = require("meerkat.session.feed")
local highlights = require("meerkat.highlights")
local hint = require("meerkat.chat.hint")
local hooks = require("meerkat.hooks")
local ids = require("meerkat.session.ids")
local keys = require("meerkat.chat.keys")
local memory = require("meerkat.chat.memory")
local notify = require("meerkat.notify")
local prompts = require("meerkat.chat.prompt")
local sending = require("meerkat.session.sending")
local server = require("meerkat.server")
local sessions = require("meerkat.session.session")
local status = require("meerkat.status")
local trouble = require("meerkat.chat.trouble")
local window = require("meerkat.chat.window")
local say = require("meerkat.say").say

local M = {}

local prompt_of = {} -- by session id
local current -- the session that was shown last

--- Return the session of the buffer one is in, else the one that was shown last.
---@return meerkat.Session|nil
function M.session()
  return sessions.get(vim.b.meerkat_session or "") or current
end

--- Return where prompts for a session are written.
---@param session meerkat.Session
---@return meerkat.Prompt
function M.prompt(session)
  return prompt_of[session.id]
end

local function transcript_buffer(id)
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_name(buffer, "meerkat://" .. id)
  vim.b[buffer].meerkat_session = id
  vim.bo[buffer].undolevels = -1
  vim.bo[buffer].modifiable = false
  vim.bo[buffer].filetype = "meerkat"
  if not pcall(vim.treesitter.start, buffer, "markdown") then
    vim.bo[buffer].syntax = "markdown"
  end
  return buffer
end

local function make(id, fields)
  local session = sessions.new(id, transcript_buffer(id), fields)
  local prompt = prompts.new(session)
  prompt_of[id] = prompt
  keys.set(session, prompt)
  M._watch(session)
  return session
end

function M._watch(session)
  local group = vim.api.nvim_create_augroup("meerkat-" .. session.id, {})
  local function on(events, run)
    vim.api.nvim_create_autocmd(events, { group = group, buffer = session.buffer, callback = run })
  end
  on({ "WinScrolled", "CursorMoved" }, function()
    window.scrolled(session)
  end)
  on({ "BufWinEnter", "BufWinLeave", "BufHidden" }, function()
    vim.schedule(function()
      feed.follow(session, #vim.fn.win_findbuf(session.buffer) > 0)
    end)
  end)
  for _, buffer in ipairs({ session.buffer, M.prompt(session).buffer }) do
    vim.api.nvim_create_autocmd("BufUnload", { group = group, buffer = buffer, callback = function()
      M._unloaded(session)
    end })
  end
end

--- Whoever deletes one of a chat's buffers leaves the chat; the session is there the next time.
function M._unloaded(session)
  local prompt = M.prompt(session)
  if not prompt then
    return -- the other buffer was first
  end
  prompt:keep()
  sessions.forget(session.id)
  prompt_of[session.id] = nil
  current = current ~= session and current or nil
  feed.follow(session, false)
  vim.schedule(function()
    for _, buffer in ipairs({ prompt.buffer, session.buffer }) do
      if vim.api.nvim_buf_is_valid(buffer) then
        vim.api.nvim_buf_delete(buffer, { force = true })
      end
    end
  end)
end

--- Show a session.
---@param id string
---@param done fun(session: meerkat.Session)|nil
function M.open(id, done)
  local session = sessions.get(id)
  if session then
    M.show(session)
    return done and done(session)
  end
  session = make(id, { cwd = vim.fn.getcwd() })
  M.show(session)
  feed.open(session, function(problem)
    if problem then
      return M._not_opened(session, problem)
    end
    hooks.fire("SessionOpened", { session_id = id, buffer = session.buffer })
    hint.update(session)
    if done then
      done(session)
    end
  end)
end

--- A session that is gone makes room for a new chat; any other trouble is shown where it would be.
function M._not_opened(session, problem)
  if problem.code == "SESSION_NOT_FOUND" then
    memory.keep_last(session.cwd, nil)
    say("that session is gone; here is a new chat")
    M.new()
    return vim.api.nvim_buf_delete(session.buffer, { force = true })
  end
  trouble.show(session, problem)
end

--- Show a new chat. It becomes a session with its first prompt.
---@param model string|nil
---@return meerkat.Session
function M.new(model)
  local session = make(ids.session(), { cwd = vim.fn.getcwd(), created = false, model = model })
  M.show(session)
  hint.update(session)
  server.start()
  return session
end

--- Show a session that is known here.
---@param session meerkat.Session
function M.show(session)
  current = session
  if session.created then
    memory.keep_last(session.cwd, session.id)
  end
  window.show(session, M.prompt(session))
  window.write()
  status.redraw()
end

--- Show the session that was shown last, in this Neovim or in this folder; else a new chat.
---@param done fun(session: meerkat.Session)|nil
function M.show_last(done)
  local last = current and current.id or memory.last(vim.fn.getcwd())
  if last then
    return M.open(last, done)
  end
  local session = M.new()
  if done then
    done(session)
  end
end

--- Show the chat, or hide it.
function M.toggle()
  if window.view().transcript then
    window.close()
  else
    M.show_last()
  end
end

--- Send what is written.
---@param session meerkat.Session
---@param how "send"|"steer"
function M.send(session, how)
  local prompt = M.prompt(session)
  if vim.trim(prompt:text()) == "" then
    return
  end
  local content = prompt:take()
  M._send(session, content, how, function()
    prompt:accepted(content)
  end, function()
    prompt:refused(content)
  end)
end

--- Send words that were not written in the prompt's window; what is written there stays.
---@param session meerkat.Session
---@param words string
---@param how "send"|"steer"|nil
function M.send_text(session, words, how)
  local prompt = M.prompt(session)
  M._send(session, words, how or "send", function()
    memory.remember(words)
  end, function()
    prompt:set(vim.trim(words .. "\n" .. prompt:text()))
  end)
end

function M._send(session, content, how, accepted, refused)
  local is_new = not session.created
  trouble.forget(session)
  M._show_end(session)
  sending.send(session, content, how, {
    accepted = function()
      accepted()
      if is_new then
        memory.begun(session)
        hooks.fire("SessionOpened", { session_id = session.id, buffer = session.buffer })
      end
      memory.keep_last(session.cwd, session.id)
    end,
    refused = function(problem)
      refused()
      trouble.show(session, problem)
    end,
  })
  hint.update(session)
end

--- Forget a session that was deleted here.
---@param id string
function M.deleted(id)
  local session = sessions.get(id)
  if not session then
    return
  end
  M.prompt(session):set("")
  memory.keep_last(session.cwd, nil)
  if window.is_seen(session) then
    M.new()
  end
  vim.api.nvim_buf_delete(session.buffer, { force = true })
end

--- Who sends wants to see what comes of it.
function M._show_end(session)
  for _, shown in ipairs(vim.fn.win_findbuf(session.buffer)) do
    vim.api.nvim_win_set_cursor(shown, { vim.api.nvim_buf_line_count(session.buffer), 0 })
  end
end

local function server_changed()
  local state = server.state()
  for _, session in ipairs(sessions.all()) do
    if state.phase == "failed" then
      trouble.show(session, { code = "OFFLINE", message = state.problem })
    elseif state.phase == "on" then
      trouble.over(session)
    end
  end
  status.redraw()
end

local function server_crashed(reason)
  trouble.crashed(vim.tbl_filter(window.is_seen, sessions.all()), reason)
end

table.insert(server.listeners, { changed = server_changed, crashed = server_crashed })

feed.on_change = function(session)
  hint.update(session)
  notify.on_change(session, window.is_seen(session))
  status.redraw()
end

local group = vim.api.nvim_create_augroup("meerkat", {})

vim.api.nvim_create_autocmd("VimLeavePre", { group = group, callback = function()
  for _, prompt in pairs(prompt_of) do
    prompt:keep()
  end
  server.leave()
end })

vim.api.nvim_create_autocmd("WinClosed", { group = group, callback = function(event)
  window.closed(tonumber(event.match) --[[@as integer]])
end })

vim.api.nvim_create_autocmd("ColorScheme", { group = group, callback = highlights.define })

vim.treesitter.language.register("markdown", { "meerkat", "meerkat-prompt" })
highlights.define()

return M
