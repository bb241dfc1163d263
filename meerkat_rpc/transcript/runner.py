"""Holding a written conversation again, with a real server over real pipes."""

from __future__ import annotations

import base64
import json
import tempfile
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from meerkat_rpc.transcript.format import Step, Transcript
from meerkat_rpc.transcript.patterns import ABSENT, Mismatch, UnboundName, match, substitute
from meerkat_rpc.transcript.peers import Options, Peers
from meerkat_rpc.transcript.server import Closed, NotAMessage
from meerkat_rpc.wire.framing import Style

SHOWN_MESSAGES = 10
"""How many of the last messages a failure shows."""

TRACEBACK = "Traceback (most recent call last)"
"""What our own server must never have to show, whatever it is sent."""


class Failure(NamedTuple):
    """A step that went otherwise than written. ``log`` has the last messages, each with an arrow for its direction."""

    step: Step | None
    mismatch: Mismatch
    message: Any
    log: Sequence[tuple[str, str]]
    stderr: str


def run(transcript: Transcript, framing: Style, options: Options) -> Failure | None:
    """Hold the conversation in ``framing``; return where it went wrong, if it did."""
    with tempfile.TemporaryDirectory(prefix="transcript-", ignore_cleanup_errors=True) as folder:
        peers = Peers(transcript.header, framing, options, folder)
        try:
            return _Conversation(peers, {"tmp": folder}, strict=options.own).hold(transcript.steps)
        finally:
            peers.abandon()


class _Conversation:
    def __init__(self, peers: Peers, names: dict[str, Any], *, strict: bool) -> None:
        self._peers = peers
        self._names = names
        self._strict = strict
        self._log: deque[tuple[str, str]] = deque(maxlen=SHOWN_MESSAGES)
        self._last: Any = ABSENT

    def hold(self, steps: Sequence[Step]) -> Failure | None:
        """Take the steps one by one, then end every server that is left."""
        step = None
        try:
            for step in steps:
                self._last = ABSENT
                self._take(step)
            step = None
            for name in self._peers:
                self._end(name)
        except Mismatch as mismatch:
            return self._failure(step, mismatch)
        except (UnboundName, KeyError, TypeError, ValueError) as error:
            return self._failure(step, Mismatch("", "a step that can be taken", f"{type(error).__name__}: {error}"))
        except TimeoutError:
            return self._failure(step, Mismatch("", f"something within {self._peers.timeout:g} s", ABSENT))
        except Closed as error:
            ended = self._peers[step.server if step else "a"].server.last_words()
            return self._failure(step, Mismatch("", "a message", f"{error} ({ended})"))
        except (NotAMessage, OSError) as error:
            return self._failure(step, Mismatch("", "a message", str(error)))
        return None

    def _failure(self, step: Step | None, mismatch: Mismatch) -> Failure:
        stderr = self._peers.stderr(step.server if step else "a")
        return Failure(step, mismatch, self._last, [*self._log], stderr)

    def _end(self, name: str) -> None:
        """The transcript is over: the server must have nothing more to say, and end well."""
        server = self._peers[name].server
        if server.running:
            server.close_input()
            self._exit(Step(0, "exit", 0, {"on": name}))

    # -- messages ----------------------------------------------------------------------------------------------

    def _next(self, step: Step) -> dict[str, Any]:
        peer = self._peers[step.server]
        message = peer.server.next()
        self._last = message
        self._log.append(("←", json.dumps(message, ensure_ascii=False)))
        peer.invariants.check(message)
        return message

    def _send_bytes(self, step: Step, data: bytes, *, framed: bool) -> None:
        server = self._peers[step.server].server
        self._log.append(("→", data.decode("utf-8", "backslashreplace")))
        if framed:
            server.send(data)
        else:
            server.send_raw(data)

    def _require(self, condition: bool, expected: str, got: Any, path: str = "") -> None:  # noqa: FBT001
        if not condition:
            raise Mismatch(path, expected, got)

    # -- steps: one method a verb ------------------------------------------------------------------------------

    def _take(self, step: Step) -> None:
        getattr(self, f"_{step.verb}")(step)

    def _note(self, step: Step) -> None:
        pass

    def _start(self, step: Step) -> None:
        self._peers.start(step.server, step.more.get("args"), self._names)

    def _send(self, step: Step) -> None:
        message = substitute(step.value, self._names)
        if isinstance(message, dict):
            message = {"jsonrpc": "2.0", **message}
        self._send_bytes(step, json.dumps(message, ensure_ascii=False).encode(), framed=True)

    def _send_frame(self, step: Step) -> None:
        self._send_bytes(step, str(step.value).encode(), framed=True)

    def _send_frame_base64(self, step: Step) -> None:
        self._send_bytes(step, base64.b64decode(step.value), framed=True)

    def _send_raw(self, step: Step) -> None:
        self._send_bytes(step, str(step.value).encode(), framed=False)

    def _send_base64(self, step: Step) -> None:
        self._send_bytes(step, base64.b64decode(step.value), framed=False)

    def _expect(self, step: Step) -> None:
        self._names = match(_enveloped(step.value), self._next(step), self._names)

    def _expect_any_order(self, step: Step) -> None:
        waiting = [*step.value]
        while waiting:
            message = self._next(step)
            self._names = self._match_one_of(waiting, message)

    def _match_one_of(self, waiting: list[Any], message: dict[str, Any]) -> dict[str, Any]:
        """Match the first pattern that fits, and strike it off."""
        nearest: Mismatch | None = None
        for index, pattern in enumerate(waiting):
            try:
                names = match(_enveloped(pattern), message, self._names)
            except Mismatch as mismatch:
                # The one that differs latest is the one that was probably meant.
                nearest = mismatch if nearest is None or len(mismatch.path) > len(nearest.path) else nearest
            else:
                del waiting[index]
                return names
        raise nearest or Mismatch("", "nothing more", message)

    def _events_until(self, step: Step) -> None:
        events = []
        while True:
            message = self._next(step)
            try:
                self._names = match(_enveloped(step.value), message, self._names)
                break
            except Mismatch:
                if "method" not in message:
                    raise
                events.append(message["params"].get("event", {}))
        self._check_passed(step, events)

    def _check_passed(self, step: Step, events: Sequence[Mapping[str, Any]]) -> None:
        """Check what ``text`` and ``types`` say about the events that were passed over."""
        text = "".join(event["delta"] for event in events if event.get("type") == "text_delta")
        types = [kind for kind, _ in groupby(event.get("type") for event in events)]
        for name, got in (("text", text), ("types", types)):
            if name in step.more:
                try:
                    match(step.more[name], got, self._names)
                except Mismatch as mismatch:
                    raise Mismatch(f"{name} of the events passed{mismatch.path}", *mismatch.args[1:]) from None

    def _expect_stderr(self, step: Step) -> None:
        server = self._peers[step.server].server
        self._require(server.wait_for_stderr(step.value), f"{step.value!r} on stderr", "it isn't there")

    def _eof(self, step: Step) -> None:
        self._peers[step.server].server.close_input()

    def _signal(self, step: Step) -> None:
        self._peers[step.server].server.signal(step.value)

    def _kill(self, step: Step) -> None:
        self._peers[step.server].server.kill()

    def _exit(self, step: Step) -> None:
        """The server ends, with this exit code, and says nothing more before."""
        try:
            raise Mismatch("", "the end of the output", self._next(step))
        except Closed:
            pass
        server = self._peers[step.server].server
        code = server.wait()
        self._require(code == step.value, str(step.value), code, "exit code")
        server.last_words()
        self._require(not self._strict or TRACEBACK not in server.stderr, "no traceback", TRACEBACK, "stderr")


def _enveloped(pattern: Any) -> Any:
    return {"jsonrpc": "2.0", **pattern} if isinstance(pattern, dict) else pattern
