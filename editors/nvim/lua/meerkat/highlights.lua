--- Colours: every group links to one that colour schemes know, so that light and dark follow by themselves.
local M = {}

local LINKS = {
  MeerkatUser = "Title",
  MeerkatPrompt = "CursorLine",
  MeerkatAssistant = "Identifier",
  MeerkatTime = "NonText",
  MeerkatTool = "Comment",
  MeerkatToolName = "Function",
  MeerkatNote = "Comment",
  MeerkatOk = "DiagnosticOk",
  MeerkatError = "DiagnosticError",
  MeerkatWarning = "DiagnosticWarn",
  MeerkatNeedsYou = "DiagnosticWarn",
  MeerkatKey = "Special",
  MeerkatAdded = "Added",
  MeerkatRemoved = "Removed",
  MeerkatHunk = "Changed",
  MeerkatPlaceholder = "NonText",
  MeerkatBar = "WinBar",
  MeerkatIdle = "DiagnosticOk",
  MeerkatBusy = "DiagnosticInfo",
  MeerkatOffline = "DiagnosticError",
}

--- Define the groups; a user's own definitions stay.
function M.define()
  for name, link in pairs(LINKS) do
    vim.api.nvim_set_hl(0, name, { link = link, default = true })
  end
end

return M
