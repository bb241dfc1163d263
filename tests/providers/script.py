"""What a provider is to answer, said without any provider's format.

A reply is a list of steps that are played in order. Each protocol turns them into its own bytes
(``speaking.Speaker``); what goes wrong on purpose is played by the server itself (``playing.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from attrs import frozen

Stop = Literal["end_turn", "max_tokens", "tool_use", "refusal"]


@frozen
class Text:
    """Text, in ``chunks`` deltas of about the same length, ``delay_ms`` after each."""

    text: str
    chunks: int = 1
    delay_ms: float = 0


@frozen
class Clock:
    """Text that is the time at which it is written, in nanoseconds of ``records.now_ns``: for measuring."""

    clock: bool = True


@frozen
class Reasoning:
    """What the model thinks, likewise; signed where the provider signs it."""

    reasoning: str
    chunks: int = 1
    delay_ms: float = 0


@frozen
class Call:
    """A tool call. ``id``: None for one in the provider's style. ``raw``: sent in place of the arguments' JSON."""

    tool: str
    args: Mapping[str, Any] = {}
    id: str | None = None
    chunks: int = 3
    delay_ms: float = 0
    raw: str | None = None


@frozen
class Answer:
    """A structured answer, in the way the request asked for one: as text, or as a call of the output tool."""

    answer: Any


@frozen
class Wait:
    """Nothing for a while."""

    wait_ms: float


@frozen
class Hold:
    """Nothing until the test calls ``Provider.release``."""

    hold: bool = True


@frozen
class Stall:
    """Nothing any more, the connection open. Without ``headers`` not even those, where this comes first."""

    stall: bool = True
    headers: bool = True


@frozen
class Drop:
    """The connection breaks: reset, or closed in an orderly way with the body unfinished."""

    drop: Literal["reset", "close"] = "reset"


@frozen
class Garbage:
    """Bytes that are no part of the protocol, in the middle of the body."""

    garbage: bytes


@frozen
class Trouble:
    """An error that the provider reports inside a stream that began well, which ends there."""

    trouble: str
    status: int = 529


@frozen
class Fail:
    """An HTTP error in place of an answer. ``body``: sent as it is; None for the provider's own form.

    ``retry_after`` is the value of the header; None sends none.
    """

    fail: int
    message: str = "something is wrong"
    retry_after: str | None = None
    body: bytes | None = None


Step = Text | Clock | Reasoning | Call | Answer | Wait | Hold | Stall | Drop | Garbage | Trouble | Fail


@frozen
class Tokens:
    """What a reply costs. ``input`` has the cached tokens in it, ``output`` those of the reasoning."""

    input: int = 10
    output: int = 5
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0


@frozen
class Reply:
    """One answer. ``stop``: None for what fits the steps."""

    steps: Sequence[Step]
    tokens: Tokens = Tokens()
    stop: Stop | None = None

    @property
    def stop_reason(self) -> Stop:
        """Why the model stopped."""
        calls = any(isinstance(step, Call) for step in self.steps)
        return self.stop or ("tool_use" if calls else "end_turn")


def reply(*steps: Step, tokens: Tokens = Tokens(), stop: Stop | None = None) -> Reply:
    """Return the reply that plays ``steps``."""
    return Reply(steps, tokens, stop)


_KINDS: Mapping[str, type[Step]] = {
    kind.__attrs_attrs__[0].name: kind
    for kind in (Text, Clock, Reasoning, Call, Answer, Wait, Hold, Stall, Drop, Garbage, Trouble, Fail)
}
"""A step's first field names its kind in JSON."""


def step_of(value: Mapping[str, Any]) -> Step:
    """Return the step that ``value`` is, such as ``{"text": "hello", "chunks": 2}``.

    Raises:
        ValueError: it is none.
    """
    for name, kind in _KINDS.items():
        if name in value:
            fields = dict(value)
            if name == "garbage":
                fields[name] = str(value[name]).encode()
            return kind(**fields)
    raise ValueError(f"a step has one of {', '.join(_KINDS)}; this has {', '.join(value) or 'nothing'}")


def reply_of(value: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Reply:
    """Return the reply that ``value`` is: a list of steps, or an object with ``steps``, ``tokens`` and ``stop``."""
    if not isinstance(value, Mapping):
        return Reply(tuple(step_of(step) for step in value))
    steps = tuple(step_of(step) for step in value["steps"])
    return Reply(steps, Tokens(**value.get("tokens", {})), value.get("stop"))


def pieces(text: str, chunks: int) -> list[str]:
    """Return ``text`` cut into at most ``chunks`` pieces of about the same length, none of them empty."""
    size = max(1, -(-len(text) // max(1, chunks)))
    return [text[at : at + size] for at in range(0, len(text), size)]
