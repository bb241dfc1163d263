--- The buffer that prompts are written in: its text, its draft on disk, and the prompts of before.
local completion = require("meerkat.chat.completion")
local memory = require("meerkat.chat.memory")
local text = require("meerkat.text")

local M = {}

local NAMESPACE = vim.api.nvim_create_namespace("meerkat-prompt")

--- How long nothing is typed before the draft is written.
local QUIET_MS = 500

local HINT = "Ask something: Enter sends, Alt-Enter begins a line"

---@class meerkat.Prompt
---@field buffer integer
---@field session meerkat.Session
---@field sending string[] what was sent and isn't accepted yet
local Prompt = {}
Prompt.__index = Prompt

--- Make the buffer of a session, with what was left unsent.
---@param session meerkat.Session
---@return meerkat.Prompt
function M.new(session)
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_name(buffer, ("meerkat://%s/prompt"):format(session.id))
  vim.b[buffer].meerkat_session = session.id
  local self = setmetatable({ buffer = buffer, session = session, sending = {} }, Prompt)
  vim.bo[buffer].filetype = "meerkat-prompt"
  pcall(vim.treesitter.start, buffer, "markdown")
  vim.bo[buffer].textwidth = 0
  self:set(memory.draft(session))
  self:_watch()
  return self
end

--- Return what is written.
---@return string
function Prompt:text()
  return table.concat(vim.api.nvim_buf_get_lines(self.buffer, 0, -1, true), "\n")
end

--- Put a text there, the cursor at its end.
---@param written string
function Prompt:set(written)
  local lines = vim.split(written, "\n", { plain = true })
  vim.api.nvim_buf_set_lines(self.buffer, 0, -1, true, lines)
  for _, window in ipairs(vim.fn.win_findbuf(self.buffer)) do
    vim.api.nvim_win_set_cursor(window, { #lines, #lines[#lines] })
  end
  self:_placeholder()
end

--- Take out what is sent. It is a draft until it has been accepted.
---@return string
function Prompt:take()
  local taken = text.without_end(self:text()):gsub("^%s*\n", "")
  table.insert(self.sending, taken)
  self.place = nil
  self:set("")
  return taken
end

--- It was accepted.
---@param taken string
function Prompt:accepted(taken)
  memory.remember(taken)
  self:_settled(taken)
end

--- It was refused: it comes back, before what was written meanwhile.
---@param taken string
function Prompt:refused(taken)
  local written = self:text()
  self:set(taken .. (written ~= "" and "\n" .. written or ""))
  self:_settled(taken)
end

function Prompt:_settled(taken)
  for place, sent in ipairs(self.sending) do
    if sent == taken then
      table.remove(self.sending, place)
      break
    end
  end
  self:keep()
end

--- Write the draft.
function Prompt:keep()
  if vim.api.nvim_buf_is_loaded(self.buffer) then
    local all = vim.list_extend(vim.list_slice(self.sending), { self:text() })
    memory.keep_draft(self.session, text.without_end(table.concat(all, "\n")))
  end
end

--- Show an earlier prompt (-1) or a later one (1); at the end, what was being written.
---@param step integer
function Prompt:recall(step)
  local prompts = memory.prompts()
  local place = self.place or #prompts + 1
  if place == #prompts + 1 then
    self.written = self:text()
  end
  place = math.min(math.max(place + step, 1), #prompts + 1)
  self.place = place
  self:set(prompts[place] or self.written or "")
end

--- Whether the cursor is where a key that goes up (-1) or down (1) would leave the text.
---@param step integer
---@return boolean
function Prompt:is_at_edge(step)
  local row = vim.api.nvim_win_get_cursor(0)[1]
  return row == (step < 0 and 1 or vim.api.nvim_buf_line_count(self.buffer))
end

function Prompt:_watch()
  local group = vim.api.nvim_create_augroup("meerkat-prompt-" .. self.buffer, {})
  local function on(events, run)
    vim.api.nvim_create_autocmd(events, { group = group, buffer = self.buffer, callback = run })
  end
  on({ "TextChanged", "TextChangedI", "TextChangedP" }, function(event)
    self:_placeholder()
    self:_keep_soon()
    if event.event ~= "TextChanged" then
      completion.offer(self.session.cwd)
    end
  end)
  on({ "InsertEnter" }, completion.enter)
  on({ "InsertLeave" }, completion.leave)
  on({ "InsertLeave", "BufLeave", "BufHidden" }, function()
    self:keep()
  end)
end

function Prompt:_keep_soon()
  self.timer = self.timer or vim.uv.new_timer()
  self.timer:start(QUIET_MS, 0, vim.schedule_wrap(function()
    self:keep()
  end))
end

function Prompt:_placeholder()
  vim.api.nvim_buf_clear_namespace(self.buffer, NAMESPACE, 0, -1)
  local lines = vim.api.nvim_buf_get_lines(self.buffer, 0, 2, false)
  if #lines == 1 and lines[1] == "" then
    vim.api.nvim_buf_set_extmark(self.buffer, NAMESPACE, 0, 0, {
      virt_text = { { HINT, "MeerkatPlaceholder" } },
      virt_text_pos = "overlay",
    })
  end
end

return M
