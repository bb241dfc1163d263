--- A session as it is known here: what the server says of it, and its items in order.
local document = require("meerkat.transcript.document")

local M = {}

---@class meerkat.Session
---@field id string
---@field created boolean whether the server has it: a new chat is created with its first prompt
---@field title string
---@field cwd string
---@field model string|nil
---@field archived boolean
---@field document meerkat.Document
---@field running string|nil the turn that runs, here or in another program
---@field running_since integer|nil
---@field last_seq integer the last event that was taken in
---@field stream string|nil
---@field offset integer how many earlier messages are not loaded
---@field waiting meerkat.Item[] prompts that wait, at the document's end
---@field questions table<string, meerkat.Item> what waits for an answer, by approval id
---@field turn table|nil what is known of the turn that events come from
local Session = {}
Session.__index = Session

local known = {}

--- Return a session that this Neovim hasn't seen before.
---@param id string
---@param buffer integer its transcript's
---@param fields table
---@return meerkat.Session
function M.new(id, buffer, fields)
  local session = vim.tbl_extend("force", {
    id = id,
    buffer = buffer,
    created = true,
    title = "",
    archived = false,
    last_seq = 0,
    offset = 0,
    waiting = {},
    questions = {},
    document = document.new(buffer),
  }, fields)
  known[id] = setmetatable(session, Session)
  return known[id]
end

--- Return the session of that id, if it was opened here.
---@param id string
---@return meerkat.Session|nil
function M.get(id)
  return known[id]
end

--- Return every session that was opened here.
---@return meerkat.Session[]
function M.all()
  return vim.tbl_values(known)
end

--- Forget a session.
---@param id string
function M.forget(id)
  known[id] = nil
end

--- Take what the server says of a session.
---@param view table a summary or a view
function Session:describe(view)
  self.title = view.title or self.title
  self.cwd = view.cwd or self.cwd
  self.model = view.model or self.model
  self.archived = view.archived or false
  self.message_count = view.message_count or self.message_count
end

--- Return what a person has to know: "needs you", "busy" or "idle".
---@return string
function Session:state()
  if next(self.questions) then
    return "needs you"
  end
  local is_sending = vim.iter(self.waiting):any(function(item)
    return item.state == "sending"
  end)
  return (self.running or is_sending) and "busy" or "idle"
end

--- Put an item at the end of what was said: before the prompts that wait.
---@param item meerkat.Item
function Session:add(item)
  self.document:insert(#self.document.items - #self.waiting + 1, { item })
end

--- Put a prompt at the very end: it hasn't begun.
---@param item meerkat.Item
function Session:add_waiting(item)
  self.waiting[#self.waiting + 1] = item
  self.document:insert(#self.document.items + 1, { item })
end

--- Take a prompt away that waited.
---@param turn_id string
---@return meerkat.Item|nil
function Session:take_waiting(turn_id)
  for place, item in ipairs(self.waiting) do
    if item.turn_id == turn_id then
      table.remove(self.waiting, place)
      self.document:remove(item)
      return item
    end
  end
end

--- Show the prompts that the server says are waiting; what is just being sent stays.
---@param queue table[]
function Session:show_queue(queue)
  local listed = {}
  for _, waits in ipairs(queue) do
    listed[waits.turn_id] = waits
  end
  for _, item in ipairs(vim.list_slice(self.waiting)) do
    if not listed[item.turn_id] and item.state ~= "sending" then
      self:take_waiting(item.turn_id)
    end
    listed[item.turn_id] = nil
  end
  for _, waits in ipairs(queue) do
    if listed[waits.turn_id] then
      local state = waits.steer and "steering" or "waiting"
      self:add_waiting({ kind = "prompt", turn_id = waits.turn_id, text = waits.prompt, state = state })
    end
  end
end

--- Begin anew, as before the session was read.
function Session:reset()
  self.document:clear()
  self.waiting, self.questions, self.turn, self.running = {}, {}, nil, nil
  self.offset, self.last_seq = 0, 0
end

return M
