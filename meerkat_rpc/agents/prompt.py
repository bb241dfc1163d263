"""From a session's history to what a chat model reads, cut to fit its context window.

Whole exchanges (a user's message and all that answers it) are dropped from the oldest on, and a good piece at a time:
the model keeps what it computed for a prompt's unchanged beginning, so a cut that moved with every turn
would make it read everything anew each time.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from attrs import frozen

from meerkat_rpc.domain import Message

ChatMessage = dict[str, str]
"""One message as the chat template takes it: ``role`` and ``content``."""

TEMPLATE_TOKENS = 8
"""What the chat template adds to each message, rounded up: the markers, the role, the line ends."""


@frozen
class Prompt:
    """What is said to the model: the fixed part (system prompt, the user's new prompt) and the exchanges between.

    ``bytes_per_token`` is the guess that sizes are made with, until the model has counted.
    """

    system: str | None
    exchanges: Sequence[Sequence[ChatMessage]]
    user: str
    bytes_per_token: float = 3.0

    def messages(self) -> list[ChatMessage]:
        """Return the chat, in order."""
        chat = [message for exchange in self.exchanges for message in exchange]
        first = [_chat("system", self.system)] if self.system else []
        return [*first, *chat, _chat("user", self.user)]

    def fitted(self, room: int) -> Prompt:
        """Return the prompt with its oldest exchanges dropped until it takes ``room`` tokens or none is left."""
        fixed = self._tokens([_chat("system", self.system or ""), _chat("user", self.user)])
        first = _first_kept([self._tokens(exchange) for exchange in self.exchanges], max(room - fixed, 1))
        return Prompt(self.system, self.exchanges[first:], self.user, self.bytes_per_token)

    def counted(self, tokens: int) -> Prompt:
        """Return the prompt with the guess corrected: the model counted ``tokens`` for it."""
        length = sum(len(message["content"].encode()) for message in self.messages())
        templates = TEMPLATE_TOKENS * len(self.messages())
        measured = length / max(tokens - templates, 1)
        return Prompt(self.system, self.exchanges, self.user, min(measured, self.bytes_per_token * 0.9))

    def _tokens(self, messages: Sequence[ChatMessage]) -> int:
        length = sum(len(message["content"].encode()) for message in messages)
        return round(length / self.bytes_per_token) + TEMPLATE_TOKENS * len(messages)


def prompt_of(history: Sequence[Message], system: str | None, user: str) -> Prompt:
    """Return the prompt that continues ``history`` with ``user``."""
    exchanges: list[list[ChatMessage]] = []
    for message in history:
        if message.role == "user" or not exchanges:
            exchanges.append([])
        if chat := _chat_message(message):
            exchanges[-1].append(chat)
    return Prompt(system, exchanges, user)


def _first_kept(sizes: Sequence[int], room: int) -> int:
    """Return the index of the first exchange to keep so that the rest takes ``room``.

    The amount dropped is rounded up to a multiple of half the room, so it stays the same for many turns; but an
    exchange that fits is not dropped for the rounding's sake when that would leave three quarters of the room empty.
    """
    remaining = sum(sizes)
    step = max(room // 2, 1)
    goal = remaining - -(-(remaining - room) // step) * step if remaining > room else remaining
    for index, size in enumerate(sizes):
        if remaining <= room and (remaining <= goal or remaining - size < step // 2):
            return index
        remaining -= size
    return len(sizes)


def _chat(role: str, content: str) -> ChatMessage:
    return {"role": role, "content": content}


def _chat_message(message: Message) -> ChatMessage | None:
    """Return ``message`` as a model without tools of its own reads it: tool traffic becomes text."""
    if message.role == "tool":
        name = message.tool_result.name if message.tool_result else "the tool"
        return _chat("user", f"[{name} returned]\n{message.content}")
    calls = [f"[called {call.name} with {orjson.dumps(call.args).decode()}]" for call in message.tool_calls]
    text = "\n".join(part for part in (message.content, *calls) if part)
    return _chat(message.role, text) if text else None
