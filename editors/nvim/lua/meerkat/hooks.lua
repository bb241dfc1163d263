--- What users may hook into: `User` autocommands, with their `data`.
local M = {}

--- Fire `User MeerkatNAME`.
---@param name "SessionOpened"|"TurnStarted"|"TurnEnded"|"ApprovalRequested"|"ApprovalResolved"|"ServerCrashed"
---@param data table
function M.fire(name, data)
  vim.api.nvim_exec_autocmds("User", { pattern = "Meerkat" .. name, modeline = false, data = data })
end

return M
