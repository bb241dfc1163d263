"""Answering ``initialize`` before the rest of the program is there.

The heavy half (pygls' types alone take a quarter of a second to import) is loaded by the main thread while the thread
that reads standard input is in here. It answers ``initialize`` when that comes first, keeps everything else, and hands
it all over when the dispatcher is up. Light imports only.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from meerkat_rpc import __version__
from meerkat_rpc.rpc.client_capabilities import ClientCapabilities
from meerkat_rpc.rpc.contract import choose_contract
from meerkat_rpc.wire.catalog import METHODS
from meerkat_rpc.wire.framing import Framer, FrameTooLarge, FramingError, encode

SERVER_NAME = "meerkat-rpc"

Frames = list[bytes | FrameTooLarge]


class Identity(NamedTuple):
    """What ``initialize`` says that depends on how the server was started."""

    store_kind: str
    store_path: str | None
    contract: str | None


def initialize_result(identity: Identity, asked_contract: str | None, client: ClientCapabilities) -> dict[str, Any]:
    """Return the result of ``initialize`` (``InitializeResult`` on the wire)."""
    store = {"kind": identity.store_kind}
    if identity.store_path is not None:
        store["path"] = identity.store_path
    return {
        "server_info": {"name": SERVER_NAME, "version": __version__},
        "contract_version": choose_contract(asked_contract, identity.contract),
        "methods": [method.name for method in METHODS],
        "capabilities": {
            "sessions": True,
            "streaming": True,
            "persistence": identity.store_kind != "memory",
            "exactly_once": True,
            "stream_replay": True,
            "session_events": client.session_events,
            "session_changes": client.session_changes,
        },
        "store": store,
    }


class Greeting:
    """Takes chunks of input until somebody better takes over.

    Args:
        identity: what ``initialize`` is answered with.
        framer: cuts the input into frames; handed on with the rest.
        output_fd: where the answer goes. Nobody else writes there yet.
    """

    def __init__(self, identity: Identity, framer: Framer, output_fd: int) -> None:
        self.framer = framer
        self.frames: Frames = []
        self.params: dict[str, Any] = {}
        self.failure: FramingError | None = None
        self.ended = False
        self.greeted = False
        self.chunks = 0
        self._identity = identity
        self._output_fd = output_fd
        self._first = True

    def receive(self, chunk: bytes) -> None:
        """Take a chunk; an empty one is the end of input."""
        self.chunks += 1
        try:
            self.frames += self.framer.feed(chunk) if chunk else self.framer.end()
        except FramingError as failure:
            self.frames += failure.frames
            self.failure = failure
        self.ended = self.ended or not chunk
        if self.frames and self._first:
            self._first = False
            self._greet(self.frames[0])

    def _greet(self, frame: bytes | FrameTooLarge) -> None:
        """Answer ``frame`` if it is an ``initialize`` that leaves nothing to check; else leave it to the dispatcher.

        The standard library's parser does for that: it is there in 2 ms, orjson in 15.
        """
        if isinstance(frame, FrameTooLarge) or b'"initialize"' not in frame:
            return
        from meerkat_rpc.wire.envelope import EnvelopeError, Request, classify

        try:
            message = classify(_parse_plain(frame))
        except (ValueError, EnvelopeError):
            return
        if isinstance(message, Request) and message.method == "initialize" and _is_plain(message.params):
            self._answer(message.id, message.params)

    def _answer(self, request_id: int | str, params: dict[str, Any]) -> None:
        import json

        client = ClientCapabilities.of(params.get("capabilities"))
        result = initialize_result(self._identity, params.get("contract_version"), client)
        reply = json.dumps({"jsonrpc": "2.0", "id": request_id, "result": result}, separators=(",", ":"))
        style = self.framer.style
        if style is not None:
            self.frames.pop(0)
            self.params = params
            self.greeted = True
            _write_all(self._output_fd, encode(reply.encode(), style))


PLAIN_BYTES = 8192
"""Where a greeting is no longer plain: what needs more is left to the strict parser."""

MAX_OPENINGS = 100
"""Brackets and braces in a plain greeting: with no more of them it can't be nested deeper."""

MAX_DIGITS = 18
"""Digits of an integer in a plain greeting: with no more of them it has 64 bits."""


def _parse_plain(frame: bytes) -> Any:
    """Return the value of ``frame`` if nothing in it takes a strict look.

    Raises:
        ValueError: it is not JSON, or not plain.
    """
    import json

    openings = frame.count(b"[") + frame.count(b"{")
    if len(frame) > PLAIN_BYTES or b"\\u" in frame or openings > MAX_OPENINGS:
        raise ValueError("not plain")
    return json.loads(frame.decode(), parse_int=_plain_integer, parse_float=_refuse, parse_constant=_refuse)


def _plain_integer(digits: str) -> int:
    return int(digits) if len(digits) <= MAX_DIGITS else _refuse(digits)


def _refuse(_text: str) -> Any:
    raise ValueError("not plain")


def _is_plain(params: dict[str, Any]) -> bool:
    """Return whether the strict checks would let ``params`` of ``initialize`` through."""
    process_id = params.get("process_id")
    client_info = params.get("client_info")
    return (
        type(params.get("contract_version")) in (str, type(None))
        and (process_id is None or (type(process_id) is int and process_id > 0))
        and type(params.get("capabilities")) in (dict, type(None))
        and (client_info is None or _is_client_info(client_info))
    )


def _is_client_info(value: Any) -> bool:
    return type(value) is dict and all(type(value.get(name)) in (str, type(None)) for name in ("name", "version"))


def _write_all(fd: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(fd, data) :]
        except OSError:  # the reader is gone; the dispatcher will notice in its own way
            return
