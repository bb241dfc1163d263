"""MCP servers for tests, and the source that offers their tools."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psutil

from meerkat_rpc.agent_settings import AgentSettings, McpServer
from meerkat_rpc.domain import JSON
from meerkat_rpc.tools.base import Tool, ToolCallContext, ToolOutcome, ToolScope
from meerkat_rpc.tools.mcp import McpStatus, McpTools

ROOT = str(Path(__file__).parents[2])

WAIT_S = 30.0
POLL_S = 0.02

SCOPE = ToolScope("session", "turn", None)

STDIO = McpServer("test", command=sys.executable, args=("-m", "tests.tools.mcp_server", "stdio"), cwd=ROOT)


def script(name: str, code: str, **settings: Any) -> McpServer:
    """Return a server that is only a few lines of Python."""
    return McpServer(name, command=sys.executable, args=("-c", code), **settings)


class Desk:
    """A source over servers that can be changed, closed at the end."""

    def __init__(self, *servers: McpServer, wait_s: float = WAIT_S, start_s: float = WAIT_S) -> None:
        self.servers: dict[str, McpServer] = {server.name: server for server in servers}
        self.in_folder: dict[str, Mapping[str, McpServer]] = {}
        self.source = McpTools(self._settings, wait_s=wait_s, start_s=start_s)

    def _settings(self, cwd: str | None) -> AgentSettings:
        return AgentSettings(mcp_servers={**self.servers, **self.in_folder.get(cwd or "", {})})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.source.close()

    async def tools(self, cwd: str | None = None) -> dict[str, Tool]:
        """Return what is offered now."""
        offered = await self.source.tools(ToolScope("session", "turn", cwd))
        return {tool.definition.name: tool for tool in offered}

    async def call(self, name: str, /, **args: JSON) -> ToolOutcome:
        """Call a tool."""
        return await (await self.tools())[name].run(ToolCallContext(SCOPE, "call"), args)

    async def result(self, name: str, /, **args: JSON) -> Any:
        """Call a tool that must not fail."""
        outcome = await self.call(name, **args)
        assert not outcome.is_error, outcome.result
        return outcome.result

    async def status(self, name: str = "test") -> McpStatus:
        """Return what is known of a server."""
        return next(status for status in await self.source.list() if status.name == name)

    async def until_offered(self, name: str) -> None:
        """Wait until a tool is there."""
        async with asyncio.timeout(WAIT_S):
            while name not in await self.tools():  # noqa: ASYNC110 - what is waited for is in another process
                await asyncio.sleep(POLL_S)

    async def until_state(self, name: str, state: str) -> McpStatus:
        """Wait until a server is in that state."""
        async with asyncio.timeout(WAIT_S):
            while (status := await self.status(name)).state != state:  # noqa: ASYNC110 - likewise
                await asyncio.sleep(POLL_S)
            return status


def children() -> Sequence[psutil.Process]:
    """Return the processes that are below ours and alive."""
    below = psutil.Process().children(recursive=True)
    return [child for child in below if _lives(child)]


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def lives(pid: int) -> bool:
    """Return whether there is such a process, and not only its remains."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return _lives(psutil.Process(pid))
    return False


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def http_server(port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the test server on a port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.tools.mcp_server", "http", str(port),
        cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await _until_listening(port)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _until_listening(port: int) -> None:
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(POLL_S)
                continue
            writer.close()
            return


def at(port: int, **settings: Any) -> McpServer:
    """Return the server on a port."""
    return McpServer("test", url=f"http://127.0.0.1:{port}/mcp", **settings)
