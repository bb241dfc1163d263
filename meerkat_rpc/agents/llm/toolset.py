"""The session's tools as pydantic-ai sees them. Approval, deadlines and events are the turn's business."""

from __future__ import annotations

from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import AbstractToolset
from pydantic_ai.toolsets.abstract import ToolsetTool
from pydantic_core import SchemaValidator, core_schema

from meerkat_rpc.agents.base import AgentTurn
from meerkat_rpc.event_json import json_text

_ANY_OBJECT = SchemaValidator(core_schema.dict_schema(core_schema.str_schema(), core_schema.any_schema()))
"""Whether arguments fit a tool's schema is for the tool to say."""

UNLIMITED = 1_000_000
"""How often a tool may be called wrongly: the turn's budget is what ends that."""


class TurnTools(AbstractToolset[object]):
    """The tools of a turn, asked for anew before each model call. ``ran``: the ids of calls that reached the turn."""

    def __init__(self, turn: AgentTurn) -> None:
        self._turn = turn
        self.ran: set[str] = set()

    @property
    def id(self) -> str:
        """See ``AbstractToolset``."""
        return "session"

    async def get_tools(self, ctx: RunContext[object]) -> dict[str, ToolsetTool[object]]:
        """See ``AbstractToolset``."""
        return {
            tool.name: ToolsetTool(
                toolset=self,
                tool_def=ToolDefinition(
                    name=tool.name, description=tool.description, parameters_json_schema=tool.input_schema
                ),
                max_retries=UNLIMITED,
                args_validator=_ANY_OBJECT,
            )
            for tool in await self._turn.tools()
        }

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[object], tool: ToolsetTool[object]
    ) -> Any:
        """Run the tool.

        Raises:
            ToolFailed: it could not be run; the model reads why.
        """
        assert ctx.tool_call_id is not None
        self.ran.add(ctx.tool_call_id)
        outcome = await self._turn.run_tool(ctx.tool_call_id, name, tool_args)
        if outcome.is_error:
            raise ToolFailed(json_text(outcome.result))
        return outcome.result
