--- What each event of a session changes in its transcript. Types that are not known change nothing.
local answers = require("meerkat.session.answers")
local hooks = require("meerkat.hooks")

local M = {}

---@class meerkat.Turn what is known of a turn whose events come
---@field id string
---@field heading meerkat.Item
---@field answer meerkat.Item|nil the text of the present model call
---@field reasoning meerkat.Item|nil
---@field tools table<string, meerkat.Item>
---@field said boolean whether it has any text

local apply = {}

local function turn_of(session, params)
  if not session.turn or session.turn.id ~= params.turn_id then
    session.turn = { id = params.turn_id, tools = {} }
  end
  return session.turn
end

--- Put an item into its turn, under a heading of the turn's.
local function say(session, params, item)
  local turn = turn_of(session, params)
  if not turn.heading then
    turn.heading = { kind = "heading", turn_id = turn.id, time = params.timestamp_ms }
    session:add(turn.heading)
  elseif turn.heading.state then
    turn.heading.state = nil
    session.document:redraw(turn.heading)
  end
  item.turn_id = turn.id
  session:add(item)
  return item
end

local function note(session, params, text, more)
  return say(session, params, vim.tbl_extend("force", { kind = "note", text = text }, more or {}))
end

--- What a model call said is whole: what comes next begins a new item.
local function close(session, turn, kind)
  local item = turn[kind]
  turn[kind] = nil
  if item and not item.done then
    item.done = true
    item.ms = item.began and vim.uv.now() - item.began
    session.document:redraw(item)
  end
end

function apply.run_started(session, params, event)
  local sent = session:take_waiting(params.turn_id)
  session.turn = nil
  session:add({
    kind = "prompt",
    text = event.prompt,
    turn_id = params.turn_id,
    time = params.timestamp_ms,
    attachments = sent and sent.attachments,
  })
  session.running, session.running_since = params.turn_id, vim.uv.now()
  local turn = turn_of(session, params)
  turn.heading = { kind = "heading", turn_id = turn.id, time = params.timestamp_ms, state = "…" }
  session:add(turn.heading)
  hooks.fire("TurnStarted", { session_id = session.id, turn_id = params.turn_id, buffer = session.buffer })
end

function apply.turn_started(session, params)
  local turn = turn_of(session, params)
  close(session, turn, "reasoning")
  close(session, turn, "answer")
end

local function piece(session, params, kind, text)
  local turn = turn_of(session, params)
  if not turn[kind] then
    turn[kind] = say(session, params, { kind = kind, parts = {}, began = vim.uv.now(), seqs = {}, sizes = {} })
  end
  local item = turn[kind]
  item.seqs[#item.seqs + 1], item.sizes[#item.sizes + 1] = params.seq, #text
  session.document:extend(item, text)
  return item
end

--- The whole text is there: it holds, whatever the pieces were.
local function complete(session, params, kind, content)
  local turn = turn_of(session, params)
  local item = turn[kind]
  if not item and content == "" then
    return
  end
  item = item or piece(session, params, kind, "")
  item.parts = { content }
  close(session, turn, kind)
end

function apply.text_delta(session, params, event)
  local turn = turn_of(session, params)
  close(session, turn, "reasoning")
  piece(session, params, "answer", event.delta)
end

function apply.text_complete(session, params, event)
  complete(session, params, "answer", event.content)
end

function apply.reasoning_delta(session, params, event)
  piece(session, params, "reasoning", event.delta)
end

function apply.reasoning_complete(session, params, event)
  complete(session, params, "reasoning", event.content)
end

--- Of the deltas that this stands for, some may have come before they were folded.
function apply.deltas_folded(session, params, event)
  local kind = event.kind == "text" and "answer" or "reasoning"
  if not event.content then
    return -- all of it comes with what follows
  end
  local item, had = turn_of(session, params)[kind], 0
  for place, seq in ipairs(item and item.seqs or {}) do
    had = had + (seq >= event.from_seq and item.sizes[place] or 0)
  end
  piece(session, params, kind, event.content:sub(had + 1))
end

local function tool(session, params, event)
  local turn = turn_of(session, params)
  close(session, turn, "reasoning")
  close(session, turn, "answer")
  if not turn.tools[event.id] then
    turn.tools[event.id] = say(session, params, { kind = "tool", name = event.name, args = event.args })
  end
  return turn.tools[event.id]
end

function apply.tool_call_requested(session, params, event)
  tool(session, params, event)
end

apply.tool_execution_started = apply.tool_call_requested

function apply.tool_execution_completed(session, params, event)
  local item = tool(session, params, event)
  item.state = event.is_error and "failed" or "done"
  item.result, item.ms = event.result, event.duration_ms
  session.document:redraw(item)
end

function apply.tool_execution_timed_out(session, params, event)
  local item = tool(session, params, event)
  item.state, item.ms = "late", event.timeout_ms
  session.document:redraw(item)
end

function apply.tool_result_received(session, params, event)
  local item = tool(session, params, event)
  if not item.state then
    item.state = event.is_error and "failed" or "done"
    session.document:redraw(item)
  end
end

function apply.retrying(session, params, event)
  local line = "trying again (%d of %d)"
  note(session, params, line:format(event.attempt, event.max_attempts), { quote = event.error, tone = "warning" })
end

function apply.budget_warning(session, params, event)
  local line = ("%d %% of the budget of %s is used"):format(event.percent, event.budget_type)
  note(session, params, line, { tone = "warning" })
end

function apply.compaction_started(session, params)
  note(session, params, "summarising what was said before …")
end

function apply.compaction_completed(session, params, event)
  local line = "summarised: the model reads %d messages in place of %d"
  note(session, params, line:format(event.messages_after, event.messages_before))
end

function apply.compaction_failed(session, params, event)
  note(session, params, "could not be summarised", { quote = event.error, tone = "warning" })
end

function apply.steered(session, params, event)
  local turn = turn_of(session, params)
  close(session, turn, "answer")
  session:take_waiting(event.id)
  say(session, params, { kind = "prompt", text = event.prompt, state = "steered", time = params.timestamp_ms })
  turn.heading = nil
end

function apply.context_injected(session, params, event)
  local item = { kind = "note", text = "the model was told (Tab shows it)", detail = event.content }
  item.turn_id = params.turn_id
  session:add(item)
end

function apply.stream_truncated(session, params, event)
  note(session, params, "events before this one are no longer kept", { quote = event.reason })
end

function apply.approval_requested(session, params, event)
  local turn = turn_of(session, params)
  close(session, turn, "reasoning")
  close(session, turn, "answer")
  M.ask(session, params, event)
end

--- Show a question, or what more is known of one.
---@param session meerkat.Session
---@param params table where it belongs: `turn_id`, `timestamp_ms`
---@param question table
function M.ask(session, params, question)
  local item = session.questions[question.approval_id]
  if item then
    question.rule = question.rule or item.question.rule -- the event has none
    item.question, item.answers = question, answers.of(question)
    return session.document:redraw(item)
  end
  item = { kind = "approval", question = question, answers = answers.of(question) }
  session.questions[question.approval_id] = say(session, params, item)
  hooks.fire("ApprovalRequested", {
    session_id = session.id,
    turn_id = params.turn_id,
    approval_id = question.approval_id,
    summary = question.summary,
    buffer = session.buffer,
  })
end

function apply.approval_resolved(session, _, event)
  M.answered(session, event.approval_id, event.choice)
end

local SAID = { allow = "allowed", deny = "denied" }

--- Put a line in the place of a question that was answered, here or elsewhere.
---@param session meerkat.Session
---@param approval_id string
---@param choice string|nil nil where nobody answers it any more
function M.answered(session, approval_id, choice)
  local item = session.questions[approval_id]
  if not item then
    return
  end
  session.questions[approval_id] = nil
  item.kind, item.quote = "note", item.question.summary
  item.text = choice and (SAID[choice] or ("answered %q"):format(choice)) or "no longer asked"
  session.document:redraw(item)
  hooks.fire("ApprovalResolved", { session_id = session.id, approval_id = approval_id, choice = choice })
end

local function finish(session, params, outcome)
  local turn = turn_of(session, params)
  close(session, turn, "reasoning")
  close(session, turn, "answer")
  for _, item in pairs(turn.tools) do
    if not item.state then
      item.state = "cut"
      session.document:redraw(item)
    end
  end
  for id, item in pairs(session.questions) do
    if item.turn_id == params.turn_id then
      M.answered(session, id, nil)
    end
  end
  if turn.heading and turn.heading.state then
    turn.heading.state = nil
    session.document:redraw(turn.heading)
  end
  session.turn = nil
  session.running = session.running ~= params.turn_id and session.running or nil
  hooks.fire("TurnEnded", {
    session_id = session.id,
    turn_id = params.turn_id,
    outcome = outcome,
    buffer = session.buffer,
  })
end

function apply.run_completed(session, params)
  finish(session, params, "completed")
end

local ENDS = {
  cancelled = "interrupted",
  host_exit = "interrupted: the server ended",
  budget = "the budget is used up",
}

function apply.run_failed(session, params, event)
  local told = ENDS[event.reason]
  local quoted = not (event.reason == "cancelled" or event.reason == "host_exit") and event.error or nil
  note(session, params, told or "failed", { quote = quoted, tone = event.reason ~= "cancelled" and "error" or "quiet" })
  finish(session, params, told and event.reason ~= "budget" and "interrupted" or "failed")
end

--- Take an event in.
---@param session meerkat.Session
---@param params table as `session/stream_event` has it
function M.apply(session, params)
  local change = apply[params.event.type]
  if change then
    change(session, params, params.event)
  end
end

return M
