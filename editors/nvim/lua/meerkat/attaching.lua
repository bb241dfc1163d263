--- Files that a prompt names with `@` go with it. What is no file stays text.
local M = {}

local IMAGES = { png = true, jpg = true, jpeg = true, gif = true, webp = true }

--- What may stand before a mention: neither an address, `a@b`, nor anything else with the sign inside is one.
local BEFORE = "^[%s%(%[{\"']$"

--- What may stand behind a name without being part of it.
local TRAILING = "[%.,;:!%?%)%]}'\"]$"

---@class meerkat.File
---@field kind "image"|"file"
---@field name string
---@field path string

--- Return the files that a prompt mentions and that are there, each once.
---@param prompt string
---@param cwd string where relative names begin
---@return meerkat.File[]
function M.files(prompt, cwd)
  local found, seen = {}, {}
  for names in M._mentions(prompt) do
    local file = M._file(names, cwd)
    if file and not seen[file.path] then
      seen[file.path] = true
      found[#found + 1] = file
    end
  end
  return found
end

--- Return what is sent: the text alone, or blocks with the text first.
---@param prompt string
---@param files meerkat.File[]
---@return string|table[]
function M.content(prompt, files)
  if #files == 0 then
    return prompt
  end
  local blocks = { { type = "text", text = prompt } }
  for _, file in ipairs(files) do
    blocks[#blocks + 1] = { type = file.kind, name = file.name, path = file.path }
  end
  return blocks
end

--- Iterate over what each mention may be the name of, the likeliest first.
function M._mentions(prompt)
  local at = 0
  return function()
    while true do
      at = prompt:find("@", at + 1, true)
      if not at then
        return nil
      end
      if at == 1 or prompt:sub(at - 1, at - 1):match(BEFORE) then
        local quoted = prompt:match('^"([^"\n]+)"', at + 1)
        local bare = prompt:match('^[^%s"]+', at + 1)
        if quoted or bare then
          return quoted and { quoted } or M._names(bare)
        end
      end
    end
  end
end

function M._names(bare)
  local names = { bare }
  while bare:match(TRAILING) do
    bare = bare:sub(1, -2)
    names[#names + 1] = bare ~= "" and bare or nil
  end
  return names
end

function M._file(names, cwd)
  for _, name in ipairs(names) do
    local expanded = name:sub(1, 2) == "~/" and vim.fs.normalize(name) or name
    local path = expanded:sub(1, 1) == "/" and expanded or vim.fs.joinpath(cwd, expanded)
    local about = vim.uv.fs_stat(path)
    if about and about.type == "file" then
      local ending = (path:match("%.(%w+)$") or ""):lower()
      local kind = IMAGES[ending] and "image" or "file"
      return { kind = kind, name = vim.fs.basename(path), path = vim.fs.normalize(path) }
    end
  end
end

return M
