--- Texts as lines of a buffer.
local M = {}

--- A longer line is shown in pieces, each a paragraph: Neovim lays a line out as a whole with every redraw, and
--- tree-sitter reads a paragraph as a whole with every change, however little of it is seen.
M.MAX_LINE = 8000

--- Where a cut may look back for a space.
local LOOK_BACK = 200

--- Return the lines of a text, none of them too long.
---@param text string
---@return string[]
function M.lines(text)
  local lines = {}
  for line in vim.gsplit(text:gsub("\r\n", "\n"), "\n", { plain = true }) do
    M._cut(line, lines)
  end
  return lines
end

--- Put a line into `lines`, in pieces where it is too long.
function M._cut(line, lines)
  local from = 1
  while #line - from + 1 > M.MAX_LINE do
    local to = M._place(line, from)
    vim.list_extend(lines, { line:sub(from, to), "" })
    from = to + 1
  end
  lines[#lines + 1] = line:sub(from)
end

--- Behind a space if there is one, and never within a character.
function M._place(line, from)
  local last = from + M.MAX_LINE - 1
  for at = last, last - LOOK_BACK, -1 do
    if line:byte(at) == 0x20 then
      return at
    end
  end
  while last > from and M._continues(line:byte(last + 1)) do
    last = last - 1
  end
  return last
end

function M._continues(byte)
  return byte ~= nil and byte >= 0x80 and byte < 0xC0
end

--- Return the fence that closes what `lines` leave open; nil where they leave nothing open.
---@param lines string[]
---@return string|nil
function M.closing_fence(lines)
  local open
  for _, line in ipairs(lines) do
    local fence, rest = line:match("^ ? ? ?(```+)([^`]*)$")
    if not fence then
      fence, rest = line:match("^ ? ? ?(~~~+)(.*)$")
    end
    if fence and not open then
      open = fence
    elseif fence and fence:sub(1, 1) == open:sub(1, 1) and #fence >= #open and vim.trim(rest) == "" then
      open = nil
    end
  end
  return open
end

--- Return a block of code that shows `lines` as they are.
---@param lines string[]
---@param language string|nil
---@return string[]
function M.fenced(lines, language)
  local longest = 3
  for _, line in ipairs(lines) do
    for run in line:gmatch("~+") do
      longest = math.max(longest, #run + 1)
    end
  end
  local fence = ("~"):rep(longest)
  local block = { fence .. (language or "") }
  vim.list_extend(block, lines)
  block[#block + 1] = fence
  return block
end

--- Return a span of code that shows a line as it is.
---@param line string
---@return string
function M.span(line)
  local longest = 0
  for run in line:gmatch("`+") do
    longest = math.max(longest, #run)
  end
  local ticks = ("`"):rep(longest + 1)
  local pad = (longest > 0 or line == "") and " " or ""
  return ticks .. pad .. line .. pad .. ticks
end

--- Return a text as one line of at most `most` characters.
---@param text string
---@param most integer
---@return string
function M.one_line(text, most)
  local line = vim.trim((text:gsub("%s+", " ")))
  if #line <= most or vim.fn.strchars(line) <= most then
    return line
  end
  return vim.fn.strcharpart(line, 0, most - 1) .. "…"
end

--- Return a text without the blanks and empty lines at its end.
---@param said string
---@return string
function M.without_end(said)
  local last = #said
  while last > 0 and said:byte(last) <= 0x20 do
    last = last - 1
  end
  return said:sub(1, last)
end

--- Return what bytes say as UTF-8: what is none is replaced, for JSON has no room for it.
---@param bytes string
---@return string
function M.utf8(bytes)
  if not bytes:find("[\128-\255]") then
    return bytes
  end
  local out, at = {}, 1
  while at <= #bytes do
    local length = M._length(bytes, at)
    out[#out + 1] = length and bytes:sub(at, at + length - 1) or "\239\191\189"
    at = at + (length or 1)
  end
  return table.concat(out)
end

function M._length(bytes, at)
  local first = bytes:byte(at)
  local length = first < 0x80 and 1 or first >= 0xF0 and first < 0xF5 and 4 or first >= 0xE0 and first < 0xF0 and 3
    or first >= 0xC2 and first < 0xE0 and 2
  if not length then
    return nil
  end
  for step = 1, length - 1 do
    if not M._continues(bytes:byte(at + step)) then
      return nil
    end
  end
  local second = bytes:byte(at + 1)
  local wrong = (first == 0xE0 and second < 0xA0) or (first == 0xED and second > 0x9F)
    or (first == 0xF0 and second < 0x90) or (first == 0xF4 and second > 0x8F)
  return not wrong and length or nil
end

--- Return a value as JSON over several lines, the names in order.
---@param value any
---@return string[]
function M.json(value)
  local lines = {}
  M._json(value, "", "", "", lines)
  return lines
end

function M._json(value, indent, before, after, lines)
  if type(value) ~= "table" or next(value) == nil then
    lines[#lines + 1] = indent .. before .. vim.json.encode(value):gsub("\\/", "/") .. after
    return
  end
  local is_list = vim.islist(value)
  local names = is_list and vim.tbl_keys(value) or vim.tbl_keys(value)
  table.sort(names, is_list and nil or function(a, b)
    return tostring(a) < tostring(b)
  end)
  lines[#lines + 1] = indent .. before .. (is_list and "[" or "{")
  for place, name in ipairs(names) do
    local key = is_list and "" or vim.json.encode(tostring(name)) .. ": "
    M._json(value[name], indent .. "  ", key, place < #names and "," or "", lines)
  end
  lines[#lines + 1] = indent .. (is_list and "]" or "}") .. after
end

return M
