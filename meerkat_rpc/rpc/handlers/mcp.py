"""``mcp/list``, ``mcp/add``, ``mcp/remove``, ``mcp/reload``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from meerkat_rpc.agent_settings import McpServer
from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.rpc import mapping
from meerkat_rpc.rpc.handlers.table import handlers
from meerkat_rpc.rpc.protocol import Handler
from meerkat_rpc.tools.toolbox import Toolbox
from meerkat_rpc.wire import types as wire

if TYPE_CHECKING:
    from meerkat_rpc.config_file import ConfigFile


class McpMethods:
    """Handlers of ``mcp/*``.

    Args:
        tools: has the servers.
        config: gives the user's configuration file.
    """

    def __init__(self, tools: Toolbox, config: Callable[[str | None], ConfigFile]) -> None:
        self._tools = tools
        self._config = config

    def table(self) -> Mapping[str, Handler]:
        """Return the handlers by method."""
        return handlers(
            {"mcp/list": self.list, "mcp/add": self.add, "mcp/remove": self.remove, "mcp/reload": self.reload}
        )

    async def list(self, _params: wire.NoParams) -> wire.McpListResult:
        """List the servers."""
        return wire.McpListResult([mapping.mcp_server(status) for status in await self._tools.mcp.list()])

    async def add(self, params: wire.McpAddParams) -> wire.McpListResult:
        """Add a server, to the configuration or for the life of this program."""
        server = _server(params)
        if params.persist:
            await asyncio.to_thread(self._config(None).set_mcp_server, server)
            await self._tools.mcp.reload(server.name)
        else:
            await self._tools.mcp.add(server)
        return await self.list(wire.NoParams())

    async def remove(self, params: wire.McpRemoveParams) -> wire.McpRemoveResult:
        """Remove a server, wherever it was added."""
        configured = await asyncio.to_thread(self._config(None).remove_mcp_server, params.name)
        try:
            await self._tools.mcp.remove(params.name)
        except InvalidArgument:  # it was in the configuration only, or nowhere
            return wire.McpRemoveResult(configured)
        return wire.McpRemoveResult(removed=True)

    async def reload(self, params: wire.McpReloadParams) -> wire.McpListResult:
        """Start servers anew."""
        await self._tools.mcp.reload(params.name)
        return await self.list(wire.NoParams())


def _server(params: wire.McpAddParams) -> McpServer:
    if (params.command is None) == (params.url is None):
        raise InvalidArgument("params: expected exactly one of command and url")
    return McpServer(
        name=params.name,
        command=params.command,
        args=tuple(params.args or ()),
        env=params.env or {},
        cwd=params.cwd,
        url=params.url,
        headers=params.headers or {},
        requires_approval=params.requires_approval,
        timeout_s=McpServer._field_defaults["timeout_s"] if params.timeout is None else params.timeout,
    )
