"""A tool of an MCP server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from meerkat_rpc.domain import JSON
from meerkat_rpc.errors import AgentError, InvalidArgument
from meerkat_rpc.tools.base import ApprovalPreview, ToolCallContext, ToolDefinition, ToolOutcome

if TYPE_CHECKING:
    from mcp_types import Tool

    from meerkat_rpc.agent_settings import McpServer
    from meerkat_rpc.tools.mcp.connection import Connection


class McpTool:
    """A tool as it is offered.

    Args:
        name: its name as models see it.
        tool: what the server says of it.
        server: the server as it is configured now.
        connection: where calls go.
    """

    def __init__(self, name: str, tool: Tool, server: McpServer, connection: Connection) -> None:
        self._tool = tool
        self._server = server
        self._connection = connection
        self._definition = ToolDefinition(
            name=name,
            description=tool.description or tool.title or tool.name,
            input_schema={"properties": {}, **tool.input_schema, "type": "object"},
            source=f"mcp:{server.name}",
            requires_approval=server.requires_approval,
            timeout_s=server.timeout_s,
        )

    @property
    def definition(self) -> ToolDefinition:
        """What it is."""
        return self._definition

    async def preview(self, call: ToolCallContext, args: JSON) -> ApprovalPreview:
        """Return what to ask a person: nobody but the server knows what the arguments will do."""
        details = {"server": self._server.name, "tool": self._tool.name, "args": _object(args)}
        return ApprovalPreview(f"{self._server.name}: {self._tool.name}", details, self._definition.name)

    async def run(self, call: ToolCallContext, args: JSON) -> ToolOutcome:
        """Call it; a server that is gone is the outcome."""
        try:
            return await self._connection.call(self._tool.name, _object(args))
        except (AgentError, InvalidArgument) as error:
            return ToolOutcome(error.message, is_error=True)


def _object(args: JSON) -> Mapping[str, JSON]:
    given = {} if args is None else args
    if not isinstance(given, Mapping):
        raise InvalidArgument("args: expected an object")
    return given
