"""The connections that are open, each shared by everybody who wants the same server."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Hashable, Iterable, Mapping

from meerkat_rpc.agent_settings import McpServer
from meerkat_rpc.tools.environment import without_secrets
from meerkat_rpc.tools.mcp.connection import Connection


def key_of(server: McpServer) -> Hashable:
    """Return what makes two servers the same: where they are and how they are started, not how their tools are used."""
    return (
        server.name, server.command, server.args, _frozen(server.env), server.cwd, server.url, _frozen(server.headers),
    )  # fmt: skip


def _frozen(values: Mapping[str, str]) -> Hashable:
    return tuple(sorted(values.items()))


class Pool:
    """Connections by server. Nothing is awaited between a look and what follows from it.

    Args:
        start_s: how long a server may take to start.
    """

    def __init__(self, start_s: float) -> None:
        self._start_s = start_s
        self._connections: dict[Hashable, Connection] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def get(self, server: McpServer, secrets: Collection[str]) -> Connection:
        """Return the connection to ``server``, opened if there is none.

        Args:
            server: where to.
            secrets: the names of variables that it is not to see.
        """
        connection = self._connections.get(key := key_of(server))
        if connection is None:
            connection = Connection(server, {**without_secrets(also=secrets), **server.env}, self._start_s)
            self._connections[key] = connection
        return connection

    def keep(self, wanted: Iterable[Hashable]) -> None:
        """Begin to close all that isn't wanted."""
        for key in self._connections.keys() - set(wanted):
            self._close(key)

    def drop(self, name: str | None) -> None:
        """Begin to close the connections to the servers of that name, None for all."""
        for key, connection in list(self._connections.items()):
            if name in (None, connection.server.name):
                self._close(key)

    async def closed(self) -> None:
        """Return when nothing is left of what was to be closed."""
        while self._closing:
            await asyncio.wait(self._closing)

    def _close(self, key: Hashable) -> None:
        task = asyncio.create_task(self._connections.pop(key).close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
