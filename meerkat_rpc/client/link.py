"""Keeps a server there: starts one, and another when it dies."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from meerkat_rpc import __version__
from meerkat_rpc.client.connection import Connection
from meerkat_rpc.client.errors import ClientClosed, ClientError, RpcError, ServerDied, ServerGone, StartFailed
from meerkat_rpc.client.feed import Routes
from meerkat_rpc.client.lending import Lending
from meerkat_rpc.client.process import Launch, StderrSink
from meerkat_rpc.wire.catalog import CONTRACT_VERSION
from meerkat_rpc.wire.framing import Style

if TYPE_CHECKING:
    from meerkat_rpc.client import results

START_TIMEOUT_S = 60.0
"""How long a server may take to greet: time for a cold disk and a slow machine, an end for a program that just sits."""

RESTART_DELAYS_S = (0.0, 0.1, 0.3, 1.0, 3.0)
"""How long to wait before each attempt to start a dead server again. After the last, the client gives up."""

STEADY_S = 10.0
"""A server that lived this long before it died starts the delays from the beginning."""

TRIES = 3
"""How many servers may die of one request before its caller is told."""

UNREPEATABLE = frozenset(
    {
        "session/fork_at",
        "session/archive",
        "session/delete",
        "session/inject_context",
        "config/set",
        "config/patch",
        "shutdown",
    }
)
"""Methods that may do something else, or fail, the second time. When the server dies on one, the caller must decide."""


class Link:
    """The way to a server, whichever process that is at the moment."""

    def __init__(
        self,
        launch: Launch,
        framing: Style,
        routes: Routes,
        *,
        reconnect: bool,
        on_stderr: StderrSink = None,
        lending: Lending | None = None,
        capabilities: Mapping[str, bool] | None = None,
    ) -> None:
        self._launch = launch
        self._framing = framing
        self._routes = routes
        self._reconnect = reconnect
        self._on_stderr = on_stderr
        self._lending = lending or Lending()
        self._capabilities = capabilities or {}
        self._failure: ClientError | None = ClientClosed("the client is not open")
        self._settled = asyncio.Event()
        self._restarting: asyncio.Task[None] | None = None
        self._deaths = 0
        self._started = 0.0
        self.current: Connection | None = None
        self.greeting: results.InitializeResult

    async def open(self) -> None:
        """Start the first server. Raises ``StartFailed``."""
        self._failure = None
        self._settle(await self._start())

    async def connection(self) -> Connection:
        """Return the connection, waiting for a restart if need be.

        Raises:
            ServerDied: there is no server any more and will be none.
            ClientClosed: the client is closed.
        """
        if self.current is None and self._failure is None:
            await self._settled.wait()
        if self.current is None:
            raise self._failure or ClientClosed("the client is closed")
        return self.current

    async def request(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Send a request, again to the next server if this one dies of something else and a repeat does no harm."""
        for attempt in range(1, TRIES + 1):
            connection = await self.connection()
            try:
                return await connection.request(method, params)
            except ServerDied:
                if attempt == TRIES or not self._reconnect or method in UNREPEATABLE:
                    raise
        raise AssertionError

    @property
    def keeps(self) -> bool:
        """Whether what was going on can go on with the next server: there will be one, and it finds the sessions."""
        return self._reconnect and self.greeting["store"]["kind"] != "memory"

    # -- starting ----------------------------------------------------------------------------------------------

    async def _start(self) -> Connection:
        connection = Connection(self._launch, self._framing, self._routes, self._lost, self._lending)
        await connection.start(self._on_stderr)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                self.greeting = await connection.request("initialize", _greeting(self._capabilities))
                if offers := self._lending.offers():
                    await connection.request("tools/register", {"tools": offers})
        except BaseException as error:  # noqa: BLE001 - whatever it is, no process is left behind
            connection.process.kill()
            await connection.process.ended.wait()
            raise _start_failed(connection, error) from None
        self._started = time.monotonic()
        return connection

    def _settle(self, connection: Connection | None, failure: ClientError | None = None) -> None:
        self.current, self._failure = connection, failure
        self._settled.set()

    def _lost(self, connection: Connection) -> None:
        if connection is not self.current:
            return
        self._routes.server_died()
        if not self._reconnect:
            self._settle(None, connection.loss())
            return
        self._settled.clear()
        self.current = None
        if time.monotonic() - self._started > STEADY_S:
            self._deaths = 0
        self._restarting = asyncio.get_running_loop().create_task(self._restart(connection.loss()))

    async def _restart(self, failure: ClientError) -> None:
        while self._deaths < len(RESTART_DELAYS_S):
            await asyncio.sleep(RESTART_DELAYS_S[self._deaths])
            self._deaths += 1
            try:
                self._settle(await self._start())
            except StartFailed as error:
                failure = ServerDied(f"the server died and did not come back: {error.reason}", *error.args[1:])
            else:
                return
        self._settle(None, failure)

    # -- ending ------------------------------------------------------------------------------------------------

    async def close(self, *, interrupt: bool) -> None:
        """End the server and whatever waits for it. ``interrupt``: stop running turns instead of finishing them."""
        connection = self.current
        if self._restarting is not None:
            self._restarting.cancel()
            await asyncio.wait([self._restarting])
        self._settle(None, ClientClosed("the client is closed"))
        try:
            if connection is not None:
                await connection.close(interrupt=interrupt)
        finally:
            self._routes.server_died()


def _greeting(capabilities: Mapping[str, bool]) -> dict[str, Any]:
    return {
        "client_info": {"name": "meerkat-rpc-client", "version": __version__},
        "process_id": os.getpid(),
        "contract_version": CONTRACT_VERSION,
        "capabilities": capabilities,
    }


def _start_failed(connection: Connection, error: BaseException) -> BaseException:
    process = connection.process
    match error:
        case TimeoutError():
            reason = f"the server did not greet within {START_TIMEOUT_S:.0f} s"
        case ServerGone():
            reason = error.reason.replace("the server went away", "the server ended before it said hello")
        case RpcError():
            reason = f"the server refused to greet ({error})"
        case _:
            return error
    return StartFailed(reason, process.argv, process.exit_code, process.stderr_tail)
