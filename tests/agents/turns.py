"""A turn without a session service around it: it keeps what the agent says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from attrs import define, field

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import AgentConfig, Event, Message, TextDelta, TurnCompleted, Usage
from meerkat_rpc.ids import new_id


@define
class RecordedTurn:
    """An ``AgentTurn``. ``begun`` is set by the first event, ``first_text`` by the first text."""

    prompt: str
    config: AgentConfig = AgentConfig()
    past: Sequence[Message] = ()
    number: int = 1
    session_id: str = field(factory=new_id)
    turn_id: str = field(factory=new_id)
    events: list[Event] = field(factory=list)
    begun: asyncio.Event = field(factory=asyncio.Event)
    first_text: asyncio.Event = field(factory=asyncio.Event)

    async def history(self) -> Sequence[Message]:
        return self.past

    async def emit(self, event: Event) -> None:
        self.events.append(event)
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
    def usage(self) -> Usage:
        last = self.events[-1]
        assert isinstance(last, TurnCompleted)
        return last.usage

    @property
    def messages(self) -> list[Message]:
        """The history after this turn."""
        said = [Message("user", self.prompt, self.turn_id, now_ms())]
        answer = [Message("assistant", self.text, self.turn_id, now_ms())]
        return [*self.past, *said, *answer]
