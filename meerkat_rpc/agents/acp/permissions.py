"""An agent's questions to its user, put to whoever is attached to the session."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from attrs import define, field

from meerkat_rpc.agents.acp.content import bounded, changes, cut, paths_of, tool_content
from meerkat_rpc.agents.acp.files import FileRefused, Folder
from meerkat_rpc.agents.acp.tool_call import AgentToolCall
from meerkat_rpc.agents.base import AgentTurn
from meerkat_rpc.domain import JSON

PERMISSION, WRITE = "acp_permission", "acp_write"
"""The kinds of our approvals: what the agent asks of its own accord, and a file that it writes without having asked."""

ALLOW, DENY = "allow", "deny"

CANCELLED: Mapping[str, Any] = {"outcome": {"outcome": "cancelled"}}
"""The answer to a permission that nobody gave."""

Option = Mapping[str, Any]


@define
class Permissions:
    """The questions of one turn. What was allowed is remembered for as long as the tool call lasts, for the agent may
    then write the file through us. ``writes_allowed``: a person has told the agent to edit without asking."""

    turn: AgentTurn
    writes_allowed: bool = False
    _keys: dict[str, int] = field(factory=dict)
    _granted: list[tuple[AgentToolCall, frozenset[str]]] = field(factory=list)

    async def ask(self, params: Mapping[str, Any], call: AgentToolCall | None) -> Mapping[str, Any]:
        """Ask what the agent wants to know about ``call``; return the protocol's answer."""
        options = _options(params.get("options"))
        if not options:
            return CANCELLED
        told = call.told if call is not None else {}
        summary = cut(call.title) if call is not None else "The agent asks for permission"
        key = self._key(call.id if call is not None else "")
        choice = await self.turn.ask(PERMISSION, summary, await _details(call, options), list(options), key=key)
        option = options.get(choice)
        if option is None:
            return CANCELLED
        if call is not None and str(option.get("kind", "")).startswith("allow"):
            self._granted.append((call, frozenset(paths_of(told))))
            self.writes_allowed |= option["kind"] == "allow_always" and call.kind == "edit"
        return {"outcome": {"outcome": "selected", "optionId": option["optionId"]}}

    async def may_write(self, folder: Folder, path: str, content: str) -> bool:
        """Return whether the agent may write ``content`` to ``path``: asked unless that was allowed already.

        Raises:
            FileRefused: nobody can allow it.
        """
        located = await asyncio.to_thread(folder.locate, path)
        if self.writes_allowed or await asyncio.to_thread(self._covered, folder, str(located)):
            return True
        old = await asyncio.to_thread(folder.before, located)
        details = {"path": str(located), "diff": await changes(path, old or None, content)}
        choice = await self.turn.ask(WRITE, f"Write {path}", details, [ALLOW, DENY], key=self._key(WRITE))
        return choice == ALLOW

    def _covered(self, folder: Folder, located: str) -> bool:
        return any(_same(folder, path, located) for call, paths in self._granted if not call.ended for path in paths)

    def _key(self, about: str) -> str:
        """Return a key for a question; an agent may ask twice about the same call."""
        count = self._keys[about] = self._keys.get(about, 0) + 1
        return about if count == 1 else f"{about}#{count}"


def _same(folder: Folder, path: str, located: str) -> bool:
    try:
        return str(folder.locate(path)) == located
    except FileRefused:
        return False


def _options(given: Any) -> dict[str, Option]:
    """Return the agent's options by what a person chooses: their names, or ids where two have the same name."""
    options = [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []
    options = [item for item in options if isinstance(item.get("optionId"), str)]
    names = [item.get("name") for item in options]
    distinct = all(isinstance(name, str) and name for name in names) and len(set(names)) == len(names)
    return {item["name"] if distinct else item["optionId"]: item for item in options}


async def _details(call: AgentToolCall | None, options: Mapping[str, Option]) -> JSON:
    choices = [
        {"choice": choice, "id": option["optionId"], "kind": option.get("kind")} for choice, option in options.items()
    ]
    if call is None:
        return {"options": choices}
    shown = {
        "tool_call_id": call.id,
        "kind": call.kind,
        "paths": list(paths_of(call.told)),
        "content": await tool_content(call.told.get("content")),
        "input": bounded(call.told.get("rawInput")),
    }
    return {name: value for name, value in shown.items() if value} | {"options": choices}
