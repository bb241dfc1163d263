--- The user's settings: defaults, then `vim.g.meerkat`, then what `setup` was given.
local say = require("meerkat.say").say

local M = {}

---@class meerkat.Settings
M.defaults = {
  --- The server: a program, or a list of a program and its arguments. Without it, it is looked for.
  command = nil,
  --- More arguments of the server, such as { "--log-level", "debug" }.
  args = {},
  --- More of the server's environment.
  env = {},
  --- The model of new sessions; without it, the server's default.
  model = nil,
  --- Where the chat opens: "right", "left", "below", "above", "tab" or "current".
  layout = "right",
  --- Its share of the width (or of the height: "below", "above").
  size = 0.45,
  --- Lines of the window that prompts are written in.
  prompt_height = 5,
  --- Keys within the chat's own buffers. `false` sets none.
  keys = true,
  --- Whether the chat's windows have a bar with title, model and state.
  winbar = true,
  --- Whether it is told when a turn has ended or waits for an answer that nobody sees.
  notify = true,
}

local KINDS = {
  command = { "string", "table" },
  args = { "table" },
  env = { "table" },
  model = { "string" },
  layout = { "string" },
  size = { "number" },
  prompt_height = { "number" },
  keys = { "boolean" },
  winbar = { "boolean" },
  notify = { "boolean" },
}

local LAYOUTS = { "right", "left", "below", "above", "tab", "current" }

local given = {}

--- Take settings over those that hold.
---@param settings table
function M.change(settings)
  given = vim.tbl_extend("force", given, settings)
  for _, problem in ipairs(M.problems()) do
    say(problem, vim.log.levels.WARN)
  end
end

--- Return the settings that hold now.
---@return meerkat.Settings
function M.get()
  local set = vim.tbl_extend("force", M.defaults, M._global(), given)
  for name, kinds in pairs(KINDS) do
    if set[name] ~= nil and not vim.tbl_contains(kinds, type(set[name])) then
      set[name] = M.defaults[name]
    end
  end
  return set
end

--- Return what is wrong with the settings, a sentence each.
---@return string[]
function M.problems()
  local found = {}
  local all = vim.tbl_extend("force", M._global(), given)
  for name, value in vim.spairs(all) do
    found[#found + 1] = M._problem(name, value)
  end
  return found
end

function M._problem(name, value)
  local kinds = KINDS[name]
  if not kinds then
    return ("there is no setting %q (:help meerkat-settings)"):format(name)
  end
  if not vim.tbl_contains(kinds, type(value)) then
    return ("the setting %s is a %s, got %s"):format(name, table.concat(kinds, " or a "), vim.inspect(value))
  end
  if name == "layout" and not vim.tbl_contains(LAYOUTS, value) then
    return ("the setting layout is one of %s, got %q"):format(table.concat(LAYOUTS, ", "), value)
  end
end

function M._global()
  return type(vim.g.meerkat) == "table" and vim.g.meerkat or {}
end

return M
