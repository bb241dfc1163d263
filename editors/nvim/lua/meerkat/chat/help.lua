--- The keys of a chat, in a window of their own.
local keys = require("meerkat.chat.keys")

local M = {}

local NAMESPACE = vim.api.nvim_create_namespace("meerkat-help")

local WIDTH_OF_KEY = 12

local function rows(title, maps, lines)
  lines[#lines + 1] = title
  for _, map in ipairs(maps) do
    if map[4] then
      lines[#lines + 1] = ("  %s%s%s"):format(map[2], (" "):rep(WIDTH_OF_KEY - #map[2]), map[4])
    end
  end
  lines[#lines + 1] = ""
end

local function content()
  local lines = {}
  rows("In the transcript", keys.TRANSCRIPT, lines)
  rows("Where prompts are written", keys.PROMPT, lines)
  lines[#lines + 1] = "In both: 1–9 answer a question that waits; Alt with the digit does while typing."
  lines[#lines + 1] = ":help meerkat has the rest. q closes this."
  return lines
end

--- Show the keys.
function M.show()
  local lines = content()
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, true, lines)
  vim.bo[buffer].modifiable = false
  vim.bo[buffer].bufhidden = "wipe"
  M._colour(buffer, lines)
  local width = math.min(84, vim.o.columns - 4)
  local height = math.min(#lines, vim.o.lines - 4)
  local window = vim.api.nvim_open_win(buffer, true, {
    relative = "editor",
    width = width,
    height = height,
    row = math.max(0, math.floor((vim.o.lines - height) / 2) - 1),
    col = math.floor((vim.o.columns - width) / 2),
    style = "minimal",
    border = "rounded",
    title = " meerkat ",
  })
  for _, key in ipairs({ "q", "<Esc>", "?" }) do
    vim.keymap.set("n", key, function()
      vim.api.nvim_win_close(window, true)
    end, { buffer = buffer, nowait = true })
  end
end

function M._colour(buffer, lines)
  for row, line in ipairs(lines) do
    local key = line:match("^  (%S+)")
    if key then
      vim.api.nvim_buf_set_extmark(buffer, NAMESPACE, row - 1, 2, { end_col = 2 + #key, hl_group = "MeerkatKey" })
    elseif line:match("^%u") and row < #lines - 1 then
      vim.api.nvim_buf_set_extmark(buffer, NAMESPACE, row - 1, 0, { end_col = #line, hl_group = "Title" })
    end
  end
end

return M
