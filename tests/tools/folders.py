"""A session's folder, and the built-in tools in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from meerkat_rpc.agent_settings import AgentSettings
from meerkat_rpc.domain import JSON
from meerkat_rpc.tools.base import ApprovalPreview, Tool, ToolCallContext, ToolOutcome, ToolScope
from meerkat_rpc.tools.builtin.source import BuiltinTools

WAIT_S = 60.0
POLL_S = 0.01

Run = Callable[[Any], Any]


class Folder:
    """A folder with every built-in tool turned on."""

    def __init__(self, path: Path, settings: AgentSettings | None = None) -> None:
        self.path = path
        chosen = settings or AgentSettings(builtin_tools=("all",))
        self.source = BuiltinTools(lambda _cwd: chosen)
        self.scope = ToolScope("session", "turn", str(path))
        self.calls = 0

    def file(self, name: str, content: str | bytes = "") -> Path:
        """Make a file and what folders it needs."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    async def tool(self, name: str) -> Tool:
        """Return a tool."""
        return next(tool for tool in await self.source.tools(self.scope) if tool.definition.name == name)

    async def call(self, name: str, /, call_id: str = "call", **args: JSON) -> ToolOutcome:
        """Call a tool."""
        return await (await self.tool(name)).run(ToolCallContext(self.scope, call_id), args)

    async def preview(self, name: str, /, call_id: str = "call", **args: JSON) -> ApprovalPreview:
        """Ask what a person would be shown."""
        return await (await self.tool(name)).preview(ToolCallContext(self.scope, call_id), args)

    async def result(self, name: str, /, **args: JSON) -> Any:
        """Call a tool that must not fail."""
        outcome = await self.call(name, **args)
        assert not outcome.is_error, outcome.result
        return outcome.result

    async def error(self, name: str, /, **args: JSON) -> str:
        """Call a tool that must fail."""
        outcome = await self.call(name, **args)
        assert outcome.is_error, outcome.result
        assert isinstance(outcome.result, str)
        return outcome.result


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - what is waited for lies outside
            await asyncio.sleep(POLL_S)
