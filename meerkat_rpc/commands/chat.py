"""``meerkat-rpc chat``: talk in the terminal, or ask one thing in a pipe."""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meerkat_rpc.chat.conversation import Conversation
    from meerkat_rpc.chat.screen import Screen
    from meerkat_rpc.client import Client, Turn

HELP = "talk to a model in the terminal, or in a pipe"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = (
        "@FILE in a prompt attaches that file. Exit code in a pipe: 0; 1 after an error; 3 where the turn waits for an"
        " answer, which can be given in a terminal with --session; 130 after Ctrl-C."
    )
    parser.add_argument("prompt", nargs="*", metavar="PROMPT", help="ask this, print the answer and leave")
    parser.add_argument("--model", metavar="M", help="the model of new sessions")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--store", metavar="DIR", help="directory of the session store")
    where.add_argument("--ephemeral", action="store_true", help="keep nothing")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--session", metavar="ID", help="go on in this session; the beginning of its id will do")
    which.add_argument("--resume", action="store_true", help="go on in the newest session")
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="RULE",
        help="don't ask about calls of tools that RULE covers, TOOL or TOOL:DETAIL, this time; may be repeated",
    )
    parser.add_argument("--title", metavar="TEXT", help="title of the session that the first prompt begins")


def run(args: argparse.Namespace) -> int:
    """Chat, and return the exit code: 0, 1 after an error; in a pipe 3 if the turn waits, 130 after Ctrl-C."""
    from meerkat_rpc.client import ClientError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a poor encoding is no reason to end a conversation
    try:
        if not args.prompt and sys.stdin.isatty() and sys.stdout.isatty():
            return asyncio.run(_talk(args))
        return asyncio.run(_ask_once(args, _prompt(args)))
    except KeyboardInterrupt:
        return 130
    except LookupError as error:
        return _fail(str(error.args[0]))
    except ClientError as error:
        from meerkat_rpc.chat.answer import describe

        return _fail(describe(error))


def _fail(message: str) -> int:
    print(f"meerkat-rpc: {message}", file=sys.stderr)
    return 1


def _prompt(args: argparse.Namespace) -> str:
    from meerkat_rpc.chat.pipe import read_prompt

    prompt = " ".join(args.prompt) if args.prompt else read_prompt()
    if not prompt.strip():
        raise LookupError("there is no prompt: stdin is empty")
    return prompt


def _client(args: argparse.Namespace) -> Client:
    from meerkat_rpc.client import Client

    # Tools that are listed before there is a session are those of the folder where it will be.
    here = ["--context-root", os.getcwd()]
    return Client.spawn(store=args.store, ephemeral=args.ephemeral, model=args.model, args=here, prepare=True)


async def _ask_once(args: argparse.Namespace, prompt: str) -> int:
    from meerkat_rpc.chat.pipe import print_answer

    async with _client(args) as client:
        return await print_answer(await _first_turn(args, client, prompt), client, args.allow)


async def _first_turn(args: argparse.Namespace, client: Client, prompt: str) -> Turn:
    from meerkat_rpc.chat.attaching import attachments
    from meerkat_rpc.chat.conversation import Conversation

    conversation = Conversation(client, args.title, args.model)
    if args.session or args.resume:
        await conversation.resume(args.session)
        conversation.override(args.model)
    # What comes through a pipe may be anything, and has not been written with files in mind.
    files = attachments(prompt, conversation.cwd) if args.prompt else ()
    return conversation.ask(prompt, files)


async def _talk(args: argparse.Namespace) -> int:
    opening = asyncio.ensure_future(_client(args).open())  # the server starts while the terminal library is imported
    await asyncio.sleep(0)
    from meerkat_rpc.chat.app import Chat, greet
    from meerkat_rpc.chat.conversation import Conversation
    from meerkat_rpc.chat.reader import Reader
    from meerkat_rpc.chat.screen import Screen
    from meerkat_rpc.chat.slash import COMMANDS

    client = await opening
    try:
        screen, conversation = Screen(), Conversation(client, args.title, args.model)
        await greet(client, screen)
        reader = Reader(_history_file(args), [command.name for command in COMMANDS])
        chat = Chat(conversation, screen, reader, args.allow)
        if args.session or args.resume:
            await chat.resume(args.session, args.model)
        await chat.run()
        _say_goodbye(screen, conversation)
    finally:
        await client.close()
    return 0


def _history_file(args: argparse.Namespace) -> str | None:
    """Return where prompts are remembered: beside the user's store, whichever store is used; None to forget them."""
    from meerkat_rpc.config import default_store

    return None if args.ephemeral else os.path.join(os.path.dirname(default_store(os.environ)), "chat_history")


def _say_goodbye(screen: Screen, conversation: Conversation) -> None:
    if conversation.session_id is not None and "path" in conversation.client.server["store"]:
        screen.note(f"to go on: meerkat-rpc chat --session {conversation.session_id}")
