--- The one server of this Neovim: started when it is first needed, and again when it dies.
local config = require("meerkat.config")
local connection = require("meerkat.rpc.connection")
local discovery = require("meerkat.discovery")
local hooks = require("meerkat.hooks")
local log = require("meerkat.log")

local M = {}

M.VERSION = "0.1.0"

--- The first wait before a new start, doubled with each failure up to the longest.
local FIRST_WAIT_MS, LONGEST_WAIT_MS = 250, 8000

--- So many failures in a row, without a good minute, and we stop: something is wrong that time doesn't heal.
local MOST_FAILURES = 5
local GOOD_MS = 60000

---@class meerkat.ServerState
---@field phase "off"|"starting"|"on"|"waiting"|"failed" "waiting": it died, and is started again
---@field problem string|nil why it can't be started, or was given up
local state = { phase = "off", failures = 0, facts = {} }

--- Told of what happens: `message(method, params)`, `ready()` (also after a restart), `changed()`, and once for a row
--- of them `crashed(reason)`.
M.listeners = {}

local function tell(what, ...)
  for _, listener in ipairs(M.listeners) do
    if listener[what] then
      listener[what](...)
    end
  end
end

local link = connection.new(function(method, params)
  tell("message", method, params)
end, function(reason)
  M._ended(reason)
end)

--- Return how the server is.
---@return meerkat.ServerState
function M.state()
  return state
end

--- Ask the server; it is started if need be, and what it can't be sent yet is kept.
---@param method string
---@param params table
---@param done fun(error: meerkat.Error|nil, result: any)
---@param repeats boolean|nil may be asked again after a crash. What only reads always may
function M.request(method, params, done, repeats)
  link:request(method, params, done, repeats or M._is_read(method))
  M.start()
end

--- Start the server, if it isn't there: somebody is about to ask.
function M.start()
  if state.phase == "off" or state.phase == "failed" then
    M._begin()
  end
end

local READS = { list = true, read = true, history = true, catalog = true, export = true, health = true }

function M._is_read(method)
  return READS[method:match("/(%a+)$")] or method == "session/stream_open"
end

function M._set(phase, problem)
  state.phase, state.problem = phase, problem
  tell("changed")
end

function M._begin()
  M._set("starting")
  discovery.find(function(problem, found)
    if not found then
      return M._failed(problem, true)
    end
    state.found = found
    M._start()
  end)
end

function M._start()
  local set = config.get()
  state.started_at = vim.uv.now()
  local problem = link:start(state.found.command, set.env, vim.fn.getcwd())
  if problem then
    return M._failed(("The server can't be started: %s"):format(problem), true)
  end
  state.pid = link.process.pid
  M._initialize()
end

function M._initialize()
  link:request_now("initialize", {
    client_info = { name = "meerkat.nvim", version = M.VERSION },
    process_id = vim.fn.getpid(),
    capabilities = { prepare = true, session_events = false, session_changes = true },
  }, function(problem, result)
    if problem then
      return problem.code ~= "OFFLINE" and M._failed(problem.message)
    end
    state.facts = result
    state.ready_ms = vim.uv.now() - state.started_at
    M._on()
  end)
end

function M._on()
  M._set("on")
  link:resume()
  tell("ready")
end

--- The server can't be had: everything that waits for it is told so.
function M._failed(problem, advise)
  state.advice = advise and discovery.ADVICE or nil
  log.write("error", problem)
  M._set("failed", problem)
  link:give_up(problem)
  link:stop()
end

function M._ended(reason)
  state.pid = nil
  if state.restarting then
    state.restarting = nil
    state.failures = 0
    return M._begin()
  end
  if state.phase ~= "off" and state.phase ~= "failed" then
    M._crashed(reason)
  end
end

local GIVEN_UP = "The server ended %d times in a row (%s). :Meerkat restart starts it again; :Meerkat log says more."

function M._crashed(reason)
  local lasted = vim.uv.now() - state.started_at
  state.failures = lasted > GOOD_MS and 1 or state.failures + 1
  state.last_crash = ("%s: %s"):format(os.date("%Y-%m-%d %H:%M:%S"), reason)
  log.write("error", "the server ended: " .. reason)
  hooks.fire("ServerCrashed", { reason = reason, failures = state.failures })
  if state.failures >= MOST_FAILURES then
    return M._failed(GIVEN_UP:format(state.failures, reason))
  end
  M._tell_crashed(reason)
  M._set("waiting", reason)
  vim.defer_fn(M._again, math.min(FIRST_WAIT_MS * 2 ^ (state.failures - 1), LONGEST_WAIT_MS))
end

--- A server that dies time and again is one fault, and said once.
local SAY_AGAIN_MS = 15000
local said_at = 0

function M._tell_crashed(reason)
  if state.failures == 1 or vim.uv.now() - said_at > SAY_AGAIN_MS then
    said_at = vim.uv.now()
    tell("crashed", reason)
  end
end

function M._again()
  if state.phase == "waiting" and not link.process then
    M._start()
  end
end

--- Start the server anew, or for the first time: after a change of settings, or when it was given up.
function M.restart()
  state.failures = 0
  if link.process then
    state.restarting = true
    M._set("starting")
    link:stop()
  elseif state.phase ~= "starting" then
    M._begin()
  end
end

--- End the server with the editor; nothing is waited for.
function M.leave()
  state.phase = "off"
  link:stop()
end

return M
