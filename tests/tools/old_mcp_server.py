"""An MCP server of the generation before, written by hand: as most of those in use are.

``python old_mcp_server.py [silent]``: with ``silent`` it doesn't answer methods that it doesn't know.
"""

from __future__ import annotations

import json
import sys
from typing import Any

TOOLS = [{"name": "a.b", "description": "Odd name", "inputSchema": {"type": "object"}}]


def say(**message: Any) -> None:
    """Write a message."""
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)  # noqa: T201


def result_of(method: str, params: dict[str, Any]) -> Any:
    """Return the answer to a request, None for a method that isn't known."""
    if method == "initialize":
        info = {"name": "old", "version": "1"}
        return {"protocolVersion": "2025-03-26", "capabilities": {"tools": {"listChanged": True}}, "serverInfo": info}
    if method == "tools/list":
        start = int(params.get("cursor") or 0)
        more = {"nextCursor": str(start + 1)} if start + 1 < len(TOOLS) else {}
        return {"tools": TOOLS[start : start + 1], **more}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": "one"}, {"type": "text", "text": json.dumps(params["arguments"])}]}
    return None


def main() -> None:
    """Serve."""
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        result = result_of(message["method"], message.get("params") or {})
        if result is not None:
            say(id=message["id"], result=result)
        elif "silent" not in sys.argv:
            say(id=message["id"], error={"code": -32601, "message": "Method not found"})
        if message["method"] == "tools/call":
            TOOLS.append({"name": f"more{len(TOOLS)}", "inputSchema": {"type": "object"}})
            say(method="notifications/tools/list_changed")


if __name__ == "__main__":
    main()
