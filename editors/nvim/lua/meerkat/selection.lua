--- A piece of a file as it goes into a prompt: where it is, and what stands there, so that every model can read it.
local text = require("meerkat.text")

local M = {}

--- Return lines of the present buffer for a prompt.
---@param first integer
---@param last integer
---@return string
function M.of(first, last)
  local lines = vim.api.nvim_buf_get_lines(0, first - 1, last, false)
  local longest = 2
  for _, line in ipairs(lines) do
    for run in line:gmatch("`+") do
      longest = math.max(longest, #run)
    end
  end
  local fence = ("`"):rep(longest + 1)
  local block = { M._place(first, last), "", fence .. vim.bo.filetype }
  vim.list_extend(block, lines)
  block[#block + 1] = fence
  return text.utf8(table.concat(block, "\n"))
end

function M._place(first, last)
  local name = vim.api.nvim_buf_get_name(0)
  name = name == "" and "(unnamed)" or vim.fn.fnamemodify(name, ":.")
  return first == last and ("%s#L%d"):format(name, first) or ("%s#L%d-%d"):format(name, first, last)
end

return M
