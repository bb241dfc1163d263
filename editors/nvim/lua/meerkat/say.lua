--- What a person is told outside of a chat: one line, so that Neovim never asks for Enter because of it.
local log = require("meerkat.log")
local text = require("meerkat.text")

--- What Neovim itself needs at the end of a line of messages.
local MARGIN = 14

local REST = " … (:Meerkat log)"

local M = {}

--- Tell a person something. What doesn't fit into the line is in the log.
---@param words string
---@param level integer|nil of vim.log.levels
function M.say(words, level)
  local line = "meerkat: " .. words
  local room = vim.o.columns * math.max(1, vim.o.cmdheight) - MARGIN
  if line:find("\n") or vim.fn.strdisplaywidth(line) > room then
    log.write("said", line)
    line = text.one_line(line, math.max(20, room - #REST)) .. REST
  end
  vim.notify(line, level or vim.log.levels.INFO, { title = "meerkat" })
end

return M
