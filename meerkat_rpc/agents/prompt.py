"""What a chat model reads of a conversation, cut to fit its context window.

Whole exchanges (a user's message and all that answers it) are dropped from the oldest on, and a good piece at a time:
the model keeps what it computed for a prompt's unchanged beginning, so a cut that moved with every turn
would make it read everything anew each time.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from attrs import frozen

from meerkat_rpc.domain import JSON

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
        said = [message for exchange in self.exchanges for message in exchange]
        first = [chat("system", self.system)] if self.system else []
        return [*first, *said, chat("user", self.user)]

    def fitted(self, room: int) -> Prompt:
        """Return the prompt with its oldest exchanges dropped until it takes ``room`` tokens or none is left."""
        fixed = self._tokens([chat("system", self.system or ""), chat("user", self.user)])
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


def prompt_of(system: str | None, exchanges: Sequence[Sequence[ChatMessage]]) -> Prompt:
    """Return the prompt of a conversation that ends with what the model is to answer. What is empty is left out."""
    said = [[message for message in exchange if message["content"]] for exchange in exchanges]
    last = said[-1][-1:] if said else []
    past = [*said[:-1], said[-1][:-1]] if said else []
    return Prompt(system, [exchange for exchange in past if exchange], last[0]["content"] if last else "")


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


def chat(role: str, content: str) -> ChatMessage:
    """Return one message."""
    return {"role": role, "content": content}


def told_call(name: str, args: JSON) -> str:
    """Return a tool call in words, for a model that has no tools."""
    return f"[called {name} with {orjson.dumps(args).decode()}]"


def told_result(name: str, content: str) -> str:
    """Return a tool's result in words."""
    return f"[{name} returned]\n{content}"
