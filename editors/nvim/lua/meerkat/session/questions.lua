--- What turns ask, as items of their transcripts.
local answers = require("meerkat.session.answers")
local hooks = require("meerkat.hooks")
local telling = require("meerkat.session.telling")

local M = {}

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
  session.questions[question.approval_id] = telling.say(session, params, item)
  hooks.fire("ApprovalRequested", {
    session_id = session.id,
    turn_id = params.turn_id,
    approval_id = question.approval_id,
    summary = question.summary,
    buffer = session.buffer,
  })
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

return M
