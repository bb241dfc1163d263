"""Every source of tools that a server has. Those that nobody configured are not even imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from meerkat_rpc.agent_settings import SettingsFor
from meerkat_rpc.tools.base import Tool, ToolScope
from meerkat_rpc.tools.gathering import gather
from meerkat_rpc.tools.host import HostTools

if TYPE_CHECKING:
    from meerkat_rpc.tools.base import ToolSource
    from meerkat_rpc.tools.builtin.source import BuiltinTools
    from meerkat_rpc.tools.mcp.source import McpTools


class Toolbox:
    """The host's tools, then the built-in ones, then those of MCP servers; a ``ToolSource``.

    Args:
        settings_for: says which built-in tools and which MCP servers there are in a folder.
    """

    def __init__(self, settings_for: SettingsFor) -> None:
        self.host = HostTools()
        self._settings_for = settings_for
        self._builtin: BuiltinTools | None = None
        self._mcp: McpTools | None = None

    @property
    def mcp(self) -> McpTools:
        """The MCP servers."""
        if self._mcp is None:
            from meerkat_rpc.tools.mcp.source import McpTools

            self._mcp = McpTools(self._settings_for)
        return self._mcp

    async def tools(self, scope: ToolScope) -> Sequence[Tool]:
        """See ``ToolSource``."""
        return list((await gather(self._sources(scope.cwd), scope)).values())

    def _sources(self, cwd: str | None) -> list[ToolSource]:
        settings = self._settings_for(cwd)
        sources: list[ToolSource] = [self.host]
        if settings.builtin_tools:
            sources.append(self._builtin_tools())
        if settings.mcp_servers or self._mcp is not None:
            sources.append(self.mcp)
        return sources

    def _builtin_tools(self) -> BuiltinTools:
        if self._builtin is None:
            from meerkat_rpc.tools.builtin.source import BuiltinTools

            self._builtin = BuiltinTools(self._settings_for)
        return self._builtin

    async def close(self) -> None:
        """End the servers that were started."""
        if self._mcp is not None:
            await self._mcp.close()
