--- What each event of a session changes in its transcript. Types that are not known change nothing.
local hooks = require("meerkat.hooks")
local questions = require("meerkat.session.questions")
local telling = require("meerkat.session.telling")

local M = {}

local apply = {}

function apply.run_started(session, params, event)
  local sent = session:take_waiting(params.turn_id)
  if sent and sent.begun then
    sent.begun()
  end
  session.turn = nil
  session:add({
    kind = "prompt",
    text = event.prompt,
    turn_id = params.turn_id,
    time = params.timestamp_ms,
    attachments = sent and sent.attachments,
  })
  session.running, session.running_since = params.turn_id, vim.uv.now()
  local turn = telling.turn(session, params)
  turn.heading = { kind = "heading", turn_id = turn.id, time = params.timestamp_ms, state = "…" }
  session:add(turn.heading)
  hooks.fire("TurnStarted", { session_id = session.id, turn_id = params.turn_id, buffer = session.buffer })
end

function apply.turn_started(session, params)
  local turn = telling.turn(session, params)
  telling.close(session, turn, "reasoning")
  telling.close(session, turn, "answer")
  turn.pieces = {}
end

function apply.text_delta(session, params, event)
  local turn = telling.turn(session, params)
  telling.close(session, turn, "reasoning")
  telling.piece(session, params, "answer", event.delta)
end

function apply.text_complete(session, params, event)
  telling.complete(session, params, "answer", event.content)
end

function apply.reasoning_delta(session, params, event)
  telling.piece(session, params, "reasoning", event.delta)
end

function apply.reasoning_complete(session, params, event)
  telling.complete(session, params, "reasoning", event.content)
end

--- Of the deltas that this stands for, some may have come before they were folded.
function apply.deltas_folded(session, params, event)
  local kind = event.kind == "text" and "answer" or "reasoning"
  if not event.content then
    return -- all of it comes with what follows
  end
  local item, had = telling.turn(session, params)[kind], 0
  for place, seq in ipairs(item and item.seqs or {}) do
    had = had + (seq >= event.from_seq and item.sizes[place] or 0)
  end
  telling.piece(session, params, kind, event.content:sub(had + 1))
end

local function tool(session, params, event)
  local turn = telling.turn(session, params)
  telling.close(session, turn, "reasoning")
  telling.close(session, turn, "answer")
  if not turn.tools[event.id] then
    turn.tools[event.id] = telling.say(session, params, { kind = "tool", name = event.name, args = event.args })
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
  local told = line:format(event.attempt, event.max_attempts)
  telling.note(session, params, told, { quote = event.error, tone = "warning" })
end

function apply.budget_warning(session, params, event)
  local line = ("%d %% of the budget of %s is used"):format(event.percent, event.budget_type)
  telling.note(session, params, line, { tone = "warning" })
end

function apply.compaction_started(session, params)
  telling.note(session, params, "summarising what was said before …")
end

function apply.compaction_completed(session, params, event)
  local line = "summarised: the model reads %d messages in place of %d"
  telling.note(session, params, line:format(event.messages_after, event.messages_before))
end

function apply.compaction_failed(session, params, event)
  telling.note(session, params, "could not be summarised", { quote = event.error, tone = "warning" })
end

function apply.steered(session, params, event)
  local turn = telling.turn(session, params)
  telling.close(session, turn, "answer")
  session:take_waiting(event.id)
  if turn.heading and not turn.said then
    session.document:remove(turn.heading)
  end
  local item = { kind = "prompt", text = event.prompt, state = "steered", time = params.timestamp_ms }
  item.turn_id = turn.id
  session:add(item)
  turn.heading, turn.said = nil, false
end

function apply.context_injected(session, params, event)
  local item = { kind = "note", text = "the model was told (Tab shows it)", detail = event.content }
  item.turn_id = params.turn_id
  session:add(item)
end

function apply.stream_truncated(session, params, event)
  telling.note(session, params, "events before this one are no longer kept", { quote = event.reason })
end

function apply.approval_requested(session, params, event)
  local turn = telling.turn(session, params)
  telling.close(session, turn, "reasoning")
  telling.close(session, turn, "answer")
  questions.ask(session, params, event)
end

function apply.approval_resolved(session, _, event)
  questions.answered(session, event.approval_id, event.choice)
end

local function finish(session, params, outcome)
  local turn = telling.turn(session, params)
  telling.close(session, turn, "reasoning")
  telling.close(session, turn, "answer")
  for _, item in pairs(turn.tools) do
    if not item.state then
      item.state = "cut"
      session.document:redraw(item)
    end
  end
  for id, item in pairs(session.questions) do
    if item.turn_id == params.turn_id then
      questions.answered(session, id, nil)
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

--- Some agents tell nothing before the end.
function apply.run_completed(session, params, event)
  if not telling.turn(session, params).said and (event.result or "") ~= "" then
    telling.complete(session, params, "answer", event.result)
  end
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
  local tone = event.reason == "cancelled" and "quiet" or "error"
  telling.note(session, params, told or "failed", { quote = quoted, tone = tone })
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
