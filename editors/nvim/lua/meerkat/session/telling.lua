--- What a turn says, as items under its heading: texts that grow, and what comes in between.
local M = {}

---@class meerkat.Turn what is known of a turn whose events come
---@field id string
---@field heading meerkat.Item
---@field answer meerkat.Item|nil the text of the present model call
---@field reasoning meerkat.Item|nil
---@field tools table<string, meerkat.Item>
---@field said boolean whether anything stands under its heading
---@field pieces meerkat.Item[] the texts of the present model call: a question may stand between two

--- Return what is known of the turn that an event belongs to.
---@param session meerkat.Session
---@param params table
---@return meerkat.Turn
function M.turn(session, params)
  if not session.turn or session.turn.id ~= params.turn_id then
    session.turn = { id = params.turn_id, tools = {}, pieces = {} }
  end
  return session.turn
end

--- Put an item into its turn, under a heading of the turn's.
function M.say(session, params, item)
  local turn = M.turn(session, params)
  if not turn.heading and M._goes_on(session, turn) then
    turn.heading = session.document.items[#session.document.items - #session.waiting]
  elseif not turn.heading then
    turn.heading = { kind = "heading", turn_id = turn.id, time = params.timestamp_ms }
    session:add(turn.heading)
  elseif turn.heading.kind == "heading" and turn.heading.state then
    turn.heading.state = nil
    session.document:redraw(turn.heading)
  end
  turn.said = true
  item.turn_id = turn.id
  session:add(item)
  return item
end

--- Whether the history has the beginning of what the turn says, with its heading.
function M._goes_on(session, turn)
  local last = session.document.items[#session.document.items - #session.waiting]
  return last ~= nil and last.turn_id == turn.id and last.kind ~= "prompt"
end

--- Put a line into a turn.
function M.note(session, params, text, more)
  return M.say(session, params, vim.tbl_extend("force", { kind = "note", text = text }, more or {}))
end

--- What a model call said is whole: what comes next begins a new item.
function M.close(session, turn, kind)
  local item = turn[kind]
  turn[kind] = nil
  if item and not item.done then
    item.done = true
    item.ms = item.began and vim.uv.now() - item.began
    session.document:redraw(item)
  end
end

--- Add to a text.
function M.piece(session, params, kind, text)
  local turn = M.turn(session, params)
  if not turn[kind] then
    turn[kind] = M.say(session, params, { kind = kind, parts = {}, began = vim.uv.now(), seqs = {}, sizes = {} })
    table.insert(turn.pieces, turn[kind])
  end
  local item = turn[kind]
  item.seqs[#item.seqs + 1], item.sizes[#item.sizes + 1] = params.seq, #text
  session.document:extend(item, text)
  return item
end

--- The whole text of a model call is there: it holds, whatever the pieces were.
function M.complete(session, params, kind, content)
  local turn = M.turn(session, params)
  local before = M._before(turn, kind)
  if not vim.startswith(content, before) then
    before = ""
  end
  local rest = content:sub(#before + 1)
  if turn[kind] or rest ~= "" then
    local item = turn[kind] or M.piece(session, params, kind, "")
    item.parts = { rest }
  end
  M.close(session, turn, kind)
  turn.pieces = vim.tbl_filter(function(other)
    return other.kind ~= kind
  end, turn.pieces)
end

--- Return what was said of it before something else came in between.
function M._before(turn, kind)
  local texts = {}
  for _, item in ipairs(turn.pieces) do
    if item.kind == kind and item ~= turn[kind] then
      texts[#texts + 1] = table.concat(item.parts)
    end
  end
  return table.concat(texts)
end

return M
