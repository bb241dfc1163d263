"""Tools that this process lends to the agents of its server."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple

METHOD_NOT_FOUND = -32601
TOOL_FAILED = -32000
"""The error that a tool's own exception is answered with: JSON-RPC leaves this number to applications."""


class Call(NamedTuple):
    """Which call it is: the session and the turn that it is made in, and the model's id of it."""

    session_id: str
    turn_id: str
    id: str
    name: str


ToolFunction = Callable[[Any, Call], Awaitable[Any] | Any]
"""Takes the arguments and the call, returns any JSON. What it raises is told to the model. It is cancelled when the
call takes too long, or its turn ends."""


class LentTool(NamedTuple):
    """A tool. ``input_schema``: JSON Schema of an object. ``timeout_s``: the deadline of each call, two minutes where
    it is None."""

    name: str
    description: str
    input_schema: Mapping[str, Any]
    function: ToolFunction
    requires_approval: bool = False
    timeout_s: float | None = None

    def offer(self) -> dict[str, Any]:
        """Return it as it is registered."""
        offer = {"name": self.name, "description": self.description, "input_schema": self.input_schema}
        deadline = {} if self.timeout_s is None else {"timeout_ms": round(self.timeout_s * 1000)}
        return {**offer, "requires_approval": self.requires_approval, **deadline}


class Lending:
    """The tools that are lent, and their calls in flight.

    They outlive a server: the next one is told of them as it starts.
    """

    def __init__(self, tools: Iterable[LentTool] = ()) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._calls: dict[tuple[object, int | str], asyncio.Task[None]] = {}

    def add(self, tool: LentTool) -> None:
        """Lend a tool, in place of one of the same name."""
        self._tools[tool.name] = tool

    def remove(self, names: Iterable[str]) -> None:
        """Take tools back."""
        for name in names:
            self._tools.pop(name, None)

    def offers(self) -> list[dict[str, Any]]:
        """Return what is to be registered."""
        return [tool.offer() for tool in self._tools.values()]

    def asked(self, server: object, message: Mapping[str, Any], send: Callable[[Mapping[str, Any]], None]) -> None:
        """Answer a request of ``server``'s, as soon as that can be."""
        key = server, message["id"]
        task = asyncio.get_running_loop().create_task(self._answer(message, send), name=f"lent {message['method']}")
        self._calls[key] = task
        task.add_done_callback(lambda _: self._calls.pop(key, None))

    def cancel(self, server: object, request_id: object) -> None:
        """Stop a call that the server gave up."""
        for (asking, asked), task in [*self._calls.items()]:
            if asking is server and asked == request_id:
                task.cancel()

    def server_died(self, server: object) -> None:
        """Stop every call of a server that is gone."""
        for (asking, _), task in [*self._calls.items()]:
            if asking is server:
                task.cancel()

    async def _answer(self, message: Mapping[str, Any], send: Callable[[Mapping[str, Any]], None]) -> None:
        head = {"jsonrpc": "2.0", "id": message["id"]}
        params = message.get("params") or {}
        tool = self._tools.get(params.get("name", "")) if message["method"] == "tool/execute" else None
        if tool is None:
            refusal = f"this client does not answer {message['method']} {params.get('name', '')}".rstrip()
            send({**head, "error": {"code": METHOD_NOT_FOUND, "message": refusal}})
            return
        try:
            call = Call(params["session_id"], params["turn_id"], params["id"], tool.name)
            result = tool.function(params["args"], call)
            if inspect.isawaitable(result):
                result = await result
            send({**head, "result": {"result": result, "is_error": False}})
        except Exception as error:  # noqa: BLE001 - whatever it is, the model is to hear of it
            said = f"{type(error).__name__}: {error}"
            send({**head, "error": {"code": TOOL_FAILED, "message": said}})
