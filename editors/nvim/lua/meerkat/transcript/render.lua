--- What each item of a transcript looks like: lines of Markdown, and what is coloured in them.
local details = require("meerkat.transcript.details")
local text = require("meerkat.text")

local M = {}

--- Above what tree-sitter says.
local PRIORITY = 200

--- How much of a tool's arguments its line shows.
local MOST_ARGUMENTS = 100

--- Lines of a prompt that are shown unasked: people paste whole files.
local MOST_PROMPT = 40

--- How much of what a question says of itself is shown: some lines.
local MOST_SUMMARY = 400

---@class meerkat.Mark
---@field row integer counted from the item's first line
---@field col integer
---@field options vim.api.keyset.set_extmark

---@class meerkat.Picture
---@field lines string[]
---@field marks meerkat.Mark[]

local Canvas = {}
Canvas.__index = Canvas

local function canvas()
  return setmetatable({ lines = {}, marks = {} }, Canvas)
end

--- Add a line of pieces, each a text or { text, highlight group }.
function Canvas:line(...)
  local line, row = "", #self.lines
  for _, piece in ipairs({ ... }) do
    if type(piece) == "table" then
      local from = #line
      line = line .. piece[1]
      self:mark(row, from, { end_col = #line, hl_group = piece[2], priority = PRIORITY })
    else
      line = line .. piece
    end
  end
  self.lines[row + 1] = line
end

function Canvas:mark(row, col, options)
  self.marks[#self.marks + 1] = { row = row, col = col, options = options }
end

function Canvas:add(lines)
  vim.list_extend(self.lines, lines)
end

--- A heading: `# ` is there for Markdown and for |[[|, and hidden.
function Canvas:heading(who, group, state, time)
  local row = #self.lines
  self:line("# ", { who, group }, state and { " · " .. state, "MeerkatNote" } or "")
  self:mark(row, 0, { end_col = 2, conceal = "" })
  if time then
    local shown = { { M.time(time), "MeerkatTime" } }
    self:mark(row, 0, { virt_text = shown, virt_text_pos = "right_align", hl_mode = "combine" })
  end
end

function Canvas:block(block)
  local row = #self.lines + 1
  self:add(text.fenced(block.lines, block.language))
  if block.language == "diff" then
    self:_diff(row, block.lines)
  end
end

local DIFF = { ["+"] = "MeerkatAdded", ["-"] = "MeerkatRemoved", ["@"] = "MeerkatHunk" }

function Canvas:_diff(row, lines)
  for place, line in ipairs(lines) do
    local group = DIFF[line:sub(1, 1)]
    if group then
      self:mark(row + place - 1, 0, { end_col = #line, hl_group = group, priority = PRIORITY })
    end
  end
end

--- Return a moment as people read it: the time, with the day if that isn't today.
---@param ms integer
---@return string
function M.time(ms)
  local seconds = math.floor(ms / 1000)
  local today = os.date("%Y-%m-%d") == os.date("%Y-%m-%d", seconds)
  return tostring(os.date(today and "%H:%M" or "%Y-%m-%d %H:%M", seconds))
end

--- Return how long something took as people say it.
---@param ms number
---@return string
function M.duration(ms)
  return ms < 60000 and ("%.1f s"):format(ms / 1000) or ("%d min %d s"):format(ms / 60000, ms / 1000 % 60)
end

local kinds = {}

local STATES = {
  sending = "sending …",
  waiting = "waiting; dd takes it back",
  steering = "waiting for the model's next call; dd takes it back",
  steered = "added while it ran",
}

function kinds.prompt(item, at)
  at:heading("You", "MeerkatUser", STATES[item.state], item.time)
  local lines = text.lines(item.text)
  local shown = (item.open or #lines <= MOST_PROMPT) and lines or vim.list_slice(lines, 1, MOST_PROMPT)
  at:add(shown)
  at:add({ text.closing_fence(shown) })
  if #shown < #lines then
    at:line({ ("▸ %d more lines (Tab shows them)"):format(#lines - #shown), "MeerkatNote" })
  end
  for _, attachment in ipairs(item.attachments or {}) do
    at:line({ "+ ", "MeerkatNote" }, { text.span(attachment.name or attachment.path or "?"), "MeerkatNote" })
  end
  for row = 0, #at.lines - 1 do
    at:mark(row, 0, { line_hl_group = "MeerkatPrompt", priority = 10 })
  end
end

function kinds.heading(item, at)
  at:heading("Assistant", "MeerkatAssistant", item.state, item.time)
end

function kinds.answer(item, at)
  local said = table.concat(item.parts)
  local lines = text.lines(item.done and text.without_end(said) or said)
  at:add(lines)
  if item.done then
    at:add({ text.closing_fence(lines) })
  end
end

function kinds.reasoning(item, at)
  local told = not item.done and "thinking …" or item.ms and "thought for " .. M.duration(item.ms) or "thought"
  at:line({ (item.open and "▾ " or "▸ ") .. told, "MeerkatTool" })
  if item.open then
    for _, line in ipairs(text.lines(table.concat(item.parts))) do
      at:line("> " .. line)
    end
  end
end

--- Return a tool's arguments in a few words.
---@param args any
---@return string
function M.arguments(args)
  if type(args) ~= "table" or vim.islist(args) then
    return args == nil and "" or text.one_line(type(args) == "string" and args or vim.json.encode(args), MOST_ARGUMENTS)
  end
  local words = {}
  for name, value in vim.spairs(args) do
    local shown = type(value) == "string" and value or vim.json.encode(value)
    words[#words + 1] = ("%s=%s"):format(name, text.one_line(shown, MOST_ARGUMENTS))
  end
  return text.one_line(table.concat(words, " "), MOST_ARGUMENTS)
end

local function outcome(item)
  local took = item.ms and " " .. M.duration(item.ms) or ""
  if item.state == "done" then
    return { " ✓" .. took, "MeerkatOk" }
  elseif item.state == "failed" then
    return { " ✗" .. took, "MeerkatError" }
  elseif item.state == "late" then
    return { " ✗ took too long", "MeerkatError" }
  end
  return { item.state == "cut" and " – not finished" or " …", "MeerkatTool" }
end

function kinds.tool(item, at)
  local words = vim.trim(item.name .. " " .. M.arguments(item.args))
  at:line({ item.open and "▾ " or "▸ ", "MeerkatTool" }, { text.span(words), "MeerkatTool" }, outcome(item))
  if not item.open then
    return
  end
  if item.args ~= nil then
    at:block({ language = "json", lines = text.json(item.args) })
  end
  for _, block in ipairs(item.result ~= nil and details.of_result(item.result) or {}) do
    at:block(details.shortened(block))
  end
end

local TONES = {
  quiet = { "· ", "MeerkatNote" },
  error = { "✗ ", "MeerkatError" },
  warning = { "! ", "MeerkatWarning" },
}

--- `text` is ours, `quote` what somebody else said, `advice` lines of ours to be copied, `detail` what
--- is seen when the note is opened.
function kinds.note(item, at)
  local sign, group = unpack(TONES[item.tone or "quiet"])
  local quoted = item.quote and text.lines(vim.trim(item.quote)) or {}
  local own = sign .. item.text .. (#quoted > 0 and ": " or "")
  at:line({ own, group }, #quoted == 1 and { text.span(quoted[1]), group } or "")
  if #quoted > 1 then
    at:block(details.shortened({ lines = quoted }))
  end
  if item.advice then
    at:block({ lines = item.advice })
  end
  if item.open and item.detail then
    at:block({ lines = text.lines(item.detail) })
  end
end

function kinds.approval(item, at)
  local question = item.question
  local summary = text.span(text.one_line(question.summary, MOST_SUMMARY))
  at:line({ "▲ needs you: ", "MeerkatNeedsYou" }, { summary, "MeerkatNeedsYou" })
  for _, block in ipairs(details.of_question(question.details)) do
    at:block(item.open and block or details.shortened(block))
  end
  for place, answer in ipairs(item.answers) do
    local rule = answer.rule and " " .. text.span(answer.rule) or ""
    at:line({ tostring(place), "MeerkatKey" }, "  " .. answer.label .. rule)
  end
  at:line({ "The digit answers; while you type, Alt with the digit.", "MeerkatNote" })
end

--- Return what an item looks like.
---@param item meerkat.Item
---@return meerkat.Picture
function M.picture(item)
  local at = canvas()
  kinds[item.kind](item, at)
  return at
end

local QUIET = { tool = true, note = true, reasoning = true }

--- Whether an empty line stands between two items.
---@param before meerkat.Item|nil
---@param item meerkat.Item
---@return boolean
function M.gap(before, item)
  if not before or before.kind == "heading" then
    return false
  end
  return not (QUIET[before.kind] and QUIET[item.kind])
end

return M
