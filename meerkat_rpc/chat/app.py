"""The chat in a terminal: reads a line, answers it, until the person leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from meerkat_rpc.chat.answer import ShownTurn, describe, show_turn
from meerkat_rpc.chat.attaching import attachments
from meerkat_rpc.chat.conversation import Conversation
from meerkat_rpc.chat.interrupts import on_interrupt
from meerkat_rpc.chat.keyboard import Keyboard
from meerkat_rpc.chat.questions import Questions
from meerkat_rpc.chat.screen import attached
from meerkat_rpc.chat.slash import Leave, run_command
from meerkat_rpc.chat.text import short_path
from meerkat_rpc.client import ClientError

if TYPE_CHECKING:
    from meerkat_rpc.chat.reader import Reader
    from meerkat_rpc.chat.screen import Screen
    from meerkat_rpc.client import Client
    from meerkat_rpc.client.results import ModelsCatalogResult


class Chat:
    """A person talking to sessions. ``allow``: rules of approvals that are not asked for."""

    def __init__(self, conversation: Conversation, screen: Screen, reader: Reader, allow: Sequence[str] = ()) -> None:
        self._conversation = conversation
        self._screen = screen
        self._reader = reader
        self._allow = allow
        self._keyboard = Keyboard()
        self._leaving = False

    async def resume(self, wanted: str | None, model: str | None) -> None:
        """Take up a session before the first prompt, the newest where none is ``wanted``, and what it waits for.

        Raises:
            LookupError: there is no such session.
            ClientError: the server refused.
        """
        await run_command(f"/resume {wanted or ''}", self._conversation, self._screen)
        self._conversation.override(model)
        await self._follow_waiting()

    async def run(self) -> None:
        """Talk until the person leaves."""
        while not self._leaving and (line := await self._read()) is not None:
            if not line.strip():
                continue
            try:
                await self._answer(line)
            except Leave:
                return
            except LookupError as error:
                self._screen.error(str(error.args[0]))
            except ClientError as error:
                self._screen.error(describe(error))

    async def _read(self) -> str | None:
        return await self._reader.read(self._keyboard.take_typed_ahead())

    async def _answer(self, line: str) -> None:
        command = asyncio.ensure_future(run_command(line, self._conversation, self._screen))
        with on_interrupt(command.cancel):
            try:
                if await command:
                    await self._follow_waiting()
                    return
            except asyncio.CancelledError:
                self._screen.note("stopped")
                return
        await self._ask(line)

    async def _ask(self, prompt: str) -> None:
        files = await asyncio.to_thread(attachments, prompt, self._conversation.cwd)
        if files:
            self._screen.note(attached([(file.name, file.kind, file.size) for file in files]))
        turn = self._conversation.ask(prompt, files)
        if await self._show(turn):
            self._conversation.session_id = turn.session_id
        self._screen.say("")

    async def _follow_waiting(self) -> None:
        """Follow the turn of the session that was taken up, if it waits for an answer."""
        turn, self._conversation.waiting = self._conversation.waiting, None
        if turn is not None:
            await self._show(turn)
            self._screen.say("")

    async def _show(self, turn: ShownTurn) -> bool:
        questions = Questions(self._conversation.client, turn.session_id, self._screen, self._keyboard, self._allow)
        try:
            return await show_turn(turn, self._screen, questions)
        finally:
            self._leaving = questions.person_left


async def greet(client: Client, screen: Screen) -> None:
    """Say where one is: version, model, where sessions are kept, how to get help.

    Raises:
        RpcError: the store can't be used. Better now than after the first prompt was typed.
    """
    catalogue, kept = await client.models(), (await client.list(limit=1))["total"]
    info, store = client.server["server_info"], client.server["store"]
    sessions = f"{kept} session{'' if kept == 1 else 's'}"
    where = f"{sessions} in {short_path(store['path'])}" if "path" in store else "nothing is kept: --ephemeral"
    screen.note(f"{info['name']} {info['version']} · {catalogue['default_model'] or 'no model'} · {where}")
    for line in _missing_model(catalogue):
        screen.say(line)
    screen.note("Enter sends, Ctrl-C stops an answer, Ctrl-D leaves, /help shows the rest")


def _missing_model(catalogue: ModelsCatalogResult) -> list[str]:
    """Return what to tell somebody who has no model to talk to; nothing when there is one."""
    default = catalogue["default_model"]
    advice = [m["missing"] for m in catalogue["models"] if "missing" in m and m["id"] in {default, "smollm2"}]
    usable = any(m["available"] and m["id"] == (default or "").partition(":")[0] for m in catalogue["models"])
    if usable or not advice:
        return []
    others = ", ".join(model["id"] for model in catalogue["models"] if model["available"])
    return [advice[0], f"Without it, /model chooses among: {others}"]
