-- Runs at every start of Neovim: it only says what there is, and loads nothing.
if vim.g.loaded_meerkat then
  return
end
vim.g.loaded_meerkat = 1

if vim.fn.has("nvim-0.10") == 0 then
  local version = vim.version()
  local line = "meerkat needs Neovim 0.10 or newer; this is %d.%d.%d"
  vim.cmd(
    ("command! -nargs=* -range -bang Meerkat echo %q"):format(
      line:format(version.major, version.minor, version.patch)
    )
  )
  return
end

vim.api.nvim_create_user_command("Meerkat", function(call)
  require("meerkat.commands").run(call)
end, {
  nargs = "*",
  range = true,
  bang = true,
  desc = "Agent sessions: without arguments, show or hide the chat",
  complete = function(lead, line)
    return require("meerkat.commands").complete(lead, line)
  end,
})

--- Offer a command as <Plug>(meerkat-NAME).
local function plug(mode, name, command)
  vim.keymap.set(mode, ("<Plug>(meerkat-%s)"):format(name), command, { desc = "meerkat: " .. name })
end

for _, name in ipairs({ "ask", "chat", "new", "sessions", "stop", "approve", "deny", "fork", "export", "model" }) do
  plug("n", name, ("<Cmd>Meerkat %s<CR>"):format(name))
end
plug("x", "ask", ":Meerkat ask<CR>")
