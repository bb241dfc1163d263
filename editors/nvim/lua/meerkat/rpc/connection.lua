--- Requests and their answers over one server process after the other. A request that may be repeated outlives its
--- server: it is sent again, with the same ids, to the next.
local log = require("meerkat.log")
local process = require("meerkat.rpc.process")

local M = {}

---@class meerkat.Error what a request failed with; `code` is the contract's name, such as "SESSION_BUSY"
---@field code string
---@field message string
---@field data table

---@class meerkat.Connection
---@field on_notification fun(method: string, params: table)
---@field on_end fun(reason: string)
local Connection = {}
Connection.__index = Connection

local JSON = { luanil = { object = true, array = true } }

--- Return a connection without a process.
---@param on_notification fun(method: string, params: table)
---@param on_end fun(reason: string)
---@return meerkat.Connection
function M.new(on_notification, on_end)
  return setmetatable({ on_notification = on_notification, on_end = on_end, last_id = 0, waiting = {} }, Connection)
end

--- Start a server to talk to.
---@return string|nil problem
function Connection:start(command, env, cwd)
  local started, problem = process.start(command, env, cwd, {
    message = function(body)
      local message = vim.json.decode(body, JSON)
      xpcall(self._message, M._failed, self, message)
    end,
    ended = function(reason)
      self:_ended(reason)
    end,
  })
  self.process = started
  return problem
end

--- A fault in what is done with one message is written down and costs no other message.
function M._failed(problem)
  log.write("error", debug.traceback(tostring(problem)))
  vim.notify_once("meerkat: something went wrong here; :Meerkat log has it", vim.log.levels.ERROR)
end

--- Send a request, or keep it until there is a server that is ready.
---@param method string
---@param params table
---@param done fun(error: meerkat.Error|nil, result: any)
---@param repeats boolean|nil it may be sent again after a crash
function Connection:request(method, params, done, repeats)
  local call = self:_call(method, params, done, repeats)
  if self.ready then
    self:_send(call)
  end
end

--- Send a request to a server that isn't ready yet: the one that makes it so.
function Connection:request_now(method, params, done)
  self:_send(self:_call(method, params, done, false))
end

function Connection:_call(method, params, done, repeats)
  self.last_id = self.last_id + 1
  local call = { id = self.last_id, method = method, params = params, done = done, repeats = repeats }
  self.waiting[call.id] = call
  return call
end

--- The server is ready: send what was kept, in its old order, and what the last one didn't answer.
function Connection:resume()
  self.ready = true
  local ids = vim.tbl_keys(self.waiting)
  table.sort(ids)
  for _, id in ipairs(ids) do
    self:_send(self.waiting[id])
  end
end

--- Answer everything that still waits: there will be no other server.
---@param message string
function Connection:give_up(message)
  local waiting = self.waiting
  self.waiting = {}
  for _, call in pairs(waiting) do
    call.done({ code = "OFFLINE", message = message, data = {} })
  end
end

--- End the server.
function Connection:stop()
  self.ready = false
  if self.process then
    self.process:stop()
  end
end

function Connection:_send(call)
  if self.process then
    call.sent = true
    local params = next(call.params) and call.params or vim.empty_dict()
    self.process:send(vim.json.encode({ jsonrpc = "2.0", id = call.id, method = call.method, params = params }))
  end
end

function Connection:_message(message)
  if message.method and message.id == nil then
    self.on_notification(message.method, message.params or {})
  elseif message.method then
    self:_refuse(message)
  else
    self:_answered(message)
  end
end

--- No tools are lent, so nothing that the server may ask is known.
function Connection:_refuse(message)
  local fault = { code = -32601, message = "this client has no method " .. message.method }
  self.process:send(vim.json.encode({ jsonrpc = "2.0", id = message.id, error = fault }))
end

function Connection:_answered(message)
  local call = self.waiting[message.id]
  if not call then
    return
  end
  self.waiting[message.id] = nil
  local fault = message.error
  if fault then
    local data = fault.data or {}
    call.done({ code = data.code or tostring(fault.code), message = fault.message, data = data })
  else
    call.done(nil, message.result)
  end
end

function Connection:_ended(reason)
  local words = self.process.last_words
  self.process, self.ready = nil, false
  for id, call in pairs(self.waiting) do
    if call.sent and not call.repeats then
      self.waiting[id] = nil
      call.done({ code = "OFFLINE", message = "the server ended before it answered", data = {} })
    end
  end
  self.on_end(words and ("%s: %s"):format(reason, words) or reason)
end

return M
