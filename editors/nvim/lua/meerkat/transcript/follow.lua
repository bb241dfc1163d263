--- Windows that show the end of a transcript go on showing it; those of whoever reads further up stay where they are.
local M = {}

--- Return the windows whose cursor is on the last line.
---@param buffer integer
---@return integer[]
function M.at_end(buffer)
  local last = vim.api.nvim_buf_line_count(buffer)
  return vim.tbl_filter(function(window)
    return vim.api.nvim_win_get_cursor(window)[1] >= last
  end, vim.fn.win_findbuf(buffer))
end

--- Show the end in those windows, the last line at their lower edge.
---@param buffer integer
---@param windows integer[]
function M.to_end(buffer, windows)
  local last = vim.api.nvim_buf_line_count(buffer)
  for _, window in ipairs(windows) do
    if vim.api.nvim_win_is_valid(window) then
      local line = vim.api.nvim_buf_get_lines(buffer, last - 1, last, true)[1]
      vim.api.nvim_win_set_cursor(window, { last, #line })
      vim.api.nvim_win_call(window, M._lower_edge)
    end
  end
end

--- Hidden lines, such as the fences of code, are counted by what scrolls by itself.
function M._lower_edge()
  vim.cmd.normal({ "zb", bang = true })
end

return M
