"""From message to handler: pygls' dispatcher behind our own reading, checking and writing.

pygls keeps the registry of handlers, runs them, tracks the requests in flight and cancels them. Its own parsing and
sending are not used: stock pygls leaves 15 of 52 odd inputs unanswered and ends the process on 3 of them.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from cattrs import Converter

from meerkat_rpc.errors import MeerkatError, cut
from meerkat_rpc.event_json import encode_json
from meerkat_rpc.ids import new_id
from meerkat_rpc.rpc.channel import Channel
from meerkat_rpc.rpc.host_requests import HostRequests
from meerkat_rpc.rpc.mapping import WireError, error_of, wire_error
from meerkat_rpc.rpc.pygls_core import load_core
from meerkat_rpc.wire.envelope import EnvelopeError, Notification, Request, Response, classify
from meerkat_rpc.wire.framing import FrameTooLarge
from meerkat_rpc.wire.strict_json import ParseError, parse

if TYPE_CHECKING:
    from pygls.protocol.json_rpc import JsonRPCProtocol
else:
    JsonRPCProtocol = load_core()

Handler = Callable[[dict[str, Any]], Awaitable[Any]]
RequestId = int | str

UNCANCELLABLE = frozenset(
    {
        "session/archive",
        "session/unarchive",
        "session/delete",
        "session/update",
        "session/fork_at",
        "session/inject_context",
        "turn/steer",
        "turn/enqueue",
        "turn/dequeue",
        "approval/respond",
        "tools/register",
        "tools/unregister",
        "mcp/add",
        "mcp/remove",
        "config/set",
        "config/patch",
        "shutdown",
        "cancel",
    }
)
"""These end in a commit, which may be through when the cancellation comes: they are let finish and answered as what
they did."""

logger = logging.getLogger(__name__)


class _Host:
    """What pygls' protocol asks of the server that it belongs to."""

    @staticmethod
    def _report_server_error(error: Exception, _source: object) -> None:
        logger.error("pygls failed", exc_info=error)


class SessionProtocol(JsonRPCProtocol):
    """Dispatches the messages of one connection."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(_Host(), Converter())  # type: ignore[arg-type]
        self._channel = channel
        self._methods: dict[Any, str] = {}
        self._afterwards: dict[Any, Callable[[], None]] = {}
        self._quiet: asyncio.Event = asyncio.Event()
        self._quiet.set()
        self.refusal: str | None = None
        self.host = HostRequests(channel.send)

    # -- in --------------------------------------------------------------------------------------------------

    def receive(self, frame: bytes | FrameTooLarge) -> None:
        """Take a frame: run the handler it asks for, or answer what is wrong with it."""
        if isinstance(frame, FrameTooLarge):
            said = f"the message is larger than {frame.limit} bytes"
            self.send_error(None, wire_error("INVALID_REQUEST", said, limit=frame.limit))
            return
        try:
            message = classify(parse(frame))
        except ParseError as error:
            self.send_error(None, wire_error("PARSE_ERROR", error.message))
        except EnvelopeError as error:
            if error.answered:
                self.send_error(error.id, WireError(error.code, error.message, error.data))
        else:
            contextvars.copy_context().run(self._dispatch, message)

    def _dispatch(self, message: Request | Notification | Response) -> None:
        match message:
            case Request(request_id, method, params):
                if (refusal := self._refusal(request_id, method)) is not None:
                    self.send_error(request_id, refusal)
                else:
                    self._handle_request(request_id, method, params)
            case Notification(method, params):
                self._handle_notification(method, params)
            case Response():
                self.host.answered(message)

    def _refusal(self, request_id: RequestId, method: str) -> WireError | None:
        if request_id in self._request_futures:
            return wire_error("INVALID_REQUEST", "id: a request of this id is in flight")
        if self.refusal is not None:
            return wire_error("INVALID_REQUEST", self.refusal)
        if method not in self.fm.features:
            return wire_error("METHOD_NOT_FOUND", f"there is no method {cut(method)!r}")
        return None

    def _handle_request(self, msg_id: RequestId, method_name: str, params: Any) -> None:
        self._methods[msg_id] = method_name
        self._quiet.clear()
        super()._handle_request(msg_id, method_name, params)

    def _handle_notification(self, method_name: str, params: Any) -> None:
        """Run a notification's handler. pygls' own would never forget the future of an asynchronous one."""
        handler = self.fm.features.get(method_name)
        if handler is None:
            logger.debug("ignored: notification %r", cut(method_name))
            return
        token: Any = object()  # no client can send this id
        self._quiet.clear()
        self._execute_handler(token, handler, partial(self._end_notification, token=token), args=(params,))

    # -- out -------------------------------------------------------------------------------------------------

    def _send_handler_result(self, future: Any, *, msg_id: RequestId) -> None:
        self._forget(msg_id)
        if future.cancelled():
            self.send_error(msg_id, wire_error("TURN_CANCELLED", "the request was cancelled"))
        elif (error := future.exception()) is not None:
            self.send_error(msg_id, self._explain(error))
        else:
            self._channel.send(encode_json({"jsonrpc": "2.0", "id": msg_id, "result": future.result()}))
        if (callback := self._afterwards.pop(msg_id, None)) is not None:
            callback()

    def _end_notification(self, future: Any, *, token: Any) -> None:
        self._forget(token)
        if not future.cancelled() and (error := future.exception()) is not None:
            logger.warning("a notification failed: %s", self._explain(error).data["code"])

    def _forget(self, msg_id: Any) -> None:
        self._request_futures.pop(msg_id, None)
        self._methods.pop(msg_id, None)
        if not self._request_futures:
            self._quiet.set()

    def _send_response(self, msg_id: RequestId, result: Any | None = None, error: Any = None) -> None:
        """Answer in pygls' stead where it finds a fault before a handler runs."""
        self._forget(msg_id)
        self.send_error(msg_id, self._explain(RuntimeError(f"pygls refused a request: {error}")))

    def send_error(self, request_id: RequestId | None, error: WireError) -> None:
        """Answer a request with an error; ``None`` when it can't be told which."""
        said = {"code": error.number, "message": error.message, "data": error.data}
        self._channel.send(encode_json({"jsonrpc": "2.0", "id": request_id, "error": said}))

    def _explain(self, error: BaseException) -> WireError:
        if isinstance(error, MeerkatError):
            return error_of(error)
        error_id = new_id()
        logger.error("internal error %s", error_id, exc_info=error)
        return wire_error(
            "INTERNAL_ERROR", f"internal error; the log has the details under {error_id}", error_id=error_id
        )

    # -- requests in flight ----------------------------------------------------------------------------------

    def cancel_request(self, request_id: RequestId) -> bool:
        """Cancel a request in flight; return False when there is none, or when it must be let finish."""
        future = self._request_futures.get(request_id)
        if future is None or self._methods.get(request_id) in UNCANCELLABLE:
            return False
        return bool(future.cancel())

    def after_response(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once the request that is being handled has been answered."""
        if self.msg_id is None:
            asyncio.get_running_loop().call_soon(callback)
        else:
            self._afterwards[self.msg_id] = callback

    async def quiet(self) -> None:
        """Wait until no request is in flight."""
        await self._quiet.wait()
