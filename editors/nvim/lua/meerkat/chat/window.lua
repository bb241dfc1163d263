--- The chat's two windows in a tab: a transcript, and below it where prompts are written.
local config = require("meerkat.config")
local feed = require("meerkat.session.feed")

local M = {}

local TRANSCRIPT_OPTIONS = {
  number = false,
  relativenumber = false,
  signcolumn = "no",
  foldcolumn = "0",
  foldenable = false,
  statuscolumn = "",
  wrap = true,
  linebreak = true,
  breakindent = true,
  smoothscroll = true,
  list = false,
  spell = false,
  cursorline = false,
  colorcolumn = "",
  conceallevel = 2,
  concealcursor = "nc",
  scrolloff = 0,
  fillchars = "eob: ",
  statusline = " ? keys · Tab details · %<[[ ]] turns · q close",
}

local PROMPT_OPTIONS = vim.tbl_extend("force", TRANSCRIPT_OPTIONS, {
  conceallevel = 0,
  breakindent = false,
  winfixheight = true,
  statusline = " Enter send · Ctrl-C stop · %<@ file · Esc ? keys",
})

---@class meerkat.View
---@field transcript integer|nil a window
---@field prompt integer|nil a window

--- Return the chat's windows in the current tab.
---@return meerkat.View
function M.view()
  local view = {}
  for _, window in ipairs(vim.api.nvim_tabpage_list_wins(0)) do
    local role = vim.w[window].meerkat
    if role then
      view[role] = window
    end
  end
  return view
end

--- Whether a session is seen in the current tab.
---@param session meerkat.Session
---@return boolean
function M.is_seen(session)
  local tab = vim.api.nvim_get_current_tabpage()
  return vim.iter(vim.fn.win_findbuf(session.buffer)):any(function(window)
    return vim.api.nvim_win_get_tabpage(window) == tab
  end)
end

--- Show a chat in the current tab and go to where prompts are written.
---@param session meerkat.Session
---@param prompt meerkat.Prompt
function M.show(session, prompt)
  local view = M.view()
  local transcript = view.transcript or M._open()
  M._set(transcript, "transcript", session.buffer, TRANSCRIPT_OPTIONS)
  vim.wo[transcript][0].winbar = config.get().winbar and "%{%v:lua.require'meerkat.chat.bar'.text()%}" or ""
  local lines = config.get().prompt_height
  local below = view.prompt
    or vim.api.nvim_open_win(prompt.buffer, false, { split = "below", win = transcript, height = lines })
  M._set(below, "prompt", prompt.buffer, PROMPT_OPTIONS)
  vim.api.nvim_set_current_win(below)
  vim.api.nvim_win_set_cursor(transcript, { vim.api.nvim_buf_line_count(session.buffer), 0 })
end

local SPLITS = { right = "right", left = "left", below = "below", above = "above" }

function M._open()
  local set = config.get()
  if set.layout == "tab" then
    vim.cmd.tabnew()
    vim.bo.bufhidden = "wipe"
    return vim.api.nvim_get_current_win()
  elseif set.layout == "current" then
    return vim.api.nvim_get_current_win()
  end
  local is_wide = set.layout == "right" or set.layout == "left"
  local room = math.floor((is_wide and vim.o.columns or vim.o.lines) * set.size)
  local window = vim.api.nvim_open_win(vim.api.nvim_create_buf(false, true), false, {
    split = SPLITS[set.layout] or "right",
    win = -1,
    width = is_wide and room or nil,
    height = not is_wide and room or nil,
  })
  vim.bo[vim.api.nvim_win_get_buf(window)].bufhidden = "wipe"
  return window
end

function M._set(window, role, buffer, options)
  vim.w[window].meerkat = role
  vim.api.nvim_win_set_buf(window, buffer)
  for name, value in pairs(options) do
    vim.wo[window][0][name] = value
  end
end

--- Close the chat's windows in the current tab. The last window of all gets an empty buffer.
function M.close()
  local view = M.view()
  vim.cmd.stopinsert()
  for _, window in ipairs({ view.prompt, view.transcript }) do
    vim.w[window].meerkat = nil
    if not pcall(vim.api.nvim_win_close, window, false) then
      vim.api.nvim_set_current_win(window)
      vim.cmd.enew()
    end
  end
end

--- One of the two without the other is of no use: when a person closes one, the other goes as well.
---@param window integer the window that was closed
function M.closed(window)
  if not vim.w[window].meerkat then
    return
  end
  vim.w[window].meerkat = nil
  local view = M.view()
  vim.schedule(function()
    for _, other in pairs(view) do
      if vim.api.nvim_win_is_valid(other) and not pcall(vim.api.nvim_win_close, other, false) then
        vim.cmd.quit()
      end
    end
  end)
end

--- Go to where prompts are written, and begin to write.
function M.write()
  local view = M.view()
  if view.prompt then
    vim.api.nvim_set_current_win(view.prompt)
    vim.cmd.startinsert({ bang = true })
  end
end

--- Near the top of what is loaded, load what is before it.
---@param session meerkat.Session
function M.scrolled(session)
  for _, window in ipairs(vim.fn.win_findbuf(session.buffer)) do
    if vim.fn.line("w0", window) <= vim.api.nvim_win_get_height(window) then
      feed.older(session)
    end
  end
end

return M
