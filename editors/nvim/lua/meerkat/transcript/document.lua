--- A transcript's items as lines of a buffer. What is said about an item changes its lines and no others.
local follow = require("meerkat.transcript.follow")
local render = require("meerkat.transcript.render")
local text = require("meerkat.text")

local M = {}

local NAMESPACE = vim.api.nvim_create_namespace("meerkat-transcript")

---@class meerkat.Item
---@field kind "prompt"|"heading"|"answer"|"reasoning"|"tool"|"note"|"approval"
---@field turn_id string|nil
---@field height integer|nil how many lines show it
---@field gap integer|nil how many of them are empty lines before it

---@class meerkat.Document
---@field buffer integer
---@field items meerkat.Item[]
local Document = {}
Document.__index = Document

--- Return the document of a buffer, empty.
---@param buffer integer
---@return meerkat.Document
function M.new(buffer)
  return setmetatable({ buffer = buffer, items = {}, pending = {} }, Document)
end

--- Put items in before the one at `place`, all at once.
---@param place integer
---@param items meerkat.Item[]
function Document:insert(place, items)
  if #items == 0 then
    return
  end
  self:_edit(function()
    local row, before = self:_row(place), self.items[place - 1]
    local lines, marks = {}, {}
    for offset, item in ipairs(items) do
      M._picture(before, item, row + #lines, lines, marks)
      table.insert(self.items, place + offset - 1, item)
      before = item
    end
    self:_lines(row, row, lines, marks)
    self:_redraw_gap(place + #items)
  end)
end

--- Take an item out.
---@param item meerkat.Item
function Document:remove(item)
  local place = self:place_of(item)
  if not place then
    return
  end
  self:_edit(function()
    local row = self:_row(place)
    table.remove(self.items, place)
    self.pending[item] = nil
    self:_lines(row, row + item.height, {}, {})
    self:_redraw_gap(place)
  end)
end

--- Take everything out.
function Document:clear()
  self:_edit(function()
    self.items, self.pending = {}, {}
    self:_lines(0, -1, {}, {})
  end)
end

--- Show an item as it is now.
---@param item meerkat.Item
function Document:redraw(item)
  local place = self:place_of(item)
  if not place then
    return
  end
  self:_edit(function()
    local row, height, lines, marks = self:_row(place), item.height, {}, {}
    self.pending[item] = nil
    M._picture(self.items[place - 1], item, row, lines, marks)
    local same = #marks == 0 and self:_same(row, height, lines) or 0
    self:_lines(row + same, row + height, vim.list_slice(lines, same + 1), marks)
  end)
end

--- Return how many lines at an item's beginning are there already: a long answer that ends isn't laid out again.
function Document:_same(row, height, lines)
  local old = vim.api.nvim_buf_get_lines(self.buffer, row, row + height, true)
  local same = 0
  while same < #lines and old[same + 1] == lines[same + 1] do
    same = same + 1
  end
  return same
end

--- Add to the text at an item's end. It is seen with the next frame.
---@param item meerkat.Item
---@param piece string
function Document:extend(item, piece)
  item.parts[#item.parts + 1] = piece
  local pieces = self.pending[item] or {}
  pieces[#pieces + 1] = piece
  self.pending[item] = pieces
end

--- Whether a frame would change anything.
---@return boolean
function Document:is_behind()
  return next(self.pending) ~= nil
end

--- Show what was added since the last frame.
function Document:frame()
  local pending = self.pending
  self.pending = {}
  for item, pieces in pairs(pending) do
    if item.kind == "answer" then
      self:_append(item, table.concat(pieces))
    elseif item.open then
      self:redraw(item)
    end
  end
end

function Document:_append(item, added)
  local place = self:place_of(item)
  if not place then
    return
  end
  self:_edit(function()
    local last = self:_row(place) + item.height - 1
    local tail = vim.api.nvim_buf_get_lines(self.buffer, last, last + 1, true)[1]
    local lines = text.lines(tail .. added)
    if #lines[1] >= #tail then
      lines[1] = lines[1]:sub(#tail + 1)
      vim.api.nvim_buf_set_text(self.buffer, last, #tail, last, #tail, lines)
    else -- a long line was cut further up than where it ended
      vim.api.nvim_buf_set_lines(self.buffer, last, last + 1, true, lines)
    end
    item.height = item.height + #lines - 1
  end)
end

--- Return where an item is among the others.
---@param item meerkat.Item
---@return integer|nil
function Document:place_of(item)
  for place = #self.items, 1, -1 do
    if self.items[place] == item then
      return place
    end
  end
end

--- Return the item that a line, counted from 0, belongs to, and its place.
---@param row integer
---@return meerkat.Item|nil
---@return integer|nil
function Document:item_at(row)
  local first = 0
  for place, item in ipairs(self.items) do
    if row < first + item.height then
      return item, place
    end
    first = first + item.height
  end
  return self.items[#self.items], #self.items
end

--- Return the line, counted from 0, that an item's own text begins with.
---@param item meerkat.Item
---@return integer
function Document:row_of(item)
  return self:_row(self:place_of(item)) + item.gap
end

function Document:_row(place)
  local row = 0
  for before = 1, place - 1 do
    row = row + self.items[before].height
  end
  return row
end

function Document:_redraw_gap(place)
  local item = self.items[place]
  local gap = item and (render.gap(self.items[place - 1], item) and 1 or 0)
  if item and gap ~= item.gap then
    self:redraw(item)
  end
end

function M._picture(before, item, row, lines, marks)
  local picture = render.picture(item)
  item.gap = render.gap(before, item) and 1 or 0
  item.height = #picture.lines + item.gap
  for _, mark in ipairs(picture.marks) do
    marks[#marks + 1] = { row + item.gap + mark.row, mark.col, mark.options }
  end
  if item.gap == 1 then
    lines[#lines + 1] = ""
  end
  vim.list_extend(lines, picture.lines)
end

--- A buffer has one line at least: an empty document has one that no item has.
function Document:_lines(from, to, lines, marks)
  local is_bare = vim.api.nvim_buf_line_count(self.buffer) == 1 and not self.filled
  if to ~= from then
    vim.api.nvim_buf_clear_namespace(self.buffer, NAMESPACE, from, to)
  end
  vim.api.nvim_buf_set_lines(self.buffer, from, is_bare and -1 or to, true, lines)
  self.filled = #self.items > 0
  for _, mark in ipairs(marks) do
    vim.api.nvim_buf_set_extmark(self.buffer, NAMESPACE, mark[1], mark[2], mark[3])
  end
end

--- Change the buffer, and let the windows follow that showed its end: once for all the changes of a moment, for to
--- place a cursor makes Neovim parse.
function Document:_edit(change)
  if self.editing then
    return change()
  elseif not vim.api.nvim_buf_is_loaded(self.buffer) then
    return -- somebody deleted it while more was on its way
  end
  if not self.following then
    self.following = follow.at_end(self.buffer)
    vim.schedule(function()
      self:settle()
    end)
  end
  self.editing = true
  vim.bo[self.buffer].modifiable = true
  local changed, problem = pcall(change)
  vim.bo[self.buffer].modifiable = false
  self.editing = false
  if not changed then
    error(problem, 0)
  end
end

--- Let the windows follow now.
function Document:settle()
  local windows = self.following
  self.following = nil
  if windows and vim.api.nvim_buf_is_valid(self.buffer) then
    follow.to_end(self.buffer, windows)
  end
end

return M
