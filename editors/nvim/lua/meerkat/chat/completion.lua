--- `@path` in a prompt: the workspace's files, offered as one types.
local M = {}

--- Matches that are offered: a screen full.
local MOST_MATCHES = 50

--- Files that are looked at where git doesn't list them.
local MOST_FILES = 20000

--- How long a list of files is good for.
local FRESH_MS = 10000

local SKIPPED = { [".git"] = true, node_modules = true, [".venv"] = true, __pycache__ = true }

local lists = {} -- by folder: { files, at }

--- Return where the mention before the cursor begins (its `@`, a byte column) and what is written of it.
---@param before string the line up to the cursor
---@return integer|nil column
---@return string|nil written
function M.mention(before)
  local column, quoted = before:match('()@"([^"]*)$')
  if not column then
    column, quoted = before:match('()@([^%s"@]*)$')
  end
  if column and (column == 1 or before:sub(column - 1, column - 1):match("[%s%(%[{\"']")) then
    return column, quoted
  end
end

--- Offer files for the mention that is being typed, if one is.
---@param cwd string
function M.offer(cwd)
  local column, written = M.mention(M._before())
  if not column then
    return
  end
  M.files(cwd, function(files)
    local now, written_now = M.mention(M._before())
    if vim.fn.mode() == "i" and now == column and written_now == written then
      local matches = M.matches(files, written)
      if #matches > 0 or vim.fn.pumvisible() == 1 then
        vim.fn.complete(column, matches)
      end
    end
  end)
end

function M._before()
  return vim.api.nvim_get_current_line():sub(1, vim.api.nvim_win_get_cursor(0)[2])
end

--- Return the mentions of the files that a few characters mean.
---@param files string[]
---@param written string
---@return table[]
function M.matches(files, written)
  local found = written == "" and files or vim.fn.matchfuzzy(files, written)
  return vim.tbl_map(function(path)
    return { word = path:find(" ") and ('@"%s"'):format(path) or "@" .. path, abbr = path, equal = 1 }
  end, vim.list_slice(found, 1, MOST_MATCHES))
end

--- |complete-functions| for those who press CTRL-X CTRL-U.
---@param find_start integer
function M.complete(find_start)
  if find_start == 1 then
    local column = M.mention(M._before())
    return column and column - 1 or -3
  end
  local _, written = M.mention(M._before())
  local list = lists[vim.fn.getcwd()]
  return list and M.matches(list.files, written or "") or {}
end

--- Give the files of a folder: those that git knows, else those that are there.
---@param cwd string
---@param done fun(files: string[])
function M.files(cwd, done)
  local list = lists[cwd]
  if list and vim.uv.now() - list.at < FRESH_MS then
    return done(list.files)
  end
  local function keep(files)
    lists[cwd] = { files = files, at = vim.uv.now() }
    done(files)
  end
  local git = { "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard" }
  local started = pcall(vim.system, git, { cwd = cwd }, vim.schedule_wrap(function(result)
    keep(result.code == 0 and vim.split(result.stdout, "\0", { trimempty = true }) or M._walk(cwd))
  end))
  if not started then
    keep(M._walk(cwd))
  end
end

function M._walk(cwd)
  local files = {}
  local options = {
    depth = 8,
    skip = function(name)
      return not SKIPPED[vim.fs.basename(name)] and #files < MOST_FILES
    end,
  }
  for name, kind in vim.fs.dir(cwd, options) do
    if kind == "file" and #files < MOST_FILES then
      files[#files + 1] = name
    end
  end
  return files
end

local chosen

--- The first match is marked and not yet put in: Enter or Tab does that.
function M.enter()
  chosen = vim.o.completeopt
  vim.o.completeopt = "menuone,noinsert"
end

--- Give the user's own way of completing back.
function M.leave()
  if chosen then
    vim.o.completeopt, chosen = chosen, nil
  end
end

return M
