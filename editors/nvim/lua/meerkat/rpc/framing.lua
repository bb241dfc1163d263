--- Messages in bytes: `Content-Length: N`, an empty line, and N bytes of JSON.
local M = {}

--- Return a message as bytes.
---@param body string
---@return string
function M.encode(body)
  return ("Content-Length: %d\r\n\r\n%s"):format(#body, body)
end

---@class meerkat.Frames
---@field private text string what is being read
---@field private at integer where in `text` the next byte is
---@field private more string[] what has come behind `text`
---@field private size integer unread bytes in all
---@field private wanted integer|nil bytes of the present body; nil while its headers are read
local Frames = {}
Frames.__index = Frames

--- Return a reader of messages. Bytes go in as they come; none is copied for each message that stands before it.
---@return meerkat.Frames
function M.frames()
  return setmetatable({ text = "", at = 1, more = {}, size = 0 }, Frames)
end

--- Take bytes in.
---@param bytes string
function Frames:feed(bytes)
  self.more[#self.more + 1] = bytes
  self.size = self.size + #bytes
end

--- Return the next whole message, nil while there is none.
---@return string|nil
function Frames:next()
  if not self.wanted and not self:_headers() then
    return nil
  end
  if self.size < self.wanted then
    return nil
  end
  if #self.text - self.at + 1 < self.wanted then
    self:_join()
  end
  local body = self.text:sub(self.at, self.at + self.wanted - 1)
  self:_skip(self.wanted)
  self.wanted = nil
  return body
end

function Frames:_headers()
  local _, last = self.text:find("\r\n\r\n", self.at, true)
  if not last and #self.more > 0 then
    self:_join()
    _, last = self.text:find("\r\n\r\n", self.at, true)
  end
  if not last then
    return false
  end
  local headers = self.text:sub(self.at, last)
  local length = headers:lower():match("content%-length:%s*(%d+)")
  if not length then
    error("a message without Content-Length: " .. headers:sub(1, 80))
  end
  self.wanted = tonumber(length)
  self:_skip(#headers)
  return true
end

function Frames:_join()
  table.insert(self.more, 1, self.text:sub(self.at))
  self.text, self.at, self.more = table.concat(self.more), 1, {}
end

function Frames:_skip(bytes)
  self.at = self.at + bytes
  self.size = self.size - bytes
end

return M
