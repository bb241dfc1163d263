"""A connection to one server: opened, kept, opened again when it breaks.

One task owns it from opening to closing, for the SDK's scopes must be left by the task that entered them. Calls are
made from their callers' tasks, so that cancelling one cancels its request.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from meerkat_rpc.agent_settings import McpServer
from meerkat_rpc.domain import JSON
from meerkat_rpc.errors import AgentError
from meerkat_rpc.tools.base import ToolOutcome
from meerkat_rpc.tools.mcp.opening import follow_changes, listed, load, opened
from meerkat_rpc.tools.mcp.reasons import reason
from meerkat_rpc.tools.mcp.results import outcome
from meerkat_rpc.tools.mcp.status import State
from meerkat_rpc.tools.output import Output

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import Tool

START_S = 30.0
"""How long a server may take from its start to its list of tools. Those that fetch themselves first (npx, uvx) need
most of it."""

LIST_S = 15.0
"""How long it may take to list its tools anew. One that doesn't is taken for dead."""

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
"""How long after a failure it is tried again: twice as long each time, up to this. ``reload`` doesn't wait."""

STEADY_S = 60.0
"""A connection that held this long has recovered: the next failure begins with the first pause."""

MAX_DOUBLINGS = 10

ENDED = "the connection ended"
STOPPED = "it was stopped"

STDERR_BYTES = 4 << 10
"""How much of stderr is kept: the end of a traceback, which says what is wrong."""

logger = logging.getLogger(__name__)


class Connection:
    """A connection to ``server``, opened at once.

    Args:
        server: where to.
        env: the environment of a process.
        start_s: how long the server may take from its start to its list of tools.
    """

    def __init__(self, server: McpServer, env: Mapping[str, str], start_s: float = START_S) -> None:
        self.server = server
        self.state: State = "connecting"
        self.tools: Sequence[Tool] = ()
        self.error: str | None = None
        self.stderr: str | None = None
        self.began = time.monotonic()
        self._env = env
        self._start_s = start_s
        self._said: Output | None = None
        self._client: Client | None = None
        self._settled = asyncio.Event()
        self._stirred = asyncio.Event()
        self._broken = False
        self._ready = False
        self._stopped = asyncio.Event()
        self._owner = asyncio.create_task(self._own(), name=f"mcp {server.name}")

    async def settled(self, within_s: float) -> bool:
        """Wait, for at most that many seconds, until it is known whether the server is there. Return whether it is."""
        if not self._settled.is_set() and within_s > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._settled.wait(), within_s)
        return self.state == "ready"

    async def call(self, tool: str, args: Mapping[str, JSON]) -> ToolOutcome:
        """Call a tool, for as long as the caller waits.

        Raises:
            AgentError: the server isn't there, died meanwhile, or refused.
        """
        if not await self.settled(self._start_s) or self._client is None:
            raise AgentError(f"the MCP server {self.server.name} isn't running: {self._why()}")
        try:
            return outcome(await self._client.call_tool(tool, dict(args)))
        except Exception as error:
            self._stir()  # the fault may be the connection's: the owner looks
            raise AgentError(f"the MCP server {self.server.name} failed: {reason(error)}{self._ending()}") from error

    async def close(self) -> None:
        """Close it for good, and return when nothing is left of the server's process."""
        self._stopped.set()
        self._owner.cancel()
        await asyncio.wait([self._owner])

    async def _own(self) -> None:
        failures = 0
        try:
            while (
                not self._stopped.is_set()
            ):  # cancellation alone won't do: the SDK may answer it with another exception
                self._begin()
                began = time.monotonic()
                was_there = await self._try()
                failures = 0 if time.monotonic() - began > STEADY_S else failures
                if not self._stopped.is_set() and (
                    failures or not was_there
                ):  # one that worked gets a second chance at once
                    self._settle("failed")
                    await asyncio.sleep(min(FIRST_PAUSE_S * 2**failures, LONGEST_PAUSE_S))
                failures = min(failures + 1, MAX_DOUBLINGS)
        finally:
            self._settle("failed")

    def _begin(self) -> None:
        self.state, self.began = "connecting", time.monotonic()
        self._settled.clear()

    def _settle(self, state: State) -> None:
        self.state = state
        self._settled.set()

    async def _try(self) -> bool:
        """Open the connection, stay with it until it ends, and write down why. Return whether it was ever ready."""
        self._ready, before = False, self.error
        try:
            await load(self.server)
            await self._stay()
            self.error = ENDED
        except TimeoutError as error:
            self.error = str(error) or f"no answer within {self._start_s:g} s of its start"
        except Exception as error:  # noqa: BLE001 - a server that fails is named, and nobody else's trouble
            self.error = reason(error)
        finally:
            self._lose()
            if self._said is not None:
                self._said.close()
        if self.error != before:
            logger.warning("the MCP server %s isn't there: %s", self.server.name, self.error)
        return self._ready

    def _lose(self) -> None:
        self._client, self.tools = None, ()
        if self._said is not None:
            self.stderr = self._said.text().strip() or None

    async def _stay(self) -> None:
        self._broken = False
        self._said = Output(head_bytes=0, tail_bytes=STDERR_BYTES) if self.server.url is None else None
        async with (
            asyncio.timeout(self._start_s) as deadline,
            opened(self.server, self._env, self._said, on_end=self._break, on_change=self._stir) as client,
        ):
            tools = await listed(client)
            deadline.reschedule(None)
            self._client, self.error, self.stderr = client, None, None
            follower = asyncio.create_task(follow_changes(client, self._stir))
            try:
                await self._keep(client, tools)
            finally:
                follower.cancel()
                await asyncio.wait([follower])

    async def _keep(self, client: Client, tools: Sequence[Tool]) -> None:
        """Offer the tools, list them anew when something stirs, and return when the server has ended."""
        while not self._broken:
            self.tools, self._ready = tools, True
            self._settle("ready")
            self._stirred.clear()
            await self._stirred.wait()
            if not self._broken:
                tools = await self._listed_again(client)

    async def _listed_again(self, client: Client) -> Sequence[Tool]:
        try:
            async with asyncio.timeout(LIST_S):
                return await listed(client)
        except TimeoutError:
            raise TimeoutError(f"no answer within {LIST_S:.0f} s") from None

    def _break(self) -> None:
        """The server has gone. It will be tried again, so what needs it may wait."""
        self._broken = True
        if self._client is not None and not self._stopped.is_set():
            self.error = ENDED
            self._lose()
            self._begin()
        self._stir()

    def _stir(self) -> None:
        self._stirred.set()

    def _why(self) -> str:
        return STOPPED if self._stopped.is_set() else f"{self.error or 'it is still starting'}{self._ending()}"

    def _ending(self) -> str:
        return f"; it said last: {self.stderr}" if self.stderr else ""
