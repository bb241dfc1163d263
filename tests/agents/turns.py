"""A turn without a session service around it: it keeps what the agent says, and makes its history of that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from attrs import define, field

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import (
    JSON,
    AgentConfig,
    Attachment,
    Event,
    Message,
    QueuedPrompt,
    ReasoningDelta,
    Steered,
    TextDelta,
    ToolExecutionCompleted,
    ToolExecutionStarted,
    ToolResultReceived,
    TurnCompleted,
    Usage,
)
from meerkat_rpc.ids import new_id
from meerkat_rpc.sessions.transcript import TurnTranscript
from meerkat_rpc.tools.base import ToolDefinition, ToolOutcome

ToolFunction = Callable[[JSON], Awaitable[ToolOutcome]]


@define
class RecordedTurn:
    """An ``AgentTurn``. ``begun`` is set by the first event, ``first_text`` by the first text.

    ``functions`` are the tools that can be called, by name; ``waiting`` the steering prompts that wait; ``began`` the
    messages of a turn that is resumed; ``compacts`` decides whether the history is cut when that is asked; ``watch``
    sees each event.
    """

    prompt: str
    config: AgentConfig = AgentConfig()
    past: Sequence[Message] = ()
    number: int = 1
    session_id: str = field(factory=new_id)
    turn_id: str = field(factory=new_id)
    events: list[Event] = field(factory=list)
    begun: asyncio.Event = field(factory=asyncio.Event)
    first_text: asyncio.Event = field(factory=asyncio.Event)
    attachments: Sequence[Attachment] = ()
    contents: Mapping[str, bytes] = field(factory=dict)
    cwd: str | None = None
    resumed: bool = False
    open_questions: Sequence[str] = ()
    began: Sequence[Message] = ()
    functions: Mapping[str, ToolFunction] = field(factory=dict)
    definitions: Sequence[ToolDefinition] = ()
    waiting: list[QueuedPrompt] = field(factory=list)
    compacts: Callable[[int, int | None], Sequence[Message] | None] = lambda _tokens, _window: None
    watch: Callable[[Event], object] = lambda _event: None
    asked_to_compact: list[tuple[int, int | None]] = field(factory=list)
    running_tools: int = 0
    most_tools_at_once: int = 0
    _kept: list[Message] = field(factory=list)
    _transcript: TurnTranscript | None = None

    async def history(self) -> Sequence[Message]:
        return self.past

    async def so_far(self) -> Sequence[Message]:
        self._settle()
        first = self.began or [self._prompt_message()]
        return [*first, *self._kept]

    async def attachment(self, digest: str) -> bytes:
        return self.contents[digest]

    async def steering(self) -> Sequence[QueuedPrompt]:
        taken, self.waiting = self.waiting, []
        for prompt in taken:
            await self.emit(Steered(prompt.turn_id, prompt.prompt))
        return taken

    async def compact_if_due(self, tokens: int, window: int | None) -> bool:
        self.asked_to_compact.append((tokens, window))
        past = self.compacts(tokens, window)
        if past is None:
            return False
        self.past = past
        return True

    async def tools(self) -> Sequence[ToolDefinition]:
        return self.definitions or [
            ToolDefinition(name, f"The tool {name}.", {"type": "object", "properties": {}}, "host")
            for name in self.functions
        ]

    async def run_tool(self, call_id: str, name: str, args: JSON) -> ToolOutcome:
        await self.emit(ToolExecutionStarted(call_id, name))
        self.running_tools += 1
        self.most_tools_at_once = max(self.most_tools_at_once, self.running_tools)
        try:
            outcome = await self.functions[name](args)
        finally:
            self.running_tools -= 1
        await self.emit(ToolExecutionCompleted(call_id, name, outcome.result, outcome.is_error, 0))
        await self.emit(ToolResultReceived(call_id, name, outcome.is_error))
        return outcome

    async def ask(
        self, kind: str, summary: str, details: JSON, choices: Sequence[str], *, key: str, rule: str | None = None
    ) -> str:
        return choices[0]

    async def emit(self, event: Event) -> None:
        self.events.append(event)
        if self._transcript is None:
            self._transcript = TurnTranscript(self.turn_id)
        self._transcript.add(event)
        self.watch(event)
        self.begun.set()
        if isinstance(event, TextDelta):
            self.first_text.set()

    @property
    def deltas(self) -> list[str]:
        return [event.delta for event in self.events if isinstance(event, TextDelta)]

    @property
    def text(self) -> str:
        return "".join(self.deltas)

    @property
    def reasoning(self) -> str:
        return "".join(event.delta for event in self.events if isinstance(event, ReasoningDelta))

    @property
    def usage(self) -> Usage:
        last = self.events[-1]
        assert isinstance(last, TurnCompleted)
        return last.usage

    @property
    def kinds(self) -> list[str]:
        """The types of the events, without the deltas' repetitions."""
        types = [event.TYPE for event in self.events]
        return [kind for at, kind in enumerate(types) if at == 0 or types[at - 1] != kind]

    def of(self, kind: type[Event]) -> list[Event]:
        """Return the events of one type."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def messages(self) -> list[Message]:
        """The history after this turn."""
        self._settle()
        return [*self.past, self._prompt_message(), *self._kept]

    def _prompt_message(self) -> Message:
        return Message("user", self.prompt, self.turn_id, now_ms(), attachments=tuple(self.attachments))

    def _settle(self) -> None:
        """Take what has been said since the last time into the messages."""
        if self._transcript is not None:
            self._kept += self._transcript.finish()
            self._transcript = None
