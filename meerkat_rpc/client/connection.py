"""JSON-RPC with one server process, from its start to its end."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Callable, Mapping
from typing import Any, Self, cast

import orjson

from meerkat_rpc.client.errors import ClientClosed, ClientError, ServerDied, rpc_error
from meerkat_rpc.client.feed import Routes
from meerkat_rpc.client.lending import Lending
from meerkat_rpc.client.process import Launch, ServerProcess, StderrSink
from meerkat_rpc.wire.framing import Framer, FramingError, Style, encode

SHOWN_BYTES = 200
"""How much of a line that is no message is shown."""


class _Asked:
    """A request in flight. ``accept`` is called with the result before any later message is looked at."""

    __slots__ = ("accept", "answer", "size")

    def __init__(self, answer: asyncio.Future[Any], size: int, accept: Callable[[Any], None] | None) -> None:
        self.answer = answer
        self.size = size
        self.accept = accept


class Connection:
    """One server process and the requests in flight on it."""

    def __init__(
        self,
        launch: Launch,
        framing: Style,
        routes: Routes,
        on_lost: Callable[[Connection], None],
        lending: Lending | None = None,
    ) -> None:
        self._launch = launch
        self._framing = framing
        self._framer = Framer(sys.maxsize, framing)  # our own server: what it says is as large as it has to be
        self.routes = routes
        self._lending = lending or Lending()
        self._on_lost = on_lost
        self._ids = itertools.count(1)
        self._asked: dict[int | str, _Asked] = {}
        self._closing = False
        self._fault = ""
        self.process: ServerProcess

    async def start(self, on_stderr: StderrSink = None) -> Self:
        """Start the process. Raises ``StartFailed`` when there is no such program."""
        self.process = await ServerProcess.start(self._launch, self._received, self._ended, on_stderr)
        return self

    # -- asking ------------------------------------------------------------------------------------------------

    async def request(
        self, method: str, params: Mapping[str, Any] | None = None, accept: Callable[[Any], None] | None = None
    ) -> Any:
        """Send a request and wait for its result. Cancelled, it cancels the request.

        Raises:
            RpcError: the server answered with an error.
            ServerDied, ClientClosed: it will not answer.
        """
        await self.process.writable()
        request_id = next(self._ids)
        asked = self._ask(request_id, method, params, accept)
        try:
            return await asked.answer
        except asyncio.CancelledError:
            if request_id in self._asked:
                self.notify("$/cancelRequest", {"id": request_id})
            raise
        finally:
            self._asked.pop(request_id, None)

    def _ask(
        self, request_id: int, method: str, params: Mapping[str, Any] | None, accept: Callable[[Any], None] | None
    ) -> _Asked:
        if self.lost:
            raise self.loss()
        message = orjson.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}})
        asked = _Asked(asyncio.get_running_loop().create_future(), len(message), accept)
        self._asked[request_id] = asked
        self.process.write(encode(message, self._framing))
        return asked

    def post(self, method: str, params: Mapping[str, Any] | None = None) -> None:
        """Send a request whose answer nobody waits for, if there still is a server."""
        self._send({"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params or {}})

    def notify(self, method: str, params: Mapping[str, Any] | None = None) -> None:
        """Send a notification, if there still is a server."""
        self._send({"jsonrpc": "2.0", "method": method, "params": params or {}})

    def _send(self, message: Mapping[str, Any]) -> None:
        self.process.write(encode(orjson.dumps(message), self._framing))

    @property
    def lost(self) -> bool:
        """Whether the process is gone, or going at our wish."""
        return self._closing or self.process.ended.is_set()

    # -- hearing -----------------------------------------------------------------------------------------------

    def _received(self, data: bytes) -> None:
        frame = data
        try:
            for frame in cast("list[bytes]", self._framer.feed(data)):  # there is no "too large" here
                self._dispatch(orjson.loads(frame), len(frame))
        except (FramingError, ValueError, KeyError, AttributeError) as error:
            shown = frame[:SHOWN_BYTES].decode("utf-8", "backslashreplace")
            self._fault = f"the server wrote something that is no message ({error}): {shown!r}"
            self.process.kill()

    def _dispatch(self, message: dict[str, Any], size: int) -> None:
        method = message.get("method")
        if method is None:
            self._answered(message)
        elif "id" in message:
            self._lending.asked(self, message, self._send)
        elif method == "$/cancelRequest":
            self._lending.cancel(self, (message.get("params") or {}).get("id"))
        else:
            self.routes.notified(method, message.get("params") or {}, size)

    def _answered(self, message: dict[str, Any]) -> None:
        request_id, error = message.get("id"), message.get("error")
        if request_id is None and error is not None:
            self._refused_unread(error)
            return
        asked = self._asked.pop(request_id, None) if request_id is not None else None
        if asked is None or asked.answer.done():
            return
        if error is not None:
            asked.answer.set_exception(rpc_error(error))
            return
        if asked.accept is not None:
            asked.accept(message.get("result"))
        asked.answer.set_result(message.get("result"))

    def _refused_unread(self, error: dict[str, Any]) -> None:
        """The server could not read a frame, so its answer has no id: fail what that must have been.

        A frame over the limit (the error's ``data`` has it) is known by its size. Anything else can only be a value
        that the server takes for no JSON, such as too deep a nesting; with one request in flight it is that one.
        """
        limit = (error.get("data") or {}).get("limit")
        for asked in [*self._asked.values()]:
            too_big = isinstance(limit, int) and asked.size > limit
            if (too_big or len(self._asked) == 1) and not asked.answer.done():
                asked.answer.set_exception(rpc_error(error))

    # -- ending ------------------------------------------------------------------------------------------------

    def loss(self) -> ClientError:
        """Return the error for whoever still waits for an answer."""
        if self._closing:
            return ClientClosed("the client was closed before the answer came")
        process = self.process
        reason = self._fault or "the server went away"
        return ServerDied(reason, process.argv, process.exit_code, process.stderr_tail)

    def _ended(self) -> None:
        for asked in self._asked.values():
            if not asked.answer.done():
                asked.answer.set_exception(self.loss())
        self._asked.clear()
        self._lending.server_died(self)
        self._on_lost(self)

    async def close(self, *, interrupt: bool) -> None:
        """End the server; ``interrupt``: stop its running turns first instead of letting it finish them."""
        if interrupt:
            self.post("shutdown")
        self._closing = True
        await self.process.close()
