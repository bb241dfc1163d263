"""One turn as its agent sees it: the ``AgentTurn`` of ``agents/base.py``."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING

from meerkat_rpc.agents.base import Agent
from meerkat_rpc.domain import JSON, AgentConfig, Attachment, Event, Message, QueuedPrompt, Steered
from meerkat_rpc.errors import StoreError
from meerkat_rpc.sessions.asking import Asking
from meerkat_rpc.sessions.compacting import Compactor
from meerkat_rpc.sessions.compaction import summary_message
from meerkat_rpc.sessions.ending import user_message
from meerkat_rpc.sessions.reading import read_messages
from meerkat_rpc.sessions.transcript import close_open_calls
from meerkat_rpc.sessions.turn_tools import TurnTools
from meerkat_rpc.tools.base import ToolDefinition, ToolOutcome, ToolScope

if TYPE_CHECKING:
    from meerkat_rpc.sessions.turn import LiveTurn


class AgentView:
    """What a turn's agent may see and do. Made once the turn has been admitted, and its agent built."""

    def __init__(self, turn: LiveTurn, agent: Agent) -> None:
        self._turn = turn
        self._session = turn.session
        self._agent = agent
        transcript = turn.transcript
        self._taken = set(transcript.steered)
        self.asking = Asking(
            turn.session,
            turn.turn_id,
            resumable=bool(getattr(agent, "resumes", False)) and turn.session.journal.durable,
            resolved=transcript.resolved_approvals,
            emit=self._emit,
            flushed=turn.flushed,
            waiting=turn.waiting,
        )
        self._tools = TurnTools(
            ToolScope(self.session_id, self.turn_id, self.cwd),
            turn.surroundings.tools,
            self._allowed,
            self._emit,
            self.asking.ask,
            flushed=turn.flushed,
            lost_calls=transcript.begun_calls if turn.resumed else set(),
        )

    # -- what it is about ----------------------------------------------------------------------------------------

    @property
    def session_id(self) -> str:
        """The session's id."""
        return self._session.session_id

    @property
    def turn_id(self) -> str:
        """The turn's id."""
        return self._turn.turn_id

    @property
    def number(self) -> int:
        """Which turn of the session this is, counted from 1."""
        return self._turn.number

    @property
    def prompt(self) -> str:
        """What the user said."""
        return self._turn.prompt

    @property
    def attachments(self) -> Sequence[Attachment]:
        """What came with the prompt."""
        return self._turn.wanted.attachments

    @property
    def config(self) -> AgentConfig:
        """The session's configuration with this turn's own laid over it."""
        return self._turn.config

    @property
    def cwd(self) -> str | None:
        """The session's folder."""
        return self._session.head.cwd

    @property
    def resumed(self) -> bool:
        """Whether an earlier process began this turn."""
        return self._turn.resumed

    @property
    def open_questions(self) -> Sequence[str]:
        """The keys of the questions whose answer the agent has not had."""
        return self.asking.open_keys

    # -- what was said -------------------------------------------------------------------------------------------

    async def history(self) -> Sequence[Message]:
        """Return the messages before this turn's prompt, with every tool call answered."""
        messages = await self._messages_before()
        compaction = self._session.head.compaction
        if compaction is None or not compaction.summary:
            return messages
        return [summary_message(compaction, self.turn_id, self._turn.started_ms), *messages]

    async def _messages_before(self) -> list[Message]:
        compaction, end = self._session.head.compaction, self._turn.first_message
        start = min(compaction.first_kept if compaction else 0, end)
        return close_open_calls(await read_messages(self._session.journal, end - start, start))

    async def so_far(self) -> Sequence[Message]:
        """Return this turn's messages up to now, the prompt first."""
        prompt = user_message(self._turn.wanted, self._turn.started_ms)
        compaction = self._session.head.compaction
        cut = max(compaction.first_kept - self._turn.first_message, 0) if compaction else 0
        return [prompt, *self._turn.transcript.messages][cut:]

    async def attachment(self, digest: str) -> bytes:
        """Return the content of an attachment."""
        content = await self._session.journal.blob(digest)
        if content is None:
            raise StoreError("an attachment's content is not in the store", digest=digest)
        return content

    # -- what happens --------------------------------------------------------------------------------------------

    def emit(self, event: Event) -> Awaitable[None]:
        """Log ``event`` and show it. An agent that outlives its turn gets ``CancelledError``."""
        return self._turn.emit(event)

    async def _emit(self, event: Event) -> None:
        await self._turn.emit(event)

    async def steering(self) -> Sequence[QueuedPrompt]:
        """Take what was added to the turn."""
        queue = self._session.head.queue
        if self._session.journal.durable:  # another process may have added to it
            head, _ = await self._session.journal.reload()
            queue = head.queue if head is not None else queue
        added = [item for item in queue if item.steer and item.turn_id not in self._taken]
        for item in added:
            self._taken.add(item.turn_id)
            self._turn.transcript.attachments[item.turn_id] = item.attachments
            await self._emit(Steered(item.turn_id, item.prompt))
        return added

    async def compact_if_due(self, tokens: int, window: int | None) -> bool:
        """Summarise what is old if that is due."""
        settings = self._turn.settings.compaction
        settings = settings._replace(keep_turns=max(settings.keep_turns, 1))  # the one that runs
        compactor = Compactor(self._session, settings, self._agent, self._emit)
        if not compactor.is_due(tokens, window):
            return False
        messages = [*await self._messages_before(), *await self.so_far()]
        usage = await compactor.compact(messages, tokens)
        if usage is None:
            return False
        self._turn.transcript.usage += usage
        return True

    # -- tools and people ----------------------------------------------------------------------------------------

    async def tools(self) -> Sequence[ToolDefinition]:
        """Return the tools there are now."""
        return await self._tools.definitions()

    async def run_tool(self, call_id: str, name: str, args: JSON) -> ToolOutcome:
        """Run a tool."""
        return await self._tools.run(call_id, name, args)

    async def ask(
        self, kind: str, summary: str, details: JSON, choices: Sequence[str], *, key: str, rule: str | None = None
    ) -> str:
        """Ask a person."""
        return await self.asking.ask(kind, summary, details, choices, key=key, rule=rule)

    def _allowed(self) -> Sequence[str]:
        configured = self._turn.surroundings.settings_for(self.cwd).allow
        return [*configured, *self._session.head.allowed]
