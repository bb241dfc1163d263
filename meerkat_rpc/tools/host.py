"""Tools that the host lends: calls go back to it as requests.

There is one host to a process, at the other end of its pipes. When it goes away its tools go too; a call that is under
way then fails, and the session does not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from meerkat_rpc.domain import JSON
from meerkat_rpc.errors import CapabilityUnavailable
from meerkat_rpc.event_json import encode_json
from meerkat_rpc.tools.base import ApprovalPreview, Tool, ToolCallContext, ToolDefinition, ToolOutcome, ToolScope

SOURCE = "host"

SUMMARY_CHARS = 200
"""How much of a call's arguments stands in the line that a person is asked with."""

AskHost = Callable[[str, Mapping[str, JSON]], Awaitable[JSON]]
"""Sends a request to the host and returns its result. Raises ``HostError``."""


class HostError(Exception):
    """The host answered with an error, or went away; the message is for the model."""


class HostTools:
    """What the host has lent so far; a ``ToolSource``."""

    def __init__(self) -> None:
        self._tools: dict[str, ToolDefinition] = {}
        self._ask: AskHost | None = None

    def connect(self, ask: AskHost | None) -> None:
        """Note how to reach the host; None once it is gone."""
        self._ask = ask

    def register(self, definitions: Iterable[ToolDefinition]) -> list[str]:
        """Take tools, in place of those of the same names; return the names of all.

        Raises:
            CapabilityUnavailable: the host can't be reached any more.
        """
        if self._ask is None:
            raise CapabilityUnavailable("the host's input is closed: it could not answer a call")
        self._tools.update({definition.name: definition for definition in definitions})
        return list(self._tools)

    def unregister(self, names: Iterable[str] | None) -> list[str]:
        """Give tools back, all of them for None; return the names of those that are left."""
        for name in list(self._tools) if names is None else names:
            self._tools.pop(name, None)
        return list(self._tools)

    async def tools(self, scope: ToolScope) -> Sequence[Tool]:
        """See ``ToolSource``."""
        if self._ask is None:
            return []
        return [HostTool(definition, self._call) for definition in self._tools.values()]

    async def _call(self, params: Mapping[str, JSON]) -> JSON:
        if self._ask is None:
            raise HostError("the host is gone")
        return await self._ask("tool/execute", params)


@frozen
class HostTool:
    """A tool that the host lends."""

    definition: ToolDefinition
    _call: Callable[[Mapping[str, JSON]], Awaitable[JSON]]

    async def preview(self, call: ToolCallContext, args: JSON) -> ApprovalPreview:
        """See ``Tool``."""
        shown = encode_json(args).decode()
        if len(shown) > SUMMARY_CHARS:
            shown = shown[: SUMMARY_CHARS - 1] + "…"
        return ApprovalPreview(f"{self.definition.name} {shown}", {"args": args}, self.definition.name)

    async def run(self, call: ToolCallContext, args: JSON) -> ToolOutcome:
        """See ``Tool``."""
        scope = call.scope
        ids = {"session_id": scope.session_id, "turn_id": scope.turn_id, "id": call.call_id}
        try:
            answer = await self._call({**ids, "name": self.definition.name, "args": args})
        except HostError as error:
            return ToolOutcome(str(error), is_error=True)
        return outcome_of(answer)


def outcome_of(answer: Any) -> ToolOutcome:
    """Return what a host's ``answer`` says: ``{result, is_error?}``, or anything else as the result itself."""
    if isinstance(answer, dict) and "result" in answer and answer.keys() <= {"result", "is_error"}:
        return ToolOutcome(answer["result"], answer.get("is_error") is True)
    return ToolOutcome(answer)
