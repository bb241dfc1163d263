"""The methods about tools: those that the host lends, and what there is."""

from __future__ import annotations

from collections.abc import Mapping

from meerkat_rpc.rpc import mapping
from meerkat_rpc.rpc.handlers.table import handlers
from meerkat_rpc.rpc.opening import Opening
from meerkat_rpc.rpc.protocol import Handler
from meerkat_rpc.tools.base import ToolScope
from meerkat_rpc.tools.toolbox import Toolbox
from meerkat_rpc.wire import types as wire


class ToolMethods:
    """Handlers of ``tools/*``.

    Args:
        opening: the service.
        tools: every source of tools.
        default_cwd: the folder of sessions that name none.
    """

    def __init__(self, opening: Opening, tools: Toolbox, default_cwd: str | None) -> None:
        self._opening = opening
        self._tools = tools
        self._default_cwd = default_cwd

    def table(self) -> Mapping[str, Handler]:
        """Return the handlers by method."""
        return handlers({"tools/register": self.register, "tools/unregister": self.unregister, "tools/list": self.list})

    async def register(self, params: wire.ToolsRegisterParams) -> wire.ToolsRegisterResult:
        """Take what the host lends."""
        return wire.ToolsRegisterResult(
            self._tools.host.register([mapping.tool_definition(offer) for offer in params.tools])
        )

    async def unregister(self, params: wire.ToolsUnregisterParams) -> wire.ToolsRegisterResult:
        """Give it back."""
        return wire.ToolsRegisterResult(self._tools.host.unregister(params.names))

    async def list(self, params: wire.ToolsListParams) -> wire.ToolsListResult:
        """List what there is."""
        cwd = self._default_cwd
        if params.session_id is not None:
            cwd = (await (await self._opening.service()).read(params.session_id)).summary.cwd
        tools = await self._tools.tools(ToolScope(params.session_id or "", "", cwd))
        return wire.ToolsListResult([mapping.tool(tool.definition) for tool in tools])
