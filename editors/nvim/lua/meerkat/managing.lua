--- What is done with a session as a whole: with the one that is shown or, with a bang, with one that is chosen first.
local chat = require("meerkat.chat.chat")
local feed = require("meerkat.session.feed")
local forking = require("meerkat.forking")
local picker = require("meerkat.picker")
local say = require("meerkat.say").say
local server = require("meerkat.server")
local sessions = require("meerkat.session.session")

local M = {}

local function ask(method, params, done)
  server.request(method, params, function(problem, result)
    if problem then
      return say(problem.message, vim.log.levels.ERROR)
    end
    done(result)
  end)
end

--- Give the session that is meant: `done(id, title)`.
local function chosen(call, scope, done)
  local session = chat.session()
  if session and session.created and not call.bang then
    return done(session.id, session.title)
  end
  picker.pick(scope, function(it)
    done(it.session_id, it.title)
  end)
end

local function reread(id)
  local session = sessions.get(id)
  if session then
    feed.refresh(session)
  end
end

function M.rename(call)
  chosen(call, "here", function(id, title)
    local function rename(new)
      if new and vim.trim(new) ~= "" then
        ask("session/update", { session_id = id, title = vim.trim(new) }, function()
          reread(id)
        end)
      end
    end
    if call.argument ~= "" then
      return rename(call.argument)
    end
    vim.ui.input({ prompt = "Title: ", default = title }, rename)
  end)
end

function M.archive(call)
  chosen(call, "here", function(id)
    ask("session/archive", { session_id = id }, function()
      reread(id)
      say("archived; :Meerkat unarchive takes it back")
    end)
  end)
end

function M.unarchive(call)
  local session = chat.session()
  local from_list = { bang = call.bang or not (session and session.archived) }
  chosen(from_list, "archived", function(id)
    ask("session/unarchive", { session_id = id }, function()
      reread(id)
      say("taken back")
    end)
  end)
end

function M.delete(call)
  chosen(call, "here", function(id, title)
    local question = { prompt = ("Delete %q and every trace of it?"):format(title) }
    vim.ui.select({ "Keep it", "Delete it" }, question, function(_, choice)
      if choice == 2 then
        ask("session/delete", { session_id = id }, function()
          chat.deleted(id)
          say("deleted")
        end)
      end
    end)
  end)
end

local EXPORTS = { markdown = "markdown", json = "json", jsonl = "jsonl" }

function M.export(call)
  local format = EXPORTS[call.argument == "" and "markdown" or call.argument]
  if not format then
    return say("export as markdown, json or jsonl", vim.log.levels.ERROR)
  end
  chosen(call, "here", function(id)
    ask("session/export", { session_id = id, format = format }, function(result)
      vim.cmd.tabnew()
      vim.api.nvim_buf_set_lines(0, 0, -1, true, vim.split(vim.trim(result.content), "\n", { plain = true }))
      vim.bo.filetype = format == "jsonl" and "json" or format
    end)
  end)
end

function M.compact(call)
  chosen(call, "here", function(id)
    say("summarising …")
    ask("session/compact", { session_id = id }, function(result)
      local is_same = result.messages_before == result.messages_after
      local told = ("summarised: the model reads %d messages in place of %d"):format(
        result.messages_after,
        result.messages_before
      )
      say(is_same and "there was nothing to summarise" or told)
    end)
  end)
end

--- Fork: from the message under the cursor of a transcript, else the whole.
function M.fork(call)
  chosen(call, "here", function(id)
    local session = sessions.get(id)
    local item = session and not call.bang and forking.under_cursor(session)
    forking.fork(id, item, function(problem, new, prompt)
      if problem then
        return say(problem, vim.log.levels.ERROR)
      end
      chat.open(new, function(opened)
        say("this is the new session")
        if prompt then
          chat.prompt(opened):set(prompt)
        end
      end)
    end)
  end)
end

local catalog = {}

--- The names of the models that can be used, once the list has been seen.
---@return string[]
function M.known_models()
  return vim.tbl_map(function(model)
    return model.id
  end, vim.tbl_filter(function(model)
    return model.available
  end, catalog))
end

local function model_line(model)
  local told = model.is_default and "  (default)" or ""
  return model.id .. told .. (model.available and "" or "  – " .. (model.missing or "can't be used"))
end

local function use_model(session, name)
  if not session.created then
    session.model = name
    feed.on_change(session)
    return say(name .. " answers in this chat")
  end
  ask("session/update", { session_id = session.id, model = name }, function(view)
    session:describe(view)
    feed.on_change(session)
    say(("%s answers from now on"):format(name))
  end)
end

function M.model(call)
  local session = chat.session() or chat.new()
  if call.argument ~= "" then
    return use_model(session, call.argument)
  end
  ask("models/catalog", {}, function(result)
    catalog = result.models
    table.sort(catalog, function(a, b)
      if a.available ~= b.available then
        return a.available
      end
      return a.id < b.id
    end)
    vim.ui.select(catalog, { prompt = "Model", kind = "meerkat-model", format_item = model_line }, function(model)
      if model and not model.available then
        return say(("%s can't be used: %s"):format(model.id, model.missing or "not available"), vim.log.levels.WARN)
      elseif model then
        use_model(session, model.id)
      end
    end)
  end)
end

return M
