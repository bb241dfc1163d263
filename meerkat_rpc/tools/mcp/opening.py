"""Opening a connection to a server with the SDK's client."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, cast

from meerkat_rpc import __version__
from meerkat_rpc.agent_settings import McpServer
from meerkat_rpc.errors import CapabilityUnavailable
from meerkat_rpc.heavy_imports import importing
from meerkat_rpc.tools.mcp.stdio import process_streams
from meerkat_rpc.tools.output import Output

if TYPE_CHECKING:
    from mcp import Client
    from mcp.client._transport import Transport
    from mcp.client.session import IncomingMessage
    from mcp_types import Tool

MAX_TOOLS = 500
"""How many tools of one server are offered. Models can't choose among more, and each is sent with every call."""

MAX_EVENT_BYTES = 64 << 20
"""The largest message that a server may send over HTTP, as over a pipe."""

HTTP_CONNECT_S = 15.0
HTTP_READ_S = 300.0
"""How long nothing may be heard over HTTP: longer than that only where a call may take longer."""

LISTEN_PAUSE_S = 2.0
"""How long after a stream of changes was lost it is asked for again."""

NOISY = ("mcp", "client", "httpx2", "httpcore2")
"""Loggers that write down what went over the wire, or addresses with what is in them."""


async def load(server: McpServer) -> None:
    """Import the SDK, off the event loop: it takes half a second.

    Raises:
        CapabilityUnavailable: it isn't installed, or ``server`` is of a kind that this system can't run.
    """
    if server.url is None and not hasattr(os, "killpg"):
        raise CapabilityUnavailable("this system has no process groups, so only MCP servers with a url can be used")
    try:
        await importing(importlib.import_module, "mcp")
    except ImportError as error:
        raise CapabilityUnavailable(
            "MCP servers need the extra llm: pip install 'meerkat-rpc[llm]'", missing=error.name
        ) from error
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)


@asynccontextmanager
async def opened(
    server: McpServer,
    env: Mapping[str, str],
    stderr: Output | None,
    *,
    on_end: Callable[[], None],
    on_change: Callable[[], None],
) -> AsyncIterator[Client]:
    """Connect to the server and yield the client.

    Args:
        server: where to.
        env: the environment of a process.
        stderr: where its stderr goes; None for a server that is no process of ours.
        on_end: called when the connection is over by itself.
        on_change: called when the server says that its tools have changed.

    Raises:
        Exception: whatever the SDK raises where that fails.
    """
    from mcp import Client
    from mcp_types import Implementation, ToolListChangedNotification

    async def heard(message: IncomingMessage) -> None:
        if isinstance(message, ToolListChangedNotification):
            on_change()

    async with AsyncExitStack() as stack:
        streams = await _streams(server, env, stderr, on_end, stack)
        yield await stack.enter_async_context(
            Client(
                cast("Transport", streams),
                client_info=Implementation(name="meerkat-rpc", version=__version__),
                message_handler=heard,
                cache=None,
            )
        )


async def _streams(
    server: McpServer, env: Mapping[str, str], stderr: Output | None, on_end: Callable[[], None], stack: AsyncExitStack
) -> object:
    if server.url is None:
        assert stderr is not None
        return process_streams(server, env, stderr, on_end)
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    timeout = httpx2.Timeout(HTTP_CONNECT_S, read=max(HTTP_READ_S, server.timeout_s))
    client = httpx2.AsyncClient(headers=dict(server.headers), timeout=timeout)
    await stack.enter_async_context(client)
    return streamable_http_client(server.url, http_client=client, max_sse_event_size=MAX_EVENT_BYTES)


async def listed(client: Client) -> list[Tool]:
    """Return the server's tools, all pages of them, at most ``MAX_TOOLS``. Raises what the SDK raises."""
    if client.server_capabilities.tools is None:
        return []
    tools: list[Tool] = []
    cursor: str | None = None
    while len(tools) < MAX_TOOLS:
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        if (cursor := page.next_cursor) is None or not page.tools:
            break
    return tools[:MAX_TOOLS]


async def follow_changes(client: Client, on_change: Callable[[], None]) -> None:
    """Call ``on_change`` whenever the server says that its tools have changed, where that must be asked for; and when
    it can no longer say so, which may mean that it is gone."""
    from mcp.client.subscriptions import ListenNotSupportedError

    tools = client.server_capabilities.tools
    try:
        while tools is not None and tools.list_changed:
            await _until_lost(client, on_change)
            on_change()
            await asyncio.sleep(LISTEN_PAUSE_S)
    except ListenNotSupportedError:  # then it says so unasked
        return
    except Exception:  # noqa: BLE001 - it doesn't want to be listened to, or is gone
        on_change()


async def _until_lost(client: Client, on_change: Callable[[], None]) -> None:
    from mcp.client.subscriptions import SubscriptionLost

    try:
        async with client.listen(tools_list_changed=True) as changes:
            on_change()  # nobody tells what changed before
            async for _change in changes:
                on_change()
    except SubscriptionLost:  # a proxy was tired of the silence, or the server is gone
        return
