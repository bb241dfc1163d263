--- What a question is about, or a tool was given and answered, as blocks: a change, a command, a text, else JSON.
local text = require("meerkat.text")

local M = {}

--- Lines of one block that are shown: less than a window, so that the answers are seen together with it.
local MAX_LINES = 30

---@class meerkat.Block
---@field language string|nil
---@field lines string[]

--- Return the details of a question as blocks.
---@param details any
---@return meerkat.Block[]
function M.of_question(details)
  if type(details) ~= "table" then
    return M._preview(details, nil)
  end
  if details.tool and details.args ~= nil then
    local blocks = M._preview(details.details or details.args, details.args)
    if details.source and details.source ~= "builtin" then
      table.insert(blocks, 1, { lines = { ("%s, a tool of %s"):format(details.tool, details.source) } })
    end
    return blocks
  end
  return M._preview(details, details)
end

--- Return what a tool answered as blocks.
---@param result any
---@return meerkat.Block[]
function M.of_result(result)
  return M._preview(result, result)
end

--- Return a block that is no longer than is shown unasked.
---@param block meerkat.Block
---@return meerkat.Block
function M.shortened(block)
  if #block.lines <= MAX_LINES then
    return block
  end
  local lines = vim.list_slice(block.lines, 1, MAX_LINES)
  lines[#lines + 1] = ("… %d more lines"):format(#block.lines - MAX_LINES)
  return { language = block.language, lines = lines }
end

function M._preview(it, args)
  if it == nil then
    return {}
  elseif type(it) == "string" then
    return { { lines = text.lines(it) } }
  elseif type(it) ~= "table" then
    return { { language = "json", lines = text.json(it) } }
  elseif type(it.diff) == "string" then
    return { { language = "diff", lines = text.lines(vim.trim(it.diff)) } }
  elseif it.command then
    return { M._command(it) }
  elseif it.content or it.input then
    return M._content(it.content or it.input)
  elseif it.options and vim.tbl_count(it) == 1 then
    return {}
  end
  return { { language = "json", lines = text.json(args) } }
end

function M._command(it)
  local command = type(it.command) == "table" and table.concat(vim.tbl_map(M._word, it.command), " ") or it.command
  local lines = text.lines("$ " .. tostring(command))
  if type(it.cwd) == "string" then
    lines[#lines + 1] = "# in " .. vim.fn.fnamemodify(it.cwd, ":~")
  end
  return { language = "sh", lines = lines }
end

function M._word(word)
  word = tostring(word)
  return word:match("^[%w%-_./=:@,+]+$") or vim.fn.shellescape(word)
end

function M._content(content)
  local blocks = {}
  for _, it in ipairs(vim.islist(content) and content or { content }) do
    local is_text = type(it) == "table" and it.type == "text"
    vim.list_extend(blocks, M._preview(is_text and it.text or it, it))
  end
  return blocks
end

return M
