--- A new session out of the beginning of another.
local server = require("meerkat.server")

local M = {}

--- Messages that are looked through at a time for the turn that is meant.
local PAGE = 200

--- Return the item under the cursor, where one is in the session's transcript and not at its end.
---@param session meerkat.Session
---@return meerkat.Item|nil
function M.under_cursor(session)
  if vim.api.nvim_get_current_buf() ~= session.buffer then
    return nil
  end
  local item, place = session.document:item_at(vim.api.nvim_win_get_cursor(0)[1] - 1)
  return place ~= #session.document.items and item or nil
end

--- Copy a session: up to before a prompt (`done` gets its text), or to the end of the turn that `item` is of.
---@param id string
---@param item meerkat.Item|nil nil: the whole
---@param done fun(problem: string|nil, new: string|nil, prompt: string|nil)
function M.fork(id, item, done)
  M._index(id, item, math.huge, function(problem, index)
    if problem then
      return done(problem)
    end
    server.request("session/fork_at", { session_id = id, message_index = index }, function(refused, result)
      if refused then
        return done(refused.message)
      end
      done(nil, result.session_id, item and item.kind == "prompt" and item.text or nil)
    end)
  end)
end

--- Find how many messages go along: pages are read from the end until the turn is found.
function M._index(id, item, before, done)
  local params = { session_id = id, limit = PAGE }
  params[before == math.huge and "latest" or "before"] = before == math.huge or before
  server.request("session/history", params, function(problem, page)
    if problem then
      return done(problem.message)
    elseif not item or not item.turn_id then
      return done(nil, page.message_count)
    end
    local found = M._in_page(page, item)
    if found then
      done(nil, found)
    elseif page.offset > 0 then
      M._index(id, item, page.offset, done)
    else
      done("this turn isn't in the history yet; it can be forked when it has ended")
    end
  end)
end

function M._in_page(page, item)
  local found
  for place, message in ipairs(page.messages) do
    if message.turn_id == item.turn_id then
      if item.kind == "prompt" and item.state ~= "steered" then
        return page.offset + place - 1
      end
      found = page.offset + place
    end
  end
  return found
end

return M
