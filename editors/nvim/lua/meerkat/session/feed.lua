--- Where a session's items come from: the end of its history, then its events; earlier pages when they are asked for.
local events = require("meerkat.session.events")
local frames = require("meerkat.transcript.frames")
local messages = require("meerkat.session.messages")
local questions = require("meerkat.session.questions")
local server = require("meerkat.server")
local sessions = require("meerkat.session.session")

local M = {}

--- Messages of one page: some windows full.
local PAGE = 50

--- How long news of a session are gathered before it is read again.
local GATHER_MS = 100

--- Told when something of a session has changed.
---@type fun(session: meerkat.Session)
M.on_change = function() end

--- Read a session and follow it.
---@param session meerkat.Session
---@param done fun(error: meerkat.Error|nil)
function M.open(session, done)
  session.followed = true
  server.request("session/history", { session_id = session.id, latest = true, limit = PAGE }, function(problem, page)
    if problem then
      session.followed = false
      return done(problem)
    end
    M._show(session, page)
    M._stream(session)
    done(nil)
  end)
  M.refresh(session)
end

function M._show(session, page)
  session.offset = page.offset
  session.last_seq = page.next_seq - 1
  session.running = page.running_turn_id
  session.running_since = page.running_turn_id and vim.uv.now()
  session.document:insert(1, messages.items(page.messages))
  M._show_last_error(session)
  session.document:settle()
  M.on_change(session)
end

--- The history tells what was said, and not why the last turn ended.
function M._show_last_error(session)
  local last = session.last_turn
  local items = session.document.items
  if not last or #items == 0 or session.running or session.told_last then
    return
  end
  session.told_last = true
  if last.outcome == "failed" and last.error then
    session:add({ kind = "note", text = "failed", quote = last.error.message, tone = "error", turn_id = last.turn_id })
  end
end

--- Load the page before the first message that is shown.
---@param session meerkat.Session
function M.older(session)
  if session.offset == 0 or session.loading then
    return
  end
  session.loading = true
  local params = { session_id = session.id, before = session.offset, limit = PAGE }
  server.request("session/history", params, function(problem, page)
    session.loading = false
    if not problem and page.offset < session.offset then
      session.offset = page.offset
      M._prepend(session, messages.items(page.messages))
    end
  end)
end

--- A turn that stands on both pages has one heading.
function M._prepend(session, items)
  local first, last = session.document.items[1], items[#items]
  if first and last and first.kind == "heading" and last.kind ~= "prompt" and first.turn_id == last.turn_id then
    session.document:remove(first)
  end
  session.document:insert(1, items)
end

function M._stream(session)
  if not session.followed or session.opening then
    return
  end
  session.opening = true
  local params = { session_id = session.id, from_seq = session.last_seq + 1 }
  server.request("session/stream_open", params, function(problem, result)
    session.opening = false
    session.stream = result and result.stream_id
    if problem then
      return M._gone(session, problem)
    end
    M.questions(session)
    M._release_unwanted(session)
  end)
end

--- Ask what waits for an answer: the events don't say what of it can be remembered.
---@param session meerkat.Session
function M.questions(session)
  server.request("approval/list", { session_id = session.id }, function(problem, result)
    if problem then
      return
    end
    local open = {}
    for _, question in ipairs(result.approvals) do
      open[question.approval_id] = true
      questions.ask(session, question, question)
    end
    for id in pairs(session.questions) do
      if not open[id] then
        questions.answered(session, id, nil)
      end
    end
    M.on_change(session)
  end)
end

--- Read again what the server says of a session: title, model, queue.
---@param session meerkat.Session
function M.refresh(session)
  server.request("session/read", { session_id = session.id }, function(problem, view)
    if problem then
      return M._gone(session, problem)
    end
    session.created = true
    session:describe(view)
    session.last_turn = view.last_turn
    session:show_queue(view.queue or {})
    M._show_last_error(session)
    M.on_change(session)
  end)
end

function M._gone(session, problem)
  if problem.code == "SESSION_NOT_FOUND" and session.created and not session.gone then
    session.gone, session.running = true, nil
    session:add({ kind = "note", text = "this session was deleted", tone = "warning" })
    M.on_change(session)
  end
end

--- Follow a session, or no longer, as it is shown or not. A turn that runs is followed to its end.
---@param session meerkat.Session
---@param wanted boolean
function M.follow(session, wanted)
  if wanted == (session.followed or false) then
    return
  end
  session.followed = wanted
  if wanted and session.created then
    if not session.stream then
      M._stream(session)
    end
    M.refresh(session)
  else
    M._release_unwanted(session)
  end
end

--- Begin to follow a session that was created here.
---@param session meerkat.Session
function M.created(session)
  session.created, session.followed = true, true
  M._stream(session)
end

function M._release_unwanted(session)
  if session.stream and not session.followed and session:state() == "idle" then
    server.request("session/stream_close", { stream_id = session.stream }, function() end)
    session.stream = nil
  end
end

--- A session may have a title now, or a queue that is shorter.
local READ_AT = { run_started = true, run_completed = true, run_failed = true }

local notifications = {}

notifications["session/stream_event"] = function(params)
  local session = sessions.get(params.session_id)
  if not session or params.stream_id ~= session.stream or params.seq <= session.last_seq then
    return
  end
  session.last_seq = params.seq
  events.apply(session, params)
  if session.document:is_behind() then
    frames.want(session.document)
  end
  if params.event.type == "text_delta" or params.event.type == "reasoning_delta" then
    return
  end
  if params.event.type == "approval_requested" then
    M.questions(session)
  elseif READ_AT[params.event.type] then
    session.told_last = true -- its events have told
    M.refresh(session)
  end
  M.on_change(session)
  M._release_unwanted(session)
end

notifications["session/stream_end"] = function(params)
  local session = sessions.get(params.session_id)
  if session and params.stream_id == session.stream then
    session.stream = nil
    M.refresh(session)
  end
end

local changed = {}

notifications["sessions/changed"] = function(params)
  if next(changed) == nil then
    vim.defer_fn(M._read_changed, GATHER_MS)
  end
  for _, id in ipairs(params.session_ids) do
    changed[id] = true
  end
end

function M._read_changed()
  local ids = changed
  changed = {}
  for id in pairs(ids) do
    local session = sessions.get(id)
    if session and session.created and session.followed then
      M.refresh(session)
    end
  end
end

--- After a restart every session goes on where it was.
local function ready()
  for _, session in ipairs(sessions.all()) do
    local followed = session.stream or session.running
    session.stream = nil
    if session.created and (followed or session.followed) and session.last_seq > 0 then
      session.followed = true
      M._stream(session)
      M.refresh(session)
    end
  end
end

table.insert(server.listeners, {
  message = function(method, params)
    if notifications[method] then
      notifications[method](params)
    end
  end,
  ready = ready,
})

return M
