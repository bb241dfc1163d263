"""An MCP server as a process: its pipes as the SDK's client wants them, and its end.

The SDK has a transport of its own. It keeps the process to itself, leaves those that a server started where the server
ends by itself, and lends our stderr.
"""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from meerkat_rpc.agent_settings import McpServer
from meerkat_rpc.tools.mcp.lines import lines
from meerkat_rpc.tools.output import Output
from meerkat_rpc.tools.process_group import KILL_GRACE_S, ProcessGroup

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.client._transport import TransportStreams
    from mcp.shared.message import SessionMessage

    Incoming = MemoryObjectSendStream[SessionMessage | Exception]
    Outgoing = MemoryObjectReceiveStream[SessionMessage]

EXIT_S = 1.0
"""How long a server may take to end after its stdin was closed, as the protocol asks of it, before signals."""


@asynccontextmanager
async def process_streams(
    server: McpServer, env: Mapping[str, str], stderr: Output, on_end: Callable[[], None]
) -> AsyncIterator[TransportStreams]:
    """Start the server, yield its streams, and leave nothing of it at the end.

    Args:
        server: what to start.
        env: its environment.
        stderr: where its stderr goes.
        on_end: called when it writes no more: it has died, or is about to.

    Raises:
        OSError: it can't be started.
    """
    import anyio
    from mcp.shared.message import SessionMessage

    try:
        group = await ProcessGroup.start(
            [server.command or "", *server.args],
            cwd=server.cwd, env=env, stdin=PIPE, stdout=PIPE, stderr=stderr.write_end,
        )  # fmt: skip
    finally:
        stderr.started()
    to_client, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outgoing, from_client = anyio.create_memory_object_stream[SessionMessage](0)
    tasks = [
        asyncio.create_task(_read(group.leader, to_client, on_end)),
        asyncio.create_task(_write(group.leader, from_client, on_end)),
    ]
    try:
        yield incoming, outgoing
    finally:
        await _stop(group, tasks)
        for stream in (to_client, incoming, outgoing, from_client):
            stream.close()


async def _read(process: asyncio.subprocess.Process, to_client: Incoming, on_end: Callable[[], None]) -> None:
    """Pass messages on. What is none, a careless ``print``, is dropped: what it says is no business of a log's."""
    import anyio
    from mcp.shared.message import SessionMessage
    from mcp_types import jsonrpc_message_adapter

    assert process.stdout is not None
    try:
        async for line in lines(process.stdout):
            try:
                message = jsonrpc_message_adapter.validate_json(line, by_name=False)
            except ValueError:
                continue
            await to_client.send(SessionMessage(message))
    except (anyio.ClosedResourceError, anyio.BrokenResourceError):
        pass  # nobody listens any more
    finally:
        to_client.close()
        on_end()


async def _write(process: asyncio.subprocess.Process, from_client: Outgoing, on_end: Callable[[], None]) -> None:
    assert process.stdin is not None
    try:
        async for message in from_client:
            data = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(data.encode() + b"\n")
            await process.stdin.drain()
    except OSError:  # it reads no more
        on_end()


async def _stop(group: ProcessGroup, tasks: list[asyncio.Task[None]]) -> None:
    """End the server as the protocol says: close its stdin, wait, then signals, to all that it started."""
    process = group.leader
    try:
        if process.stdin is not None:
            process.stdin.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), EXIT_S)
        await group.end(grace_s=KILL_GRACE_S)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
