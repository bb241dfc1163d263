"""Every source's tools, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from meerkat_rpc.tools.base import Tool, ToolScope, ToolSource


async def gather(sources: Sequence[ToolSource], scope: ToolScope) -> dict[str, Tool]:
    """Return the tools of every source, by name; of two that have the same name the first."""
    offered = await asyncio.gather(*(source.tools(scope) for source in sources))
    tools: dict[str, Tool] = {}
    for tool in (tool for offer in offered for tool in offer):
        tools.setdefault(tool.definition.name, tool)
    return tools
