--- Choosing a session: this folder's first, and from there all folders' and archived ones.
local server = require("meerkat.server")
local sessions = require("meerkat.session.session")
local text = require("meerkat.text")
local say = require("meerkat.say").say

local M = {}

--- Sessions that a list has: more than anybody looks through.
local MOST = 200

local AGES = { { 31536000, "y" }, { 2592000, "mo" }, { 86400, "d" }, { 3600, "h" }, { 60, "min" } }

--- Return how long ago something was.
---@param seconds integer since the epoch
---@return string
function M.age(seconds)
  local past = os.time() - seconds
  for _, age in ipairs(AGES) do
    if past >= age[1] then
      return ("%d %s"):format(past / age[1], age[2])
    end
  end
  return "now"
end

local MORE = {
  all = { title = "… sessions of all folders", scope = "all" },
  archived = { title = "… archived sessions", scope = "archived" },
  here = { title = "… sessions of this folder", scope = "here" },
}

local SCOPES = {
  here = { prompt = "Sessions of this folder", more = { MORE.all, MORE.archived } },
  all = { prompt = "Sessions of all folders", more = { MORE.here, MORE.archived } },
  archived = { prompt = "Archived sessions", more = { MORE.all } },
}

--- Return a session as a line.
---@param it table a summary, or an entry that leads to another list
---@return string
function M.line(it)
  if it.scope then
    return it.title
  end
  local known = sessions.get(it.session_id)
  local state = known and known.followed and known:state() or it.state == "running" and "busy" or "idle"
  local told = it.archived and "archived" or state ~= "idle" and state or ""
  local title = text.one_line(it.title ~= "" and it.title or "(untitled)", 60)
  local folder = it.cwd and vim.fn.fnamemodify(it.cwd, ":~") or ""
  local pad = (" "):rep(math.max(0, 60 - vim.fn.strdisplaywidth(title)))
  return ("%s%s  %6s  %-9s  %s"):format(title, pad, M.age(it.updated_at), told, folder)
end

--- Let a person choose a session.
---@param scope "here"|"all"|"archived"
---@param done fun(summary: table)
function M.pick(scope, done)
  local params = { limit = MOST, archived = scope == "archived" }
  params.cwd = scope == "here" and vim.fn.getcwd() or nil
  server.request("session/list", params, function(problem, result)
    if problem then
      return say(problem.message, vim.log.levels.ERROR)
    end
    local entries = vim.list_extend(result.sessions, vim.deepcopy(SCOPES[scope].more))
    local shown = { prompt = SCOPES[scope].prompt, kind = "meerkat-session", format_item = M.line }
    vim.ui.select(entries, shown, function(it)
      if it and it.scope then
        return M.pick(it.scope, done)
      elseif it then
        done(it)
      end
    end)
  end)
end

return M
