--- What went wrong is said in the chat itself, with what to do where that is known.
local feed = require("meerkat.session.feed")
local hint = require("meerkat.chat.hint")
local say = require("meerkat.say").say
local server = require("meerkat.server")

local M = {}

--- Show a problem in the place of the one before it.
---@param session meerkat.Session
---@param problem meerkat.Error
function M.show(session, problem)
  local state = server.state()
  local item = { kind = "note", tone = "error", text = "not sent", quote = problem.message }
  if problem.code == "OFFLINE" and state.phase == "failed" then
    item.text, item.advice, item.offline = "no server", state.advice, true
  end
  M.forget(session)
  session.problem = item
  session:add(item)
  hint.update(session)
end

--- Say that the server died: in the chats that are seen, else wherever Neovim says things. (A message would be gone at
--- once for who is writing.)
---@param seen meerkat.Session[]
---@param reason string
function M.crashed(seen, reason)
  for _, session in ipairs(seen) do
    session:add({ kind = "note", tone = "warning", text = "the server ended unexpectedly", quote = reason })
    hint.update(session)
  end
  if #seen == 0 then
    say(("the server ended unexpectedly (%s) and is started again"):format(reason), vim.log.levels.WARN)
  end
end

--- Take the problem away that is shown.
---@param session meerkat.Session
function M.forget(session)
  if session.problem then
    session.document:remove(session.problem)
    session.problem = nil
  end
end

--- What couldn't be read while there was no server is read now.
---@param session meerkat.Session
function M.over(session)
  local was_offline = session.problem and session.problem.offline
  if was_offline then
    M.forget(session)
  end
  hint.update(session)
  if was_offline and session.created and session.last_seq == 0 then
    feed.open(session, function() end)
  end
end

return M
