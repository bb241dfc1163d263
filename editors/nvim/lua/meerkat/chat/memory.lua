--- What outlives this Neovim: drafts, the history of prompts, and which session a folder had last.
local M = {}

--- Prompts that are kept: some weeks of work.
local MOST_PROMPTS = 500

local function folder()
  return vim.fs.joinpath(vim.fn.stdpath("state") --[[@as string]], "meerkat")
end

local function read(name)
  local file = io.open(vim.fs.joinpath(folder(), name), "rb")
  if not file then
    return nil
  end
  local content = file:read("*a")
  file:close()
  return content
end

--- A file is there with its old content or its new one, and for nobody else to read.
local function write(name, content)
  local path = vim.fs.joinpath(folder(), name)
  vim.fn.mkdir(vim.fs.dirname(path), "p", "0o700")
  local beside = ("%s.%d"):format(path, vim.fn.getpid())
  local file = vim.uv.fs_open(beside, "w", 384) -- 0600
  if file then
    vim.uv.fs_write(file, content)
    vim.uv.fs_close(file)
    vim.uv.fs_rename(beside, path)
  end
end

--- A chat that has no session yet has the draft of its folder.
local function new_draft_name(session)
  return vim.fs.joinpath("drafts", ("new-%s.md"):format(vim.fn.sha256(session.cwd):sub(1, 16)))
end

local function draft_name(session)
  return session.created and vim.fs.joinpath("drafts", session.id .. ".md") or new_draft_name(session)
end

--- Return what was written for a session and not sent.
---@param session meerkat.Session
---@return string
function M.draft(session)
  return read(draft_name(session)) or ""
end

--- Keep what was written for a session; nothing but blanks is forgotten.
---@param session meerkat.Session
---@param content string
function M.keep_draft(session, content)
  local name = draft_name(session)
  if vim.trim(content) ~= "" then
    write(name, content)
  else
    vim.uv.fs_unlink(vim.fs.joinpath(folder(), name))
  end
end

--- A new chat has begun: its folder's draft is no draft any more.
---@param session meerkat.Session
function M.begun(session)
  vim.uv.fs_unlink(vim.fs.joinpath(folder(), new_draft_name(session)))
end

--- Return the prompts that were sent, the oldest first.
---@return string[]
function M.prompts()
  local prompts = {}
  for line in vim.gsplit(read("prompts.jsonl") or "", "\n", { trimempty = true }) do
    local decoded, prompt = pcall(vim.json.decode, line)
    if decoded and type(prompt) == "string" then
      prompts[#prompts + 1] = prompt
    end
  end
  return prompts
end

--- Add a prompt to the history. Other Neovims have added theirs meanwhile.
---@param prompt string
function M.remember(prompt)
  local prompts = M.prompts()
  if prompts[#prompts] == prompt then
    return
  end
  prompts[#prompts + 1] = prompt
  prompts = vim.list_slice(prompts, math.max(1, #prompts - MOST_PROMPTS + 1))
  write("prompts.jsonl", table.concat(vim.tbl_map(vim.json.encode, prompts), "\n") .. "\n")
end

local function lasts()
  local decoded, value = pcall(vim.json.decode, read("last.json") or "{}")
  return decoded and type(value) == "table" and value or {}
end

--- Return the id of the session that was shown last in a folder.
---@param cwd string
---@return string|nil
function M.last(cwd)
  return lasts()[cwd]
end

--- Keep which session a folder shows.
---@param cwd string
---@param id string|nil
function M.keep_last(cwd, id)
  local all = lasts()
  if all[cwd] ~= id then
    all[cwd] = id
    write("last.json", vim.json.encode(next(all) and all or vim.empty_dict()))
  end
end

return M
