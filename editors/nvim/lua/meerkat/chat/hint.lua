--- What an empty chat says: how to ask, and which model answers.
local config = require("meerkat.config")
local server = require("meerkat.server")

local M = {}

local NAMESPACE = vim.api.nvim_create_namespace("meerkat-hint")

--- Show the hint in an empty transcript, and nothing in any other.
---@param session meerkat.Session
function M.update(session)
  if not vim.api.nvim_buf_is_valid(session.buffer) then
    return
  end
  vim.api.nvim_buf_clear_namespace(session.buffer, NAMESPACE, 0, -1)
  if #session.document.items > 0 then
    return
  end
  M._ask_model(session)
  vim.api.nvim_buf_set_extmark(session.buffer, NAMESPACE, 0, 0, { virt_lines = M._lines(session) })
end

function M._lines(session)
  local lines = {}
  for _, line in ipairs({
    "Ask something below: Enter sends it.",
    "@path attaches a file.",
    "Ctrl-C stops an answer.",
    ":'<,'>Meerkat ask brings a selection along.",
    "Esc ? lists the keys, :help meerkat the rest.",
    "",
    M._model(session),
  }) do
    lines[#lines + 1] = { { "  " .. line, "MeerkatPlaceholder" } }
  end
  return lines
end

function M._model(session)
  local model = session.model or config.get().model or M.default
  if model then
    return ("%s answers; :Meerkat model chooses another."):format(model)
  end
  return M.default == false and "There is no default model here: :Meerkat model lists what there is." or ""
end

--- The default is asked for once: nil until it is known, false where there is none.
function M._ask_model(session)
  if M.asked or server.state().phase ~= "on" then
    return
  end
  M.asked = true
  server.request("models/catalog", {}, function(problem, catalog)
    if problem then
      M.asked = false
    else
      M.default = catalog.default_model or false
      M.update(session)
    end
  end)
end

return M
