"""Requests that we send: their ids, and what becomes of their answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from meerkat_rpc.event_json import encode_json
from meerkat_rpc.tools.host import HostError
from meerkat_rpc.wire.envelope import Response

logger = logging.getLogger(__name__)


class HostRequests:
    """What the host is asked. ``send`` writes one message."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._last_id = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._gone = False

    async def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        """Send a request and return its result. Cancelled, it is cancelled at the host too.

        Raises:
            HostError: the host answered with an error, or is gone.
        """
        if self._gone:
            raise HostError("the host is gone")
        request_id = self._last_id = self._last_id + 1  # an integer: not every client can answer another kind
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        self._send(encode_json({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}))
        try:
            return await answer
        except asyncio.CancelledError:
            self._send(encode_json({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": request_id}}))
            raise
        finally:
            del self._waiting[request_id]

    def answered(self, response: Response) -> None:
        """Take an answer."""
        request_id = response.id if type(response.id) is int else 0
        answer = self._waiting.get(request_id)
        if not 0 < request_id <= self._last_id:
            logger.warning("an answer to no request of ours")
        elif answer is None or answer.done():
            logger.debug("an answer that comes too late: the call was given up")
        elif response.error is not None:
            message = response.error.get("message")
            answer.set_exception(HostError(message if isinstance(message, str) else "the host answered with an error"))
        else:
            answer.set_result(response.result)

    def host_gone(self) -> None:
        """The host can't answer any more: whoever waits for it hears that."""
        self._gone = True
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(HostError("the host went away before it answered"))
