"""The tools of the configured MCP servers as a source."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Sequence
from typing import NamedTuple

from meerkat_rpc.agent_settings import McpServer, SettingsFor
from meerkat_rpc.errors import InvalidArgument, cut
from meerkat_rpc.tools.base import Tool, ToolScope
from meerkat_rpc.tools.environment import secret_names
from meerkat_rpc.tools.mcp.connection import START_S, Connection
from meerkat_rpc.tools.mcp.names import tool_names
from meerkat_rpc.tools.mcp.pool import Pool, key_of
from meerkat_rpc.tools.mcp.status import McpStatus, Origin, Transport
from meerkat_rpc.tools.mcp.tool import McpTool

MAX_FOLDERS = 64
"""How many folders' own servers are kept running; of more, those that weren't asked for longest are ended."""

WAIT_S = 5.0
"""How long after a server's start a model call waits for it. What takes longer is offered with a later one."""

logger = logging.getLogger(__name__)


class _Wanted(NamedTuple):
    """A server that somebody wants, and where that stands."""

    server: McpServer
    origin: Origin
    secrets: Collection[str] = ()


class McpTools:
    """A source of tools (``ToolSource``), and what ``mcp/*`` asks for.

    Servers are started when a session first needs them, or when they are asked about; none of them holds up another.

    Args:
        settings_for: says which servers there are in a folder.
        wait_s: how long after a server's start a model call waits for it.
        start_s: how long a server may take to start.
    """

    def __init__(self, settings_for: SettingsFor, *, wait_s: float = WAIT_S, start_s: float = START_S) -> None:
        self._settings_for = settings_for
        self._wait_s = wait_s
        self._pool = Pool(start_s)
        self._added: dict[str, McpServer] = {}
        self._removed: set[str] = set()
        self._folders: dict[str | None, Sequence[_Wanted]] = {}
        self._closed = False

    async def tools(self, scope: ToolScope) -> Sequence[Tool]:
        """Return the tools of the servers that are there; those that are starting are waited for a little."""
        try:
            return [tool for _, tools in await self._offered(scope.cwd) for tool in tools]
        except Exception:
            logger.exception("the tools of MCP servers can't be offered")
            return ()

    def prepare(self, cwd: str | None) -> None:
        """Begin to start what a session in that folder will need, without waiting for it."""
        self._open(self._look(cwd))

    async def list(self) -> Sequence[McpStatus]:
        """Return every server of the user's configuration, and of the folders that sessions had a use for."""
        shown = {key_of(wanted.server): wanted for wanted in self._look(None)}
        for folder in tuple(self._folders):
            for wanted in self._look(folder):
                shown.setdefault(key_of(wanted.server), wanted._replace(origin=_in_folder(wanted.origin)))
        offered = await self._ready(list(shown.values()))
        return [self._status(wanted, offered) for wanted in shown.values()]

    async def reload(self, name: str | None = None) -> None:
        """Apply what the configuration says now, and start the servers of that name anew; None for all of them.

        Raises:
            InvalidArgument: there is no such server.
        """
        if name is not None:
            self._removed.discard(name)
        folders = (None, *self._folders)
        known = {wanted.server.name for folder in folders for wanted in self._look(folder)}
        if name is not None and name not in known:
            raise InvalidArgument(f"name: no MCP server {cut(name)!r}; there are: {', '.join(sorted(known)) or 'none'}")
        self._pool.drop(name)
        self._pool.keep(self._kept())
        await self._pool.closed()
        for folder in folders:
            self._open(self._look(folder))

    async def add(self, server: McpServer) -> None:
        """Offer a server as long as this process lives, in the place of a configured one of its name."""
        self._added[server.name] = server
        self._removed.discard(server.name)
        await self._refresh()

    async def remove(self, name: str) -> None:
        """Offer a server no more, for as long as this process lives or until it is added.

        Raises:
            InvalidArgument: there is no such server.
        """
        if name not in {wanted.server.name for folder in (None, *self._folders) for wanted in self._look(folder)}:
            raise InvalidArgument(f"name: no MCP server {cut(name)!r}")
        self._added.pop(name, None)
        self._removed.add(name)
        await self._refresh()

    async def close(self) -> None:
        """Close every connection; nothing is offered from now on, and nothing is left of any server's process."""
        self._closed = True
        self._pool.drop(None)
        await self._pool.closed()

    async def _refresh(self) -> None:
        for folder in (None, *self._folders):
            self._open(self._look(folder))
        self._pool.keep(self._kept())
        await self._pool.closed()

    def _look(self, cwd: str | None) -> Sequence[_Wanted]:
        """Return the servers that the folder's configuration names now, and those that were added."""
        settings = self._settings_for(cwd)
        secrets = secret_names(settings)
        wanted = {
            name: _Wanted(server, "config", secrets)
            for name, server in settings.mcp_servers.items()
            if name not in self._removed
        }
        wanted |= {name: _Wanted(server, "added", secrets) for name, server in self._added.items()}
        return tuple(wanted.values())

    def _open(self, servers: Sequence[_Wanted]) -> Sequence[Connection]:
        if self._closed:
            return ()
        return [self._pool.get(wanted.server, wanted.secrets) for wanted in servers if wanted.server.enabled]

    async def _offered(self, cwd: str | None) -> Sequence[tuple[_Wanted, Sequence[McpTool]]]:
        servers = self._look(cwd)
        known = self._folders.pop(cwd, None)
        self._folders[cwd] = servers
        if known != servers:
            while len(self._folders) > MAX_FOLDERS:
                del self._folders[next(iter(self._folders))]
            self._pool.keep(self._kept())
        return await self._ready(servers)

    async def _ready(self, servers: Sequence[_Wanted]) -> Sequence[tuple[_Wanted, Sequence[McpTool]]]:
        """Wait for those that are starting, and return the tools of those that are there."""
        enabled = [wanted for wanted in servers if wanted.server.enabled]
        connections = self._open(servers)
        now = time.monotonic()
        await asyncio.gather(*(connection.settled(connection.began + self._wait_s - now) for connection in connections))
        return _named(list(zip(enabled, connections, strict=False)))

    def _kept(self) -> Collection[object]:
        folders = {None: self._look(None), **{folder: self._look(folder) for folder in self._folders}}
        return {key_of(wanted.server) for servers in folders.values() for wanted in servers if wanted.server.enabled}

    def _status(self, wanted: _Wanted, offered: Sequence[tuple[_Wanted, Sequence[McpTool]]]) -> McpStatus:
        server = wanted.server
        transport: Transport = "stdio" if server.url is None else "http"
        if not server.enabled or self._closed:
            return McpStatus(server.name, transport, "disabled", (), wanted.origin)
        connection = self._pool.get(server, wanted.secrets)
        names = tuple(tool.definition.name for of, tools in offered if of is wanted for tool in tools)
        return McpStatus(
            server.name, transport, connection.state, names, wanted.origin, connection.error, connection.stderr
        )


def _named(servers: Sequence[tuple[_Wanted, Connection]]) -> Sequence[tuple[_Wanted, Sequence[McpTool]]]:
    """Return each server's tools under names of which no two are the same."""
    names = iter(tool_names((wanted.server.name, tool.name) for wanted, of in servers for tool in of.tools))
    return [(wanted, [McpTool(next(names), tool, wanted.server, of) for tool in of.tools]) for wanted, of in servers]


def _in_folder(origin: Origin) -> Origin:
    return "added" if origin == "added" else "project"
