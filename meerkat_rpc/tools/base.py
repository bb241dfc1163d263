"""What a tool is, and where tools come from.

A source offers tools for a scope (a session, a turn, a folder); a turn puts the offers of all sources together, asks a
person where a tool wants that, and runs it (``sessions/turn_tools.py``). Tools know nothing of sessions or events.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from meerkat_rpc.domain import JSON

DEFAULT_TIMEOUT_S = 120.0
"""How long a tool may take, unless its source says otherwise: a build or a test run, not a night."""


@frozen
class ToolDefinition:
    """A tool as a model sees it. ``input_schema`` is a JSON Schema of type object.

    ``source`` tells people where it comes from: ``host``, ``builtin``, or ``mcp:NAME``.
    """

    name: str
    description: str
    input_schema: JSON
    source: str
    requires_approval: bool = False
    timeout_s: float = DEFAULT_TIMEOUT_S


@frozen
class ToolScope:
    """For whom tools are offered. ``cwd`` is the session's folder, absolute, or None."""

    session_id: str
    turn_id: str
    cwd: str | None


@frozen
class ToolCallContext:
    """A call of a tool. ``call_id`` is the model's id of it."""

    scope: ToolScope
    call_id: str


@frozen
class ToolOutcome:
    """What came of a call: any JSON. An error is for the model to read; the turn goes on."""

    result: JSON
    is_error: bool = False


@frozen
class ApprovalPreview:
    """What a person is shown before the call: one line, details (a diff, the command), and what "always" would allow.

    ``rule`` is ``TOOL`` or ``TOOL:DETAIL``. A configured rule covers it when it is the same, or is ``TOOL`` alone.
    """

    summary: str
    details: JSON
    rule: str


class Tool(Protocol):
    """One tool, ready to be called. Cancellation (asyncio's) means: stop now, leave nothing running."""

    @property
    def definition(self) -> ToolDefinition:
        """What it is."""
        ...

    async def preview(self, call: ToolCallContext, args: JSON) -> ApprovalPreview:
        """Return what to ask a person. Called only where approval is required; must change nothing."""
        ...

    async def run(self, call: ToolCallContext, args: JSON) -> ToolOutcome:
        """Call it. What it raises becomes an error outcome; the caller sees to the deadline."""
        ...


class ToolSource(Protocol):
    """Offers tools."""

    async def tools(self, scope: ToolScope) -> Sequence[Tool]:
        """Return what there is for ``scope``, now. Never raises: a source that fails logs and offers less."""
        ...


def covers(rule: str, wanted: str) -> bool:
    """Return whether a remembered ``rule`` allows what ``wanted`` names."""
    return wanted == rule or wanted.partition(":")[0] == rule
