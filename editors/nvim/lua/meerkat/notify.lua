--- Whoever isn't looking is told that a turn has ended or waits for an answer.
local config = require("meerkat.config")
local say = require("meerkat.say").say

local M = {}

local focused = true

local group = vim.api.nvim_create_augroup("meerkat-focus", {})
vim.api.nvim_create_autocmd("FocusLost", { group = group, callback = function()
  focused = false
end })
vim.api.nvim_create_autocmd("FocusGained", { group = group, callback = function()
  focused = true
end })

local function tell(session, what, level)
  local title = session.title ~= "" and session.title or "(untitled)"
  say(("%s: %s"):format(what, title), level, { title = "meerkat" })
end

--- Tell of a session's new state, if nobody sees it.
---@param session meerkat.Session
---@param is_seen boolean
function M.on_change(session, is_seen)
  local before, now = session.told_state, session:state()
  session.told_state = now
  if not before or before == now or (is_seen and focused) or not config.get().notify then
    return
  end
  if now == "needs you" then
    tell(session, "needs you", vim.log.levels.WARN)
  elseif now == "idle" and before == "busy" then
    tell(session, "finished", vim.log.levels.INFO)
  end
end

return M
