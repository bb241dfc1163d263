--- The server's process and its pipes. What comes out of them is handed on in slices, between which the editor is free.
local framing = require("meerkat.rpc.framing")
local log = require("meerkat.log")

local M = {}

--- How long messages are worked on before the editor has its turn: half of a frame at 60 a second.
local SLICE_NS = 8 * 1e6

--- The pause between two slices: the shortest that a timer has.
local PAUSE_MS = 1

--- How much may wait here unread. Beyond it the server is let wait.
local MAX_WAITING = 4 * 1024 * 1024

--- How long after its end a process' output is waited for: whoever inherited the pipe may keep it open.
local LAST_WORDS_NS = 200 * 1e6

--- How long a server that was asked to end has for it.
local END_MS = 2000

---@class meerkat.Process
---@field pid integer
---@field last_words string|nil the last line on stderr
local Process = {}
Process.__index = Process

---@class meerkat.ProcessEvents
---@field message fun(body: string) a message came
---@field ended fun(reason: string) the process is gone; said once

--- Start a server.
---@param command string[]
---@param env table<string, string>
---@param cwd string
---@param events meerkat.ProcessEvents
---@return meerkat.Process|nil process
---@return string|nil problem
function M.start(command, env, cwd, events)
  local self = setmetatable({ events = events, frames = framing.frames(), timer = vim.uv.new_timer() }, Process)
  self.stdin, self.stdout, self.stderr = vim.uv.new_pipe(), vim.uv.new_pipe(), vim.uv.new_pipe()
  local handle, pid = vim.uv.spawn(command[1], {
    args = vim.list_slice(command, 2),
    stdio = { self.stdin, self.stdout, self.stderr },
    env = M._environment(env),
    cwd = cwd,
    hide = true,
  }, function(code, signal)
    self:_exited(code, signal)
  end)
  if not handle then
    self:_close()
    return nil, ("%s: %s"):format(command[1], pid)
  end
  self.handle, self.pid = handle, pid
  self:_read()
  self:_read_errors()
  return self
end

function M._environment(more)
  local all = vim.tbl_extend("force", vim.fn.environ(), more)
  local lines = {}
  for name, value in pairs(all) do
    lines[#lines + 1] = ("%s=%s"):format(name, value)
  end
  return lines
end

--- Send a message.
---@param body string
function Process:send(body)
  log.message("->", body)
  if not self.stdin:is_closing() then
    self.stdin:write(framing.encode(body), function() end) -- a failed write is followed by the process' end
  end
end

--- Let the server end in its own way: it ends when nothing can come any more. After a while it is killed.
function Process:stop()
  self.stopping = true
  if not self.stdin:is_closing() then
    self.stdin:close()
  end
  vim.defer_fn(function()
    if self.handle and not self.handle:is_closing() then
      self.handle:kill("sigkill")
    end
  end, END_MS)
end

function Process:_read()
  self.stdout:read_start(function(_, bytes)
    self.eof = bytes == nil
    self.frames:feed(bytes or "")
    self:_hold_back()
    self:_soon()
  end)
end

function Process:_read_errors()
  self.stderr:read_start(function(_, bytes)
    if bytes then
      vim.schedule(function()
        self:_said(bytes)
      end)
    end
  end)
end

function Process:_hold_back()
  if self.frames.size > MAX_WAITING and not self.held then
    self.held = true
    self.stdout:read_stop()
  end
end

function Process:_soon()
  if not self.pumping and not self.timer:is_closing() then
    self.pumping = true
    self.timer:start(PAUSE_MS, 0, function()
      vim.schedule(function()
        self:_pump()
      end)
    end)
  end
end

function Process:_pump()
  self.pumping = false
  local read, more = pcall(self._slice, self)
  if not read then
    log.write("error", tostring(more))
    self.broken = tostring(more)
    self.handle:kill("sigkill")
  elseif more or self.reason and not self:_finished() then
    self:_soon()
  elseif self.reason then
    self:_told()
  end
end

function Process:_finished()
  return self.eof or vim.uv.hrtime() > self.ended_at + LAST_WORDS_NS
end

--- Hand on messages until the slice is over; true when there may be more.
function Process:_slice()
  local finish = vim.uv.hrtime() + SLICE_NS
  repeat
    local body = self.frames:next()
    if not body then
      self:_let_go()
      return false
    end
    log.message("<-", body)
    self.events.message(body)
  until vim.uv.hrtime() > finish
  return true
end

function Process:_let_go()
  if self.held and not self.stdout:is_closing() then
    self.held = false
    self:_read()
  end
end

function Process:_said(bytes)
  for line in vim.gsplit(bytes, "\n", { trimempty = true }) do
    self.last_words = line
    log.write("server", line)
  end
end

--- What the server had said before its end is read first.
function Process:_exited(code, signal)
  self.ended_at = vim.uv.hrtime()
  self.reason = signal ~= 0 and ("signal %d"):format(signal) or ("exit code %d"):format(code)
  self.handle:close()
  vim.schedule(function()
    self:_soon()
  end)
end

function Process:_told()
  if not self.told then
    self.told = true
    self:_close()
    self.events.ended(self.broken or self.reason)
  end
end

function Process:_close()
  for _, it in ipairs({ self.stdin, self.stdout, self.stderr, self.timer }) do
    if not it:is_closing() then
      it:close()
    end
  end
end

return M
