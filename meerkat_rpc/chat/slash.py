"""The chat's commands: lines that begin with a slash."""

from __future__ import annotations

import asyncio
import difflib
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

from meerkat_rpc.chat.agent_commands import allowed, compact, context, model, queue, tools
from meerkat_rpc.chat.text import one_line, short_path

if TYPE_CHECKING:
    from meerkat_rpc.chat.conversation import Conversation
    from meerkat_rpc.chat.screen import Screen

_COMMAND = re.compile(r"(/[A-Za-z?]*)(?:\s+(.*))?\s*", re.DOTALL)
"""A path, ``/etc/hosts``, is no command: it may be what the prompt is about."""


class Leave(Exception):
    """The person wants to go."""


class Command(NamedTuple):
    """A command: how it is called, what it does, and the function that does it."""

    usage: str
    help: str
    run: Callable[[Conversation, Screen, str], Awaitable[None]]

    @property
    def name(self) -> str:
        """The word it is called by."""
        return self.usage.split()[0]


async def run_command(line: str, conversation: Conversation, screen: Screen) -> bool:
    """Run ``line`` if it is a command; False when it is a prompt.

    Raises:
        Leave: the person wants to go.
        LookupError: something isn't there; with a sentence for the person.
        ClientError: the server refused.
    """
    match = _COMMAND.fullmatch(line.strip())
    if match is None:
        return False
    name, argument = match[1].lower(), (match[2] or "").strip()
    command = next((command for command in COMMANDS if command.name == _ALIASES.get(name, name)), None)
    if command is None:
        screen.error(_unknown(name))
    else:
        await command.run(conversation, screen, argument)
    return True


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, [command.name for command in COMMANDS], n=1, cutoff=0.5)
    return f"there is no command {name}; " + (f"did you mean {near[0]}?" if near else "/help lists them")


async def _sessions(conversation: Conversation, screen: Screen, _: str) -> None:
    total = await conversation.refresh()
    if not total:
        screen.note("no sessions yet")
        return
    screen.sessions(conversation.listed, conversation.session_id, time.time())
    older = total - len(conversation.listed)
    screen.note(f"/resume N takes one up again{f'; {older} older ones are not shown' if older else ''}")


async def _resume(conversation: Conversation, screen: Screen, argument: str) -> None:
    view, tail = await conversation.resume(argument or None)
    screen.note(f"— {one_line(view['title']) or '(untitled)'} · {view['session_id']}")
    if earlier := view["message_count"] - len(tail):
        screen.note(f"({earlier} earlier message{'' if earlier == 1 else 's'})")
    for message in tail:
        screen.message(message)
    if conversation.waiting is not None:
        screen.note("its turn waits for an answer")
    elif view["state"] == "running":
        screen.note("a turn is running in it, elsewhere")


async def _new(conversation: Conversation, screen: Screen, _: str) -> None:
    conversation.leave()
    screen.note("the next prompt begins a new session")


async def _title(conversation: Conversation, screen: Screen, argument: str) -> None:
    if argument:
        conversation.title = one_line(argument)
        if conversation.session_id is not None:
            await conversation.client.update(conversation.session_id, title=conversation.title)
    elif conversation.session_id is not None:
        conversation.title = (await conversation.client.read(conversation.session_id))["title"]
    screen.note(f"title: {conversation.title or '(none yet)'}")


async def _export(conversation: Conversation, screen: Screen, argument: str) -> None:
    if conversation.session_id is None:
        raise LookupError("nothing has been said yet")
    ending = argument.rpartition(".")[2].lower()
    content = await conversation.client.export(conversation.session_id, _FORMATS.get(ending, "markdown"))
    if not argument:
        screen.say(content)
        return
    try:
        path = await asyncio.to_thread(_write_new, argument, content)
    except OSError as error:
        raise LookupError(f"{argument}: {error.strerror}") from error
    screen.note(f"written to {short_path(path)}")


_FORMATS: Mapping[str, Literal["json", "jsonl"]] = {"json": "json", "jsonl": "jsonl"}
"""The export formats by the endings of file names; any other ending gets Markdown."""


def _write_new(name: str, content: str) -> str:
    path = os.path.abspath(os.path.expanduser(name))
    with open(path, "x", encoding="utf-8") as file:  # never over a file that is there
        file.write(content)
    return path


async def _help(_: Conversation, screen: Screen, __: str) -> None:
    screen.rows([(command.usage, command.help) for command in COMMANDS])
    screen.rows(KEYS)


async def _quit(_: Conversation, __: Screen, ___: str) -> None:
    raise Leave


KEYS = (
    ("Enter", "send"),
    ("Alt-Enter", "new line"),
    ("Up, Down", "earlier prompts"),
    ("Tab", "complete a command, or a path behind @"),
    ("@FILE", 'attach a file or an image; @"a file" where its name has spaces'),
    ("Ctrl-C", "stop the answer; clear the line"),
    ("Ctrl-D", "leave"),
)

COMMANDS = (
    Command("/sessions", "list the newest sessions", _sessions),
    Command("/resume [N|ID]", "take up a session again, the newest if none is named", _resume),
    Command("/new", "begin a new session", _new),
    Command("/title [TEXT]", "show or set the session's title", _title),
    Command("/model [NAME]", "list the models, or choose one for the rest of this session and new ones", model),
    Command("/tools", "list what tools there are, and which of them ask", tools),
    Command("/allowed [remove RULE]", "list what is allowed without asking, or take a rule out", allowed),
    Command("/context TEXT", "tell the model something without having it answer", context),
    Command("/compact", "summarise what was said so far, for the model", compact),
    Command("/queue", "list the prompts that wait for the turn that runs", queue),
    Command("/export [FILE]", "the session as Markdown; FILE.json and FILE.jsonl as JSON", _export),
    Command("/help", "show this", _help),
    Command("/quit", "leave", _quit),
)

_ALIASES = {"/exit": "/quit", "/q": "/quit", "/?": "/help", "/h": "/help", "/": "/help"}
