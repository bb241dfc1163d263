"""What the built-in tools have in common: their definition, and errors that the model reads."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from meerkat_rpc.domain import JSON
from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.tools.base import DEFAULT_TIMEOUT_S, ApprovalPreview, ToolCallContext, ToolDefinition, ToolOutcome
from meerkat_rpc.tools.builtin.args import Args

SOURCE = "builtin"

JsonObject = dict[str, Any]
Properties = Mapping[str, JSON]


class BuiltinTool(ABC):
    """A built-in tool, working in one folder. ``PROPERTIES`` are the JSON Schemas of its arguments."""

    NAME: ClassVar[str]
    DESCRIPTION: ClassVar[str]
    PROPERTIES: ClassVar[Properties]
    REQUIRED: ClassVar[Sequence[str]] = ()
    ASKS: ClassVar[bool] = False
    TIMEOUT_S: ClassVar[float] = DEFAULT_TIMEOUT_S

    def __init__(self, cwd: str) -> None:
        self._cwd = cwd

    @property
    def definition(self) -> ToolDefinition:
        """What it is."""
        schema = {
            "type": "object",
            "properties": self.PROPERTIES,
            "required": list(self.REQUIRED),
            "additionalProperties": False,
        }
        return ToolDefinition(self.NAME, self.DESCRIPTION, schema, SOURCE, self.ASKS, self.TIMEOUT_S)

    async def run(self, call: ToolCallContext, args: JSON) -> ToolOutcome:
        """Call it; what was wrong with the call is the outcome."""
        try:
            return await self._run(call, self._checked(args))
        except InvalidArgument as error:
            return ToolOutcome(error.message, is_error=True)

    async def preview(self, call: ToolCallContext, args: JSON) -> ApprovalPreview:
        """Return what to ask a person. Raises ``InvalidArgument`` for a call that would fail anyway."""
        return await self._preview(call, self._checked(args))

    def _checked(self, args: JSON) -> Args:
        return Args(args, self.PROPERTIES)

    @abstractmethod
    async def _run(self, call: ToolCallContext, args: Args) -> ToolOutcome: ...

    async def _preview(self, call: ToolCallContext, args: Args) -> ApprovalPreview:
        return ApprovalPreview(self.NAME, {}, self.NAME)


class FileTool(BuiltinTool):
    """A tool whose work is short and blocking: done in a thread, off the event loop."""

    async def _run(self, call: ToolCallContext, args: Args) -> ToolOutcome:
        return ToolOutcome(await asyncio.to_thread(self._work, args))

    @abstractmethod
    def _work(self, args: Args) -> JsonObject:
        """Do it. Raises ``InvalidArgument``."""
