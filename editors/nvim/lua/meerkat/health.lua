--- |:checkhealth| meerkat.
local M = {}

--- How long the server may take to answer: a cold start with Python's own look for the package.
local WAIT_MS = 20000

local report = vim.health
local start = report.start or report.report_start
local ok = report.ok or report.report_ok
local warn = report.warn or report.report_warn
local fail = report.error or report.report_error

--- Check everything that a chat needs, and say of each thing what mends it.
function M.check()
  start("meerkat: Neovim")
  if vim.fn.has("nvim-0.10") == 0 then
    return fail("meerkat needs Neovim 0.10 or newer")
  end
  ok("Neovim " .. tostring(vim.version()))
  M._parsers()
  M._settings()
  start("meerkat: server")
  if M._server() then
    start("meerkat: sessions and models")
    M._models()
    M._sessions()
  end
  start("meerkat: log")
  M._log()
end

function M._parsers()
  for _, name in ipairs({ "markdown", "markdown_inline" }) do
    if not pcall(vim.treesitter.language.inspect, name) then
      return warn(("no tree-sitter parser %s: answers have no colours"):format(name), {
        "Neovim brings it along: look for another one in 'runtimepath' that doesn't fit",
      })
    end
  end
  ok("tree-sitter reads Markdown")
end

function M._settings()
  local problems = require("meerkat.config").problems()
  for _, problem in ipairs(problems) do
    warn(problem, { ":help meerkat-settings" })
  end
  if #problems == 0 then
    ok("settings")
  end
end

--- Ask the server and wait: a report is read when it is whole.
local function ask(method, params)
  local answered, problem, result = false, nil, nil
  require("meerkat.server").request(method, params, function(refused, answer)
    answered, problem, result = true, refused, answer
  end)
  vim.wait(WAIT_MS, function()
    return answered
  end, 10)
  if not answered then
    return nil, ("no answer to %s within %d s"):format(method, WAIT_MS / 1000)
  end
  return result, problem and problem.message
end

function M._server()
  local server = require("meerkat.server")
  local health, problem = ask("runtime/health", {})
  local state = server.state()
  if not health then
    fail(state.problem or problem or "it doesn't answer", state.advice or { ":Meerkat restart", ":Meerkat log" })
    return false
  end
  ok(("command: %s (%s)"):format(table.concat(state.found.command, " "), state.found.how))
  ok(("meerkat-rpc %s, contract %s, process %d"):format(health.version, state.facts.contract_version, state.pid))
  ok(("ready in %d ms"):format(state.ready_ms))
  if health.status == "ok" then
    ok("store: " .. (health.store.path or health.store.kind))
  else
    warn("the store doesn't answer: " .. (health.store.path or health.store.kind), { "meerkat-rpc doctor" })
  end
  if state.last_crash then
    warn("last crash: " .. state.last_crash, { ":Meerkat log" })
  end
  return true
end

function M._models()
  local catalog, problem = ask("models/catalog", {})
  if not catalog then
    return fail("models: " .. tostring(problem))
  end
  local usable, default = 0, nil
  for _, model in ipairs(catalog.models) do
    usable = usable + (model.available and 1 or 0)
    default = model.is_default and model or default
  end
  if default and default.available then
    ok("default model: " .. default.id)
  elseif default then
    fail(("default model %s can't be used: %s"):format(default.id, default.missing or ""), {
      ":Meerkat model chooses another",
    })
  else
    warn("there is no default model", {
      "pipx install 'meerkat-rpc[local]' brings one that needs no key",
      "vim.g.meerkat = { model = 'provider:model' } names one",
    })
  end
  ok(("%d of %d known models can be used: :Meerkat model"):format(usable, #catalog.models))
end

function M._sessions()
  local list, problem = ask("session/list", { limit = 1 })
  if list then
    ok("sessions: " .. list.total)
  else
    fail("sessions: " .. tostring(problem), { "meerkat-rpc doctor" })
  end
end

function M._log()
  local log = require("meerkat.log")
  local about = vim.uv.fs_stat(log.path())
  ok(about and ("%s, %d bytes"):format(log.path(), about.size) or log.path() .. ": nothing yet")
end

return M
