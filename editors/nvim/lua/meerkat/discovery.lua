--- Which command is the server: the user's setting, else the first of the usual places that has one.
local config = require("meerkat.config")

local M = {}

--- How long Python has to say whether it knows the package. A cold machine takes a second or two.
local PYTHON_MS = 10000

--- What to do where there is none.
M.ADVICE = {
  "Install it:      pip install meerkat-rpc",
  "or, with a model that needs no key:",
  "                 pipx install 'meerkat-rpc[local]'",
  "or name it:      vim.g.meerkat = { command = '/path/to/meerkat-rpc' }",
  "Then:            :Meerkat restart",
}

---@class meerkat.Found
---@field command string[]
---@field how string where it was found, for people

--- Look for the server.
---@param done fun(problem: string|nil, found: meerkat.Found|nil)
function M.find(done)
  local setting = config.get().command
  if setting then
    return M._from_setting(setting, done)
  end
  if vim.fn.executable("meerkat-rpc") == 1 then
    return done(nil, M._found({ vim.fn.exepath("meerkat-rpc") }, "on PATH"))
  end
  M._python(function(command)
    if command then
      return done(nil, M._found(command, "a package of python3"))
    end
    if vim.fn.executable("uvx") == 1 then
      return done(nil, M._found({ vim.fn.exepath("uvx"), "meerkat-rpc" }, "through uvx"))
    end
    done("There is no meerkat-rpc on PATH, no package meerkat_rpc of python3, and no uvx.")
  end)
end

function M._from_setting(setting, done)
  local command = type(setting) == "table" and vim.deepcopy(setting) or M._words(setting)
  local program = command[1] and vim.fn.expand(command[1]) or ""
  if vim.fn.executable(program) == 0 then
    return done(("The setting command names %q, which is no program here."):format(program))
  end
  command[1] = program
  done(nil, M._found(command, "the setting command"))
end

--- A program's path may have spaces; a command line has words.
function M._words(setting)
  if vim.fn.executable(vim.fn.expand(setting)) == 1 then
    return { setting }
  end
  return vim.split(setting, "%s+", { trimempty = true })
end

function M._python(done)
  if vim.fn.executable("python3") == 0 then
    return done(nil)
  end
  local command = { vim.fn.exepath("python3"), "-m", "meerkat_rpc" }
  local asked = vim.list_extend(vim.list_slice(command), { "--version" })
  local started = pcall(vim.system, asked, { timeout = PYTHON_MS }, function(result)
    vim.schedule(function()
      done(result.code == 0 and command or nil)
    end)
  end)
  if not started then
    done(nil)
  end
end

function M._found(command, how)
  local set = config.get()
  local whole = vim.list_extend(vim.list_extend(command, { "serve" }), set.args)
  return { command = whole, how = how }
end

return M
