--- Answering what a turn asks.
local answers = require("meerkat.session.answers")
local questions = require("meerkat.session.questions")
local server = require("meerkat.server")
local say = require("meerkat.say").say

local M = {}

--- Return the question that is meant: the one under the cursor, else the one that waits longest.
---@param session meerkat.Session
---@return meerkat.Item|nil
function M.question(session)
  if vim.api.nvim_get_current_buf() == session.buffer then
    local row = vim.api.nvim_win_get_cursor(0)[1] - 1
    local item = session.document:item_at(row)
    if item and item.kind == "approval" then
      return item
    end
  end
  return vim.iter(session.document.items):find(function(item)
    return item.kind == "approval"
  end)
end

--- Give the answer that has a number; false where nothing waits.
---@param session meerkat.Session
---@param number integer
---@return boolean
function M.answer(session, number)
  local item = M.question(session)
  if not item then
    return false
  end
  local answer = item.answers[number]
  if answer then
    M._respond(session, item, answer)
  else
    say(("there are answers 1 to %d"):format(#item.answers), vim.log.levels.WARN)
  end
  return true
end

--- Allow what is asked: its first answer, remembered as is wanted.
---@param session meerkat.Session
---@param remember string|nil "once", "session", "always", or the number of an answer
function M.approve(session, remember)
  local item = M.question(session)
  if not item then
    return say("nothing waits for an answer")
  end
  local number = tonumber(remember)
  local answer = number and item.answers[number]
    or vim.iter(item.answers):find(function(it)
      return it.choice == item.answers[1].choice and it.remember == (remember or "once")
    end)
  if not answer then
    return say(("%q is no answer to this"):format(remember), vim.log.levels.ERROR)
  end
  M._respond(session, item, answer)
end

--- Refuse what is asked.
---@param session meerkat.Session
function M.deny(session)
  local item = M.question(session)
  local answer = item and answers.refusal(item.answers, item.question)
  if not item then
    return say("nothing waits for an answer")
  elseif not answer then
    return say("none of the answers refuses; choose one by its number", vim.log.levels.WARN)
  end
  M._respond(session, item, answer)
end

function M._respond(session, item, answer)
  local id = item.question.approval_id
  local params = { approval_id = id, choice = answer.choice, remember = answer.remember }
  server.request("approval/respond", params, function(problem, result)
    if problem then
      return say(problem.message, vim.log.levels.ERROR)
    end
    questions.answered(session, id, result.choice)
  end, true)
end

return M
