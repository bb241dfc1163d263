--- Moving in a transcript, and what can be done with the item under the cursor.
local sending = require("meerkat.session.sending")
local window = require("meerkat.chat.window")
local say = require("meerkat.say").say

local M = {}

local function under_cursor(session)
  return session.document:item_at(vim.api.nvim_win_get_cursor(0)[1] - 1)
end

--- Go to the prompt of the turn before (-1) or after (1).
---@param session meerkat.Session
---@param step integer
function M.turn(session, step)
  local row = vim.api.nvim_win_get_cursor(0)[1] - 1
  local target
  for _, item in ipairs(session.document.items) do
    local at = item.kind == "prompt" and session.document:row_of(item)
    if at and step < 0 and at < row then
      target = at
    elseif at and step > 0 and at > row then
      target = at
      break
    end
  end
  vim.cmd.normal({ "m'", bang = true })
  local last = vim.api.nvim_buf_line_count(0)
  vim.api.nvim_win_set_cursor(0, { target and target + 1 or step < 0 and 1 or last, 0 })
  if target then
    vim.cmd.normal({ "zt", bang = true })
  end
end

local DETAILED = { tool = true, reasoning = true, approval = true, prompt = true }

local function has_details(item)
  return DETAILED[item.kind] or item.detail ~= nil
end

--- Show or hide the details of the item under the cursor; false where it has none.
---@param session meerkat.Session
---@return boolean
function M.toggle(session)
  local item = under_cursor(session)
  if not item or not has_details(item) then
    return false
  end
  M._open(session, item, not item.open)
  vim.api.nvim_win_set_cursor(0, { session.document:row_of(item) + 1, 0 })
  return true
end

--- Show or hide all details.
---@param session meerkat.Session
---@param open boolean
function M.all(session, open)
  for _, item in ipairs(session.document.items) do
    if has_details(item) and (item.open or false) ~= open then
      M._open(session, item, open)
    end
  end
end

function M._open(session, item, open)
  item.open = open
  session.document:redraw(item)
end

--- Take back the waiting prompt under the cursor; its text is written again.
---@param session meerkat.Session
function M.take_back(session)
  local item = under_cursor(session)
  if not item or item.kind ~= "prompt" or not (item.state == "waiting" or item.state == "steering") then
    return say("only a prompt that waits can be taken back")
  end
  sending.take_back(session, item, function(problem)
    if problem then
      return say(problem, vim.log.levels.WARN)
    end
    local prompt = require("meerkat.chat.chat").prompt(session)
    if prompt:text() == "" then
      prompt:set(item.text)
    end
  end)
end

--- Scroll the transcript from where one writes.
---@param key string
function M.scroll(key)
  local view = window.view()
  if view.transcript then
    vim.api.nvim_win_call(view.transcript, function()
      vim.cmd.normal({ vim.keycode(key), bang = true })
    end)
  end
end

return M
