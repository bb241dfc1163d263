"""Turns: started, interrupted, added to, queued."""

from __future__ import annotations

from typing import Literal

from meerkat_rpc.wire.types.marks import JSON, Count, Positive, Uuid, message
from meerkat_rpc.wire.types.prompts import Budget, Prompt


@message
class TurnStartParams:
    """A turn. ``model`` and the other settings hold for this turn only."""

    session_id: Uuid
    prompt: Prompt
    turn_id: Uuid | None = None
    wait: bool = True
    model: str | None = None
    provider: str | None = None
    max_tokens: Positive | None = None
    system_prompt: str | None = None
    output_schema: JSON = None
    provider_params: dict[str, JSON] | None = None
    budget: Budget | None = None


@message
class TurnInterruptParams:
    """With ``turn_id``, only that turn is interrupted and never the next."""

    session_id: Uuid
    turn_id: Uuid | None = None


@message
class TurnInterruptResult:
    """False when nothing was running, or another turn than the one named."""

    interrupted: bool


@message
class TurnSteerParams:
    """An addition to the running turn. With ``expected_turn_id``, to that turn or to none.

    ``turn_id`` is the client's own id of the addition, by which ``turn/dequeue`` takes it back, and that of its turn if
    it comes too late: a repeat adds nothing.
    """

    session_id: Uuid
    prompt: Prompt
    expected_turn_id: Uuid | None = None
    turn_id: Uuid | None = None


@message
class TurnEnqueueParams:
    """A turn that begins when the running one ends. Settings hold for it only."""

    session_id: Uuid
    prompt: Prompt
    turn_id: Uuid | None = None
    model: str | None = None
    provider: str | None = None
    max_tokens: Positive | None = None
    system_prompt: str | None = None
    output_schema: JSON = None
    provider_params: dict[str, JSON] | None = None
    budget: Budget | None = None


@message
class TurnQueued:
    """The prompt is durable. ``position`` counts the prompts before it; 0 with nothing running: it has begun.

    ``turn_id`` is the turn that it was added to, or becomes.
    """

    accepted: Literal[True]
    turn_id: Uuid
    position: Count


@message
class TurnDequeueParams:
    """A prompt that waits."""

    session_id: Uuid
    turn_id: Uuid


@message
class TurnDequeueResult:
    """False when no prompt of that id was waiting: it has begun, perhaps."""

    removed: bool
