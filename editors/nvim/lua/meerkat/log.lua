--- The plugin's log: what the server says on stderr, what failed, and, when it is wanted, every message.
local M = {}

--- Beyond this the log is started anew, with the old one kept beside it, so that it doesn't grow without bound.
local MAX_BYTES = 5 * 1024 * 1024

--- How much of one message is written: enough to see what it is.
local MAX_LINE = 4000

M.traffic = false

local file, written

--- Where the log is.
---@return string
function M.path()
  return vim.fs.joinpath(vim.fn.stdpath("log") --[[@as string]], "meerkat.log")
end

local function open()
  local path = M.path()
  vim.fn.mkdir(vim.fs.dirname(path), "p", "0o700")
  local about = vim.uv.fs_stat(path)
  written = about and about.size or 0
  if written > MAX_BYTES then
    os.rename(path, path .. ".old")
    written = 0
  end
  local handle = vim.uv.fs_open(path, "a", 384) -- 0600: prompts may stand in it
  return handle or false
end

--- Write a line.
---@param kind string
---@param text string
function M.write(kind, text)
  if file == nil or (written and written > MAX_BYTES) then
    if file then
      vim.uv.fs_close(file)
    end
    file = open()
  end
  if file then
    local line = ("%s %s %s\n"):format(os.date("%Y-%m-%d %H:%M:%S"), kind, text:sub(1, MAX_LINE):gsub("\n", "\\n"))
    written = written + #line
    vim.uv.fs_write(file, line, -1)
  end
end

--- Write a message of the wire, where that was asked for.
---@param direction "->"|"<-"
---@param body string
function M.message(direction, body)
  if M.traffic then
    M.write(direction, body)
  end
end

return M
