"""What a session runs: the protocols between the session service and an agent.

A session is data, an agent is a capability. The service owns the history, the usage and the configuration; an agent
is built from the configuration, is handed the prompt, reads the history when it wants it, and emits events. The service
makes the new messages out of the events (``sessions/transcript.py``), so no agent can lose a history and what was
streamed is what is stored.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol, runtime_checkable

from attrs import frozen

from meerkat_rpc.domain import JSON, AgentConfig, Attachment, Event, Message, QueuedPrompt, Usage
from meerkat_rpc.tools.base import ToolDefinition, ToolOutcome


@frozen
class AgentResult:
    """How a run ended well. ``stop_reason``: end_turn, max_tokens, tool_use, or what the provider said."""

    stop_reason: str = "end_turn"
    structured_output: JSON = None
    schema_warnings: Sequence[str] | None = None


@frozen
class Summary:
    """What stands for messages that were cut, and what it cost to make."""

    text: str
    usage: Usage


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

    @property
    def attachments(self) -> Sequence[Attachment]:
        """What came with the prompt."""
        ...

    @property
    def cwd(self) -> str | None:
        """The session's folder, absolute."""
        ...

    @property
    def resumed(self) -> bool:
        """Whether an earlier process began this turn, and left it waiting for an approval. Then ``so_far`` tells how
        far it got: its last assistant message may have tool calls without a result, which are to be run first."""
        ...

    @property
    def open_questions(self) -> Sequence[str]:
        """The keys of the questions that were asked (``ask``) and whose answer the agent has not had yet."""
        ...

    async def history(self) -> Sequence[Message]:
        """Return the messages before this turn's prompt, oldest first. Read from the store on each call.

        Where the history was compacted, the first is the summary (``kind`` "summary") of what isn't there.
        """
        ...

    async def so_far(self) -> Sequence[Message]:
        """Return this turn's messages up to now, the prompt first, without those that compaction cut. Between two
        model calls ``history`` and this are what the next one is to be given."""
        ...

    async def attachment(self, digest: str) -> bytes:
        """Return the content of an attachment."""
        ...

    async def steering(self) -> Sequence[QueuedPrompt]:
        """Take what was added to the turn since the last call; to be asked before each model call, and before ending.
        The additions are in ``so_far`` from then on, and ``steered`` is emitted."""
        ...

    async def compact_if_due(self, tokens: int, window: int | None) -> bool:
        """Summarise what is old if ``tokens``, what the next model call would read, is too much for ``window`` (the
        model's, in tokens, None if unknown) or for the configured threshold. Returns whether ``history`` and
        ``so_far`` have changed. Needs an agent that is a ``Summariser``; never raises for a failed attempt."""
        ...

    async def tools(self) -> Sequence[ToolDefinition]:
        """Return the tools that may be called in this turn, as of now."""
        ...

    async def run_tool(self, call_id: str, name: str, args: JSON) -> ToolOutcome:
        """Run a tool that the model asked for (``ToolCallRequested`` is the agent's to emit): ask for approval where
        that is needed, emit what happens up to ``ToolResultReceived``, and return what came of it. Several may run at
        once. An unknown tool, a refusal and a deadline are error outcomes, for the model to read."""
        ...

    async def ask(
        self, kind: str, summary: str, details: JSON, choices: Sequence[str], *, key: str, rule: str | None = None
    ) -> str:
        """Ask a person and return the choice, however long that takes. Emits ``approval_requested`` and
        ``approval_resolved``. ``key`` is the question's own within the turn: asked again under it after a restart, the
        same question is waited for."""
        ...

    def emit(self, event: Event) -> Awaitable[None]:
        """Say that ``event`` happened, and await that there is room for the next: at once, unless log or client lag.

        The run's own events (``run_started``, ``run_completed``, ``run_failed``) are the service's to emit; every
        model call is the agent's to open with ``TurnStarted`` and close with ``TurnCompleted``.
        """
        ...


class Agent(Protocol):
    """Runs turns. Cancellation (asyncio's) means: stop now. Whatever it raises fails the turn and not the session.

    One that has an attribute ``resumes`` that is true can take up a turn that another process left waiting for an
    approval (``AgentTurn.resumed``).
    """

    async def run(self, turn: AgentTurn) -> AgentResult:
        """Run one turn."""
        ...


@runtime_checkable
class Summariser(Protocol):
    """An agent that can summarise a history with its model."""

    async def summarise(self, messages: Sequence[Message]) -> Summary:
        """Return a summary of ``messages`` by which a model can go on without them.

        Raises:
            ProviderError: the model can't be had.
        """
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
