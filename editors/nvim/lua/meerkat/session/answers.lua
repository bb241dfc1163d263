--- The answers that a question can be given, each with what it is called.
local M = {}

---@class meerkat.Answer
---@field label string
---@field choice string
---@field remember "once"|"session"|"always"
---@field rule string|nil what would be allowed from then on

--- Return the answers to a question, in the order of their keys.
---@param question table as `approval/list` or the event has it
---@return meerkat.Answer[]
function M.of(question)
  if question.rule and vim.deep_equal(question.choices, { "allow", "deny" }) then
    return {
      { label = "allow once", choice = "allow", remember = "once" },
      { label = "allow for this session", choice = "allow", remember = "session" },
      { label = "always allow", choice = "allow", remember = "always", rule = question.rule },
      { label = "deny", choice = "deny", remember = "once" },
    }
  end
  return vim.tbl_map(function(choice)
    return { label = choice, choice = choice, remember = "once" }
  end, question.choices)
end

--- Return the answer that refuses and no more.
---@param answers meerkat.Answer[]
---@param question table
---@return meerkat.Answer|nil
function M.refusal(answers, question)
  local details = type(question.details) == "table" and question.details or {}
  local refusing = "deny"
  for _, option in ipairs(type(details.options) == "table" and details.options or {}) do
    refusing = type(option) == "table" and option.kind == "reject_once" and option.choice or refusing
  end
  return vim.iter(answers):find(function(answer)
    return answer.choice == refusing
  end)
end

return M
