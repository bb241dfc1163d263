--- Committed messages as items of a transcript.
local M = {}

---@class meerkat.Page what is known while a page is read
---@field items meerkat.Item[]
---@field tools table<string, meerkat.Item>
---@field headed string|nil the turn that has its heading

local function add(page, item, message)
  item.turn_id, item.time = message.turn_id, message.timestamp_ms
  page.items[#page.items + 1] = item
  return item
end

local function head(page, message)
  if page.headed ~= message.turn_id then
    page.headed = message.turn_id
    add(page, { kind = "heading" }, message)
  end
end

local roles = {}

local OTHER = { context = "the model was told", summary = "summary of what was said before" }

function roles.user(page, message)
  local told = OTHER[message.kind]
  if told then
    return add(page, { kind = "note", text = told .. " (Tab shows it)", detail = message.content }, message)
  end
  local state = message.kind == "steer" and "steered" or nil
  add(page, { kind = "prompt", text = message.content, state = state, attachments = message.attachments }, message)
  page.headed = nil
end

function roles.assistant(page, message)
  head(page, message)
  if (message.reasoning or "") ~= "" then
    add(page, { kind = "reasoning", parts = { message.reasoning }, done = true }, message)
  end
  if (message.content or "") ~= "" then
    add(page, { kind = "answer", parts = { message.content }, done = true }, message)
  end
  for _, call in ipairs(message.tool_calls or {}) do
    page.tools[call.id] = add(page, { kind = "tool", name = call.name, args = call.args, state = "cut" }, message)
  end
  if message.partial then
    add(page, { kind = "note", text = "interrupted" }, message)
  end
end

--- A call whose message is on the page before has only its name and its result here.
function roles.tool(page, message)
  local about = message.tool_result or {}
  local item = page.tools[about.id]
  if not item then
    head(page, message)
    item = add(page, { kind = "tool", name = about.name or "tool" }, message)
  end
  item.result = M.result(message.content)
  item.state = about.is_error and "failed" or "done"
end

--- Return a tool's result as it was before it became text.
---@param content string
---@return any
function M.result(content)
  if not content:find("^%s*[%[{]") then
    return content
  end
  local decoded, value = pcall(vim.json.decode, content, { luanil = { object = true, array = true } })
  return decoded and value or content
end

--- Return the items of a page of messages.
---@param messages table[]
---@return meerkat.Item[]
function M.items(messages)
  local page = { items = {}, tools = {} }
  for _, message in ipairs(messages) do
    roles[message.role](page, message)
  end
  return page.items
end

return M
