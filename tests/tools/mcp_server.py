"""An MCP server for tests, made with the official SDK: ``python -m tests.tools.mcp_server stdio``, or ``http PORT``."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import Context, Image, MCPServer
from mcp_types import EmbeddedResource, TextResourceContents
from pydantic import BaseModel

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000a49444154789c6360000000020001e221bc330000"
    "000049454e44ae426082"
)

server = MCPServer("test server")


class Weather(BaseModel):
    """What the weather is like."""

    city: str
    degrees: float


@server.tool()
def echo(text: str) -> str:
    """Return the text."""
    return text


@server.tool()
def weather(city: str) -> Weather:
    """Return structured content."""
    return Weather(city=city, degrees=21.5)


@server.tool(structured_output=False)
def fail(text: str) -> str:
    """Fail."""
    raise ValueError(text)


@server.tool(structured_output=False)
def picture() -> Image:
    """Return an image."""
    return Image(data=PIXEL, format="png")


@server.tool(structured_output=False)
def note() -> EmbeddedResource:
    """Return a resource."""
    contents = TextResourceContents(uri="note://1", mime_type="text/plain", text="remember")
    return EmbeddedResource(type="resource", resource=contents)


@server.tool(structured_output=False)
def large(size: int) -> str:
    """Return much."""
    return "x" * size


@server.tool(structured_output=False)
async def slow(mark: str) -> str:
    """Wait for ever; write into the file ``mark`` when it begins and how it ended."""
    Path(mark).write_text("begun", encoding="utf-8")
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        Path(mark).write_text("cancelled", encoding="utf-8")
        raise
    return "done"


@server.tool(structured_output=False)
def crash() -> str:
    """Die in the middle of the call."""
    sys.stderr.write("the cat pulled the plug\n")
    sys.stderr.flush()
    os._exit(3)


@server.tool(structured_output=False)
def spawn() -> str:
    """Leave a process behind, in a session of its own, and return its id."""
    child = subprocess.Popen(["sleep", "600"], start_new_session=True, stdin=subprocess.DEVNULL)
    return str(child.pid)


@server.tool(structured_output=False)
def environment() -> dict[str, Any]:
    """Return the names and values of the variables."""
    return dict(os.environ)


@server.tool(structured_output=False)
def process() -> str:
    """Return the process id."""
    return str(os.getpid())


@server.tool(structured_output=False)
async def grow(context: Context[Any]) -> str:
    """Offer one more tool, and say so in both ways that there are."""

    @server.tool(name="grown", structured_output=False)
    def grown() -> str:
        """Be new."""
        return "new"

    await context.notify_tools_changed()
    await context.session.send_tool_list_changed()
    return "grown"


def main() -> None:
    """Serve."""
    if sys.argv[1] == "http":
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
    else:
        print("this is no message")  # noqa: T201
        sys.stderr.write("starting\n")
        server.run("stdio")


if __name__ == "__main__":
    main()
