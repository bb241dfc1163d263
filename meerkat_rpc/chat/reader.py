"""What a person types: one prompt at a time, edited, remembered, completed."""

from __future__ import annotations

import os
from collections.abc import Sequence

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.key_binding.key_processor import KeyPressEvent
from prompt_toolkit.shortcuts import CompleteStyle

from meerkat_rpc.chat.completing import ChatCompleter
from meerkat_rpc.chat.screen import PROMPT


class Reader:
    """Reads prompts. ``history_file``: where they are remembered; None for as long as the chat lasts."""

    def __init__(self, history_file: str | None, commands: Sequence[str]) -> None:
        self._session: PromptSession[str] = PromptSession(
            history=_history(history_file),
            completer=ChatCompleter(commands),
            complete_in_thread=True,
            complete_style=CompleteStyle.READLINE_LIKE,
            key_bindings=_keys(),
            multiline=True,
            prompt_continuation=" " * len(PROMPT),
        )

    async def read(self, typed: str = "") -> str | None:
        """Return the next prompt, which begins with what was ``typed`` already; None when the person leaves."""
        try:
            return await self._session.prompt_async([("bold", PROMPT)], default=typed)
        except (EOFError, KeyboardInterrupt):
            return None


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-c")
    def clear(event: KeyPressEvent) -> None:
        event.current_buffer.reset()

    return keys


def _history(path: str | None) -> History:
    if path is None:
        return InMemoryHistory()
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        # What one asks a model is nobody else's business: the file is made before the library would make it readable.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    except OSError:  # a home that can't be written is no reason not to chat
        return InMemoryHistory()
    return FileHistory(path)
