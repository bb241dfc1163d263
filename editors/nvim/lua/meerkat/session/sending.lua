--- What a person has written becomes a turn: at once, when the running one ends, or as an addition to it. Until the
--- server has accepted it, it is shown as being sent; if it doesn't, the text goes back to where it was written.
local attaching = require("meerkat.attaching")
local config = require("meerkat.config")
local feed = require("meerkat.session.feed")
local ids = require("meerkat.session.ids")
local server = require("meerkat.server")
local text = require("meerkat.text")

local M = {}

---@class meerkat.Sent
---@field accepted fun()
---@field refused fun(problem: meerkat.Error)

--- Send a prompt. `how`: "send" waits behind a turn that runs, "steer" adds to it.
---@param session meerkat.Session
---@param prompt string
---@param how "send"|"steer"
---@param sent meerkat.Sent
function M.send(session, prompt, how, sent)
  prompt = text.utf8(prompt)
  local files = attaching.files(prompt, session.cwd)
  local item = { kind = "prompt", text = prompt, turn_id = ids.turn(), state = "sending", attachments = files }
  local is_first = not vim.iter(session.waiting):any(function(other)
    return other.state == "sending"
  end)
  item.begun = M._once(sent.accepted) -- its events may be here before the answer
  session:add_waiting(item)
  local function refused(problem)
    session:take_waiting(item.turn_id)
    sent.refused(problem)
    feed.on_change(session)
  end
  M._created(session, refused, function()
    local is_free = is_first and not session.running
    local method = is_free and "turn/start" or how == "steer" and "turn/steer" or "turn/enqueue"
    M._ask(session, method, item, attaching.content(prompt, files), item.begun, refused)
  end)
end

function M._once(run)
  local done = false
  return function()
    if not done then
      done = true
      run()
    end
  end
end

--- A chat becomes a session with its first prompt.
function M._created(session, refused, go_on)
  if session.created then
    return go_on()
  end
  local params = { session_id = session.id, initial_turn = "deferred", cwd = session.cwd }
  params.model = session.model or config.get().model
  server.request("session/create", params, function(problem)
    if problem then
      return refused(problem)
    end
    feed.created(session)
    feed.refresh(session)
    go_on()
  end, true)
end

local WAITS = { ["turn/steer"] = "steering", ["turn/enqueue"] = "waiting" }

function M._ask(session, method, item, content, accepted, refused)
  local params = { session_id = session.id, prompt = content, turn_id = item.turn_id }
  if method == "turn/start" then
    params.wait = false
  end
  server.request(method, params, function(problem, result)
    if problem and problem.code == "SESSION_BUSY" and method == "turn/start" then
      return M._ask(session, "turn/enqueue", item, content, accepted, refused)
    elseif problem and problem.code == "SESSION_NOT_RUNNING" then
      return M._ask(session, "turn/start", item, content, accepted, refused)
    elseif problem and problem.code == "TURN_CANCELLED" then
      return accepted() -- a repeat: it had begun when the server died, and what it said is kept
    elseif problem then
      return refused(problem)
    end
    M._accepted(session, method, item, result)
    accepted()
  end, true)
end

--- What was accepted is shown as waiting until its turn begins; that is perhaps long past.
function M._accepted(session, method, item, result)
  local too_late = method == "turn/steer" and result.turn_id == item.turn_id
  item.state = too_late and "waiting" or WAITS[method] or item.state
  session.document:redraw(item)
  feed.on_change(session)
end

--- Take a prompt back that waits.
---@param session meerkat.Session
---@param item meerkat.Item
---@param done fun(problem: string|nil)
function M.take_back(session, item, done)
  server.request("turn/dequeue", { session_id = session.id, turn_id = item.turn_id }, function(problem, result)
    if problem or not result.removed then
      return done(problem and problem.message or "it has begun already")
    end
    session:take_waiting(item.turn_id)
    done(nil)
  end)
end

--- Stop the turn that runs.
---@param session meerkat.Session
---@param done fun(problem: string|nil, interrupted: boolean)
function M.stop(session, done)
  server.request("turn/interrupt", { session_id = session.id }, function(problem, result)
    done(problem and problem.message, result and result.interrupted or false)
  end)
end

return M
