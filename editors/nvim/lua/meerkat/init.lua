--- What a user's own configuration calls. Everything else is loaded when it is first needed.
local M = {}

--- Change settings. Optional: without it, and without `vim.g.meerkat`, everything works.
---@param settings table|nil see |meerkat-settings|
function M.setup(settings)
  if vim.fn.has("nvim-0.10") == 0 then
    vim.api.nvim_echo({ { "meerkat needs Neovim 0.10 or newer", "WarningMsg" } }, true, {})
    return
  end
  require("meerkat.config").change(settings or {})
end

--- How the sessions of this Neovim are: "" before the first use, else "idle", "busy", "needs you" or "offline".
---@return string
function M.statusline()
  local status = package.loaded["meerkat.status"]
  return status and status.line() or ""
end

--- Run a subcommand of |:Meerkat|, as in `require("meerkat").run("ask", "what is this?")`.
---@param name string
---@param argument string|nil
function M.run(name, argument)
  require("meerkat.commands").run({ args = vim.trim(name .. " " .. (argument or "")), range = 0, bang = false })
end

return M
