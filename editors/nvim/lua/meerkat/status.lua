--- How this Neovim's sessions are, together: for status lines.
local server = require("meerkat.server")
local sessions = require("meerkat.session.session")

local M = {}

--- How often the seconds of a busy chat are counted.
local TICK_MS = 1000

--- How long changes are gathered before they are drawn.
local GATHER_MS = 50

local timer
local wanted = false

--- Return "idle", "busy", "needs you" or "offline"; "" before the first use.
---@return string
function M.line()
  local phase = server.state().phase
  if phase == "off" then
    return ""
  elseif phase == "failed" or phase == "waiting" then
    return "offline"
  end
  local said = "idle"
  for _, session in ipairs(sessions.all()) do
    local state = session:state()
    if state == "needs you" then
      return state
    end
    said = state == "busy" and state or said
  end
  return said
end

--- Draw bars and status lines anew, soon; while something runs, every second.
function M.redraw()
  if not wanted then
    wanted = true
    vim.defer_fn(M._draw, GATHER_MS)
  end
end

function M._draw()
  wanted = false
  vim.cmd.redrawstatus({ bang = true })
  if M.line() ~= "busy" then
    return timer and timer:stop()
  end
  timer = timer or vim.uv.new_timer()
  if not timer:is_active() then
    timer:start(TICK_MS, TICK_MS, vim.schedule_wrap(function()
      vim.cmd.redrawstatus({ bang = true })
    end))
  end
end

return M
