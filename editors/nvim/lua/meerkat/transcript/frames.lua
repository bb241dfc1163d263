--- When transcripts are redrawn: once a frame at most, and less often where a frame costs the editor much.
local M = {}

--- 30 frames a second: as smooth as text needs to be.
local FRAME_MS = 33

--- The longest that text waits to be seen.
local LONGEST_MS = 400

--- What a timer may be late without the frame before it being blamed.
local LATE_MS = 12

local timer, due
local pause = FRAME_MS
local behind = {}

local function run()
  local late = vim.uv.now() - due
  pause = late > LATE_MS and math.min(math.max(pause, late * 3), LONGEST_MS) or math.max(FRAME_MS, pause / 2)
  local documents = behind
  behind = {}
  for document in pairs(documents) do
    if vim.api.nvim_buf_is_valid(document.buffer) then
      document:frame()
    end
  end
end

--- Show what was added to a document with the next frame.
---@param document meerkat.Document
function M.want(document)
  local is_idle = next(behind) == nil
  behind[document] = true
  if not is_idle then
    return
  end
  timer = timer or vim.uv.new_timer()
  due = vim.uv.now() + pause
  timer:start(math.floor(pause), 0, vim.schedule_wrap(run))
end

return M
