--- `:Meerkat`: its subcommands and their completion.
local actions = require("meerkat.actions")
local say = require("meerkat.say").say

local M = {}

---@class meerkat.Call
---@field argument string what stands behind the subcommand
---@field bang boolean
---@field range integer[]|nil first and last line

--- { what it does, the words that complete it }
M.COMMANDS = {
  ask = { actions.ask },
  chat = { actions.chat },
  open = { actions.chat },
  new = { actions.new },
  sessions = { actions.sessions },
  resume = { actions.sessions },
  send = { actions.send },
  queue = { actions.send },
  steer = { actions.steer },
  stop = { actions.stop },
  fork = { actions.fork },
  rename = { actions.rename },
  archive = { actions.archive },
  unarchive = { actions.unarchive },
  delete = { actions.delete },
  export = { actions.export, { "markdown", "json", "jsonl" } },
  model = { actions.model, actions.known_models },
  approve = { actions.approve, { "once", "session", "always" } },
  deny = { actions.deny },
  compact = { actions.compact },
  log = { actions.log },
  traffic = { actions.traffic, { "on", "off" } },
  restart = { actions.restart },
  doctor = { actions.doctor },
  health = { actions.doctor },
  help = { actions.help },
}

--- Run `:Meerkat`.
---@param call table what |nvim_create_user_command()| gives
function M.run(call)
  local name, argument = call.args:match("^%s*(%S*)%s*(.-)%s*$")
  local command = M.COMMANDS[name == "" and "chat" or name]
  if not command then
    return say(M._unknown(name), vim.log.levels.ERROR)
  end
  local range = call.range > 0 and { call.line1, call.line2 } or nil
  command[1]({ argument = argument, bang = call.bang, range = range })
end

function M._unknown(name)
  local near = vim.fn.matchfuzzy(vim.tbl_keys(M.COMMANDS), name)
  table.sort(near)
  local hint = near[1] and ("did you mean %s?"):format(near[1]) or ":Meerkat help lists them"
  return ("there is no subcommand %q; %s"):format(name, hint)
end

--- Complete `:Meerkat`.
---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  local name = line:match("Meerkat!?%s+(%S+)%s")
  local words = vim.tbl_keys(M.COMMANDS)
  if name then
    words = (M.COMMANDS[name] or {})[2] or {}
    words = type(words) == "function" and words() or words
  end
  words = vim.tbl_filter(function(word)
    return vim.startswith(word, lead)
  end, words)
  table.sort(words)
  return words
end

return M
