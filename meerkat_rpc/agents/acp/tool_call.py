"""A tool call of an agent's, as far as it has told of it.

An agent tells of a call bit by bit: that there is one, what it is given, that it runs, what came of it; and some leave
out steps. The call is shown to our side once its arguments are known, under a name that stays.
"""

from __future__ import annotations

import re
import time
from typing import Any

from attrs import define, field

from meerkat_rpc.agents.acp.content import bounded, cut, paths_of, tool_content
from meerkat_rpc.domain import JSON

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What every provider of models takes for a tool's name, should the session go on with another model."""

NO_END = "the agent did not say what came of it"
"""The result of a call that was left open."""


@define
class AgentToolCall:
    """One call. ``name`` is None until it is shown, ``ended`` is whether its result is known."""

    id: str
    told: dict[str, Any] = field(factory=dict)
    name: str | None = None
    started_s: float | None = None
    ended: bool = False

    def tell(self, update: dict[str, Any]) -> None:
        """Take what the agent says of it; what it does not mention stays."""
        self.told |= {name: value for name, value in update.items() if value is not None}

    @property
    def status(self) -> str:
        """pending, in_progress, completed, failed, or whatever the agent says."""
        return str(self.told.get("status", "pending"))

    @property
    def over(self) -> bool:
        """Whether the agent has said how it ended."""
        return self.status in {"completed", "failed"}

    @property
    def showable(self) -> bool:
        """Whether its arguments are known; an agent that sends none has told all once it runs."""
        return bool(self.told.get("rawInput")) or self.status != "pending"

    @property
    def title(self) -> str:
        """What the agent calls it, for people."""
        title = self.told.get("title")
        return title if isinstance(title, str) and title else self.kind

    @property
    def kind(self) -> str:
        """The protocol's kind of tool: read, edit, execute and so on."""
        kind = self.told.get("kind")
        return kind if isinstance(kind, str) and _NAME.fullmatch(kind) else "other"

    def begin(self) -> str:
        """Fix the tool's name and return it: the title where that is one word, else the kind."""
        if self.name is None:
            self.name = self.title if _NAME.fullmatch(self.title) else self.kind
        return self.name

    def arguments(self) -> JSON:
        """Return what is shown as its arguments: the agent's title and its raw input, which has no known form."""
        paths = list(paths_of(self.told))
        shown = {"title": cut(self.title), "paths": paths, "input": bounded(self.told.get("rawInput"))}
        return {name: value for name, value in shown.items() if value}

    async def result(self) -> JSON:
        """Return what came of it: its content, else its raw output."""
        if not self.over:
            return await tool_content(self.told.get("content")) or NO_END
        content = await tool_content(self.told.get("content"))
        return content if content is not None else bounded(self.told.get("rawOutput"))

    @property
    def failed(self) -> bool:
        """Whether it failed, or nobody knows."""
        return self.status != "completed"

    def run(self) -> bool:
        """Note that it runs; return whether that is new."""
        if self.started_s is not None:
            return False
        self.started_s = time.monotonic()
        return True

    @property
    def duration_ms(self) -> int:
        """How long it has run, as seen from here."""
        return round((time.monotonic() - (self.started_s or time.monotonic())) * 1000)
