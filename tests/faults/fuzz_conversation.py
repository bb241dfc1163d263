"""A real server, what it has been sent, and what it owes: every message of its is checked, every answer awaited."""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

import orjson

from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.rpc.handlers.table import PARAMS
from meerkat_rpc.wire import types as wire
from meerkat_rpc.wire.catalog import ERRORS, METHODS
from meerkat_rpc.wire.convert import structure
from meerkat_rpc.wire.envelope import EnvelopeError, Request, classify
from meerkat_rpc.wire.framing import Framer, FrameTooLarge, Style, encode
from meerkat_rpc.wire.strict_json import ParseError, parse
from tests.faults.fuzz_oracle import reading
from tests.faults.fuzz_properties import SAID_CHARS
from tests.rpc.driver import WAIT_S, Server

MAX_FRAME = 2 << 20
"""The servers' limit: a title of 1 MiB fits, and a message that doesn't costs little to send."""

OWN_WORDS = {"PARSE_ERROR", "INVALID_REQUEST", "METHOD_NOT_FOUND", "INVALID_PARAMS", "SESSION_NOT_FOUND"}
"""Errors whose message is the server's own, so that its length is bounded; an agent may say what it likes."""

FAULTS = ('  File "', "internal error", "Exception in callback", "never retrieved", "Task was destroyed")
"""What stderr has in it only when something of the server's went wrong."""

CODES = {error.number: error.code for error in ERRORS}
RESULTS: dict[str, Any] = {
    **dict.fromkeys(PARAMS, wire.NullResult),  # a notification that is sent as a request
    **{method.name: getattr(wire, method.result) for method in METHODS},
}

Message = dict[str, Any]


class FramedServer(Server):
    """A server that is spoken to in either framing."""

    def __init__(self, style: Style, *options: str, **popen: Any) -> None:
        self._framer = Framer(1 << 40, style)
        super().__init__(*options, **popen)

    def _read(self) -> None:
        assert self.process.stdout is not None
        while chunk := os.read(self.process.stdout.fileno(), 1 << 20):
            for frame in self._framer.feed(chunk):
                assert isinstance(frame, bytes)
                self._messages.put(orjson.loads(frame))
        self._messages.put(None)

    def message_within(self, seconds: float) -> Message | None:
        """Return the next message; None at the end of output.

        Raises:
            Empty: none came in that time.
        """
        return self._messages.get(timeout=max(seconds, 0.001))


class Conversation:
    """Talks to one server after the other over the same store, in one framing."""

    def __init__(self, style: Style, folder: Path) -> None:
        folder.mkdir()
        self.style = style
        self.answers: Counter[str] = Counter()
        self.starts = 0
        self._folder = folder
        self._stderr = (folder / "stderr").open("w+b")
        self._asked = 0
        self.start()

    def start(self) -> None:
        """Start a server. What an earlier one was made to write into the configuration is forgotten."""
        self.starts += 1
        config = self._folder / "config.toml"
        config.unlink(missing_ok=True)
        self._owed: Counter[str] = Counter()
        self._methods: dict[str, set[str]] = defaultdict(set)
        self.server = FramedServer(
            self.style,
            *("--store", str(self._folder / "store"), "--model", "echo"),
            *("--max-frame-bytes", str(MAX_FRAME), "--drain-timeout", "1"),
            stderr=self._stderr,
            env=os.environ | {"HOME": str(self._folder), "MEERKAT_CONFIG": str(config)},
        )

    def close(self) -> None:
        """End the server on the spot."""
        self.server.__exit__()
        self._stderr.close()

    # -- out --------------------------------------------------------------------------------------------------------

    def say(self, stream: bytes) -> None:
        """Send ``stream``, and note which answers it is owed."""
        read = reading(stream, self.style, MAX_FRAME)
        self._rest = read.rest
        for frame in read.frames:
            answered_as, method = _owed(frame)
            if answered_as is not None:
                self._owed[answered_as] += 1
                self._methods[answered_as].add(method)
        with suppress(BrokenPipeError):  # it may have ended before it has read all
            self.server.write(stream)

    def call(self, method: str, **params: Any) -> Any:
        """Send a good request and return its result; what else comes meanwhile is checked."""
        self._asked += 1
        request_id = f"good {self._asked}"
        message = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        self.say(encode(orjson.dumps(message), self.style))
        end = time.monotonic() + WAIT_S
        while True:
            answer = self._next(end, f"{method} was not answered")
            if answer.get("id") == request_id:
                assert "result" in answer, f"a good request was refused: {answer}"
                return answer["result"]

    # -- in ---------------------------------------------------------------------------------------------------------

    def _next(self, end: float, otherwise: str) -> Message:
        try:
            message = self.server.message_within(end - time.monotonic())
        except Empty:
            raise AssertionError(otherwise) from None
        assert message is not None, f"the server ended; {otherwise}"
        self._check(message)
        return message

    def _check(self, message: Message) -> None:
        if "method" in message:
            assert set(message) == {"jsonrpc", "method", "params"}, message
            if "payload" not in message["params"].get("event", {}):  # the later dialect's
                _fits(PARAMS[message["method"]], message["params"], message["method"])
            return
        owed = orjson.dumps(message["id"]).decode()
        assert self._owed[owed], f"an answer that nobody waits for: {message}"
        self._owed[owed] -= 1
        if "error" in message:
            self._check_error(message["error"])
        elif len(methods := self._methods[owed]) == 1:
            (method,) = methods
            self.answers[method] += 1
            _fits(RESULTS[method], message["result"], method)

    def _check_error(self, error: Message) -> None:
        assert set(error) == {"code", "message", "data"}, error
        code = CODES[error["code"]]
        assert code == error["data"]["code"], error
        assert code != "INTERNAL_ERROR", error
        _fits(wire.ErrorData, error["data"], f"data of {code}")
        self.answers[code] += 1
        if code in OWN_WORDS:
            assert len(error["message"]) <= SAID_CHARS, f"a message of {len(error['message'])} characters: {code}"

    # -- in order again -----------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Interrupt what runs, wait for everything that is owed, and delete every session."""
        end = time.monotonic() + WAIT_S
        while any(self._owed.values()):
            for session_id in self._sessions(active=True):
                self.call("turn/interrupt", session_id=session_id)
            owed = {name: self._methods[name] for name, count in self._owed.items() if count}
            if owed:
                self._next_or_go_on(end, f"these were never answered: {owed}")
        for session_id in self._sessions():
            self.call("session/delete", session_id=session_id)
        self._owed.clear()
        self._methods.clear()

    def make(self, session_ids: Sequence[str]) -> None:
        """Create sessions without a turn."""
        for session_id in session_ids:
            self.call("session/create", session_id=session_id, initial_turn="deferred")

    def _next_or_go_on(self, end: float, otherwise: str) -> None:
        """Take a message if there is one soon: else something may have begun to run meanwhile."""
        try:
            message = self.server.message_within(0.2)
        except Empty:
            assert time.monotonic() < end, otherwise
        else:
            assert message is not None, f"the server ended; {otherwise}"
            self._check(message)

    def _sessions(self, *, active: bool = False) -> list[str]:
        """Return the ids of all sessions, or of those that run a turn."""
        found: list[str] = []
        for archived in (False, True):
            page = self.call("session/list", limit=1000, archived=archived)
            assert "next_cursor" not in page
            found += [row["session_id"] for row in page["sessions"] if row["is_active"] or not active]
        return found

    def ended(self, exit_code: int | None) -> None:
        """Wait for the server's end; everything it was asked must be answered.

        Args:
            exit_code: with which it must end by itself; None to end its input, and to expect what belongs to that.
        """
        if exit_code is None:
            self.server.end_input()
            exit_code = int(self._rest == "header")
        self._owed["null"] += self._rest in ("header", "broken")
        end = time.monotonic() + WAIT_S
        try:
            while (message := self.server.message_within(end - time.monotonic())) is not None:
                self._check(message)
        except Empty:
            raise AssertionError("the server did not end") from None
        code = self.server.wait()
        assert code == exit_code, f"exit code {code}, not {exit_code}"
        owed = {name: self._methods[name] for name, count in self._owed.items() if count}
        assert not owed, f"these were not answered at the end: {owed}"

    def restart(self) -> None:
        """Start a server in the place of one that has ended, or shall."""
        self.server.__exit__()
        self.start()

    def check_stderr(self) -> None:
        """Check what was written to stderr since this was asked last."""
        self._stderr.flush()
        said = os.pread(self._stderr.fileno(), 1 << 30, 0).decode(errors="replace")
        os.ftruncate(self._stderr.fileno(), 0)
        wrong = [fault for fault in FAULTS if fault in said]
        assert not wrong, f"stderr has {wrong}: {said[-3000:]}"


def _owed(frame: bytes | FrameTooLarge) -> tuple[str | None, str]:
    """Return the id, as JSON, under which ``frame`` must be answered, if it must, and the method that it asks for."""
    if isinstance(frame, FrameTooLarge):
        return "null", ""
    try:
        message = classify(parse(frame))
    except ParseError:
        return "null", ""
    except EnvelopeError as error:
        return (orjson.dumps(error.id).decode() if error.answered else None), ""
    if isinstance(message, Request):
        return orjson.dumps(message.id).decode(), message.method
    return None, ""


def _fits(kind: Any, value: Any, what: str) -> None:
    """Check that the server keeps to its own types."""
    try:
        structure(kind, value, what)
    except InvalidArgument as error:
        raise AssertionError(f"not what the contract says: {error.message}: {str(value)[:1000]}") from None
