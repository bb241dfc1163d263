--- The bar above a chat: title, model, and how it is.
local config = require("meerkat.config")
local server = require("meerkat.server")
local sessions = require("meerkat.session.session")

local M = {}

local GROUPS = {
  idle = "MeerkatIdle",
  busy = "MeerkatBusy",
  ["needs you"] = "MeerkatNeedsYou",
  offline = "MeerkatOffline",
}

local function plain(words)
  return (words:gsub("%%", "%%%%"):gsub("%c", " "))
end

--- Return how a session is, in a few words and seconds.
---@param session meerkat.Session
---@return string state
---@return string told
function M.state(session)
  local phase = server.state().phase
  if phase == "failed" or phase == "waiting" then
    return "offline", phase == "waiting" and "offline, starting again …" or "offline"
  end
  local state = session:state()
  if state == "needs you" then
    return state, state
  end
  local seconds = session.running_since and math.floor((vim.uv.now() - session.running_since) / 1000) or 0
  return state, state == "busy" and seconds > 0 and ("busy %d s"):format(seconds) or state
end

--- The 'winbar' of the window that shows a transcript.
---@return string
function M.text()
  local window = vim.g.statusline_winid or 0
  local session = sessions.get(vim.b[vim.api.nvim_win_get_buf(window)].meerkat_session)
  if not session then
    return ""
  end
  local state, told = M.state(session)
  local title = session.created and (session.title ~= "" and session.title or "(untitled)") or "new chat"
  local model = session.model or config.get().model or ""
  told = (session.archived and "archived · " or "") .. told
  local room = vim.api.nvim_win_get_width(window) - vim.fn.strdisplaywidth(model .. told) - 6
  return (" %%#MeerkatBar#%s%%=%%#MeerkatTime#%s%%* %%#%s#%s%%* "):format(
    plain(M._cut(title, room)),
    plain(model),
    GROUPS[state],
    told
  )
end

--- A title loses its end, where a status line would take its beginning.
function M._cut(title, room)
  if vim.fn.strdisplaywidth(title) <= room then
    return title
  end
  local kept = vim.fn.strcharpart(title, 0, math.max(0, room - 1))
  while vim.fn.strdisplaywidth(kept) > math.max(0, room - 1) do
    kept = vim.fn.strcharpart(kept, 0, vim.fn.strchars(kept) - 1)
  end
  return kept .. "…"
end

return M
