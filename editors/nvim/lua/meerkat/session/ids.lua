--- Ids of our own: with them a request that is repeated is known to be the same.
local M = {}

local function spelled(bytes)
  local hex = (bytes:gsub(".", function(char)
    return ("%02x"):format(char:byte())
  end))
  return ("%s-%s-%s-%s-%s"):format(hex:sub(1, 8), hex:sub(9, 12), hex:sub(13, 16), hex:sub(17, 20), hex:sub(21))
end

local function stamped(bytes, version)
  local seventh = string.char(bytes:byte(7) % 16 + version * 16)
  local ninth = string.char(bytes:byte(9) % 64 + 128)
  return spelled(bytes:sub(1, 6) .. seventh .. bytes:sub(8, 8) .. ninth .. bytes:sub(10))
end

--- Return a new id of a turn.
---@return string
function M.turn()
  return stamped(vim.uv.random(16), 4)
end

--- Return a new id of a session, which begins with the time.
---@return string
function M.session()
  local seconds, microseconds = vim.uv.gettimeofday()
  local ms = seconds * 1000 + math.floor(microseconds / 1000)
  local bytes = {}
  for place = 6, 1, -1 do
    bytes[place] = string.char(ms % 256)
    ms = math.floor(ms / 256)
  end
  return stamped(table.concat(bytes) .. vim.uv.random(10), 7)
end

return M
