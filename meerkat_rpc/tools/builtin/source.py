"""The built-in tools as a source: those that are configured, for sessions that have a folder."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence

from meerkat_rpc.agent_settings import AgentSettings, SettingsFor
from meerkat_rpc.tools.base import Tool, ToolScope
from meerkat_rpc.tools.builtin.changing import EditFile, ShownFiles, WriteFile
from meerkat_rpc.tools.builtin.folder import IS_SUPPORTED
from meerkat_rpc.tools.builtin.listing import ListFiles
from meerkat_rpc.tools.builtin.reading import ReadFile
from meerkat_rpc.tools.builtin.running import RunCommand
from meerkat_rpc.tools.builtin.searching import Search
from meerkat_rpc.tools.environment import secret_names

NAMES = (ReadFile.NAME, ListFiles.NAME, Search.NAME, WriteFile.NAME, EditFile.NAME, RunCommand.NAME)

GROUPS: Mapping[str, tuple[str, ...]] = {"read": NAMES[:3], "write": NAMES[3:5], "run": NAMES[5:], "all": NAMES}
"""Names for several tools at once, as the configuration may give them."""

logger = logging.getLogger(__name__)


def expanded(names: Sequence[str]) -> tuple[str, ...]:
    """Return the tools that ``names`` stand for, each once, in their order; names that nobody has are left out."""
    wanted = {tool for name in names for tool in GROUPS.get(name, (name,))}
    return tuple(name for name in NAMES if name in wanted)


class BuiltinTools:
    """A source of tools (``ToolSource``).

    Args:
        settings_for: says which tools are on in a folder.
    """

    def __init__(self, settings_for: SettingsFor) -> None:
        self._settings_for = settings_for
        self._shown = ShownFiles()

    async def tools(self, scope: ToolScope) -> Sequence[Tool]:
        """Return what is on in the session's folder; nothing where it has none."""
        try:
            settings = self._settings_for(scope.cwd)
            if scope.cwd is None or not settings.builtin_tools or not await asyncio.to_thread(_is_usable, scope.cwd):
                return ()
            return [self._tool(name, scope.cwd, settings) for name in expanded(settings.builtin_tools)]
        except Exception:
            logger.exception("the built-in tools can't be offered")
            return ()

    def _tool(self, name: str, cwd: str, settings: AgentSettings) -> Tool:
        makers: Mapping[str, Callable[[], Tool]] = {
            ReadFile.NAME: lambda: ReadFile(cwd),
            ListFiles.NAME: lambda: ListFiles(cwd),
            Search.NAME: lambda: Search(cwd),
            WriteFile.NAME: lambda: WriteFile(cwd, self._shown),
            EditFile.NAME: lambda: EditFile(cwd, self._shown),
            RunCommand.NAME: lambda: RunCommand(cwd, secret_names(settings)),
        }
        return makers[name]()


def _is_usable(cwd: str) -> bool:
    return IS_SUPPORTED and os.path.isabs(cwd) and os.path.isdir(cwd)
