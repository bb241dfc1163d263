"""What a session runs: the protocols between the session service and an agent.

A session is data, an agent is a capability. The service owns the history, the usage and the configuration; an agent
is built from the configuration, is handed the prompt, reads the history when it wants it, and emits events. The service
makes the new messages out of the events (``sessions/transcript.py``), so no agent can lose a history and what was
streamed is what is stored.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from attrs import frozen

from meerkat_rpc.domain import JSON, AgentConfig, Event, Message


@frozen
class AgentResult:
    """How a run ended well. ``stop_reason``: end_turn, max_tokens, tool_use, or what the provider said."""

    stop_reason: str = "end_turn"
    structured_output: JSON = None
    schema_warnings: Sequence[str] | None = None


class AgentTurn(Protocol):
    """One turn, as its agent sees it."""

    @property
    def session_id(self) -> str:
        """The session's id."""
        ...

    @property
    def turn_id(self) -> str:
        """The turn's id."""
        ...

    @property
    def number(self) -> int:
        """Which turn of the session this is, counted from 1."""
        ...

    @property
    def prompt(self) -> str:
        """What the user said."""
        ...

    @property
    def config(self) -> AgentConfig:
        """The session's configuration with this turn's own laid over it."""
        ...

    async def history(self) -> Sequence[Message]:
        """Return the messages before this turn's prompt, oldest first. Read from the store on each call."""
        ...

    def emit(self, event: Event) -> Awaitable[None]:
        """Say that ``event`` happened, and await that there is room for the next: at once, unless log or client lag.

        The run's own events (``run_started``, ``run_completed``, ``run_failed``) are the service's to emit; every
        model call is the agent's to open with ``TurnStarted`` and close with ``TurnCompleted``.
        """
        ...


class Agent(Protocol):
    """Runs turns. Cancellation (asyncio's) means: stop now. Whatever it raises fails the turn and not the session."""

    async def run(self, turn: AgentTurn) -> AgentResult:
        """Run one turn."""
        ...


@frozen
class ModelInfo:
    """A model that can be asked for by name.

    ``missing`` says what to install or set before it can be used; None when it can be used now.
    """

    id: str
    provider: str
    description: str
    context_window: int | None = None
    missing: str | None = None


class AgentBuilder(Protocol):
    """What an entry point in the group ``meerkat_rpc.agents`` names: an object, or a class without arguments, like
    this.

    Importing it must be cheap: heavy libraries belong inside ``build`` or ``run``.
    """

    def models(self) -> Sequence[ModelInfo]:
        """Return the models it can run, usable now or not."""
        ...

    def build(self, config: AgentConfig) -> Agent:
        """Return an agent for ``config``. Called for each turn, so keep loaded models in the builder.

        Raises:
            ProviderError: the model can't be used; the message says what to set or install.
        """
        ...
