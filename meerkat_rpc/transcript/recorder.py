"""A tee between a client and its server that writes the conversation down as a transcript.

The bytes pass through untouched and at once; what is written down are copies.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import IO, Any

from meerkat_rpc.transcript.format import VERSION
from meerkat_rpc.transcript.generalise import Generaliser
from meerkat_rpc.transcript.server import CHUNK
from meerkat_rpc.wire.framing import Framer, FramingError


def record(command: Sequence[str], path: str, title: str) -> int:
    """Run ``command`` between our own stdin and stdout until it ends; return its exit code.

    Raises:
        OSError: the command can't be run, or the file can't be written.
    """
    with (
        open(path, "w", encoding="utf-8") as file,
        subprocess.Popen(command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server,
    ):
        notes = Notes(file, title)
        threading.Thread(target=_pump_input, args=(server.stdin, notes), daemon=True).start()
        _pump(0 if server.stdout is None else server.stdout.fileno(), 1, notes.received)
        code = server.wait()
        notes.ended(code)
    return code


def _pump_input(stdin: IO[bytes] | None, notes: Notes) -> None:
    if stdin is None:
        return
    with contextlib.suppress(BrokenPipeError):  # the server may end before its client does
        _pump(0, stdin.fileno(), notes.sent)
        notes.input_ended()
    stdin.close()


def _pump(source: int, sink: int, note: Callable[[Any], None]) -> None:
    """Pass bytes on until there are no more; hand each message to ``note`` just before the peer can have it."""
    framer: Framer | None = Framer()
    while data := os.read(source, CHUNK):
        if framer is not None:
            framer = _note_frames(framer, data, note)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(sink, rest) :]


def _note_frames(framer: Framer, data: bytes, note: Callable[[Any], None]) -> Framer | None:
    try:
        for frame in framer.feed(data):
            note(frame)
    except FramingError as error:
        print(f"meerkat-rpc: can't write down what follows: {error}", file=sys.stderr)
        return None
    return framer


class Notes:
    """The transcript being written. Called from two threads."""

    def __init__(self, file: IO[str], title: str) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._generaliser = Generaliser()
        self._sessions: dict[Any, str] = {}
        self._heard: list[dict[str, Any]] = []
        self._write({"transcript": VERSION, "title": title})

    def sent(self, frame: Any) -> None:
        """Take what the client sent."""
        with self._lock:
            self._write_heard()
            self._write(self._sent_step(frame))

    def received(self, frame: Any) -> None:
        """Take what the server sent. Written once it is known what else came with it."""
        message = _parsed(frame)
        with self._lock:
            if isinstance(message, dict):
                self._heard.append(message)

    def input_ended(self) -> None:
        """The client closed its end."""
        with self._lock:
            self._write_heard()
            self._write({"eof": True})

    def ended(self, code: int) -> None:
        """The server has ended."""
        with self._lock:
            self._write_heard()
            self._write({"exit": code})

    def _sent_step(self, frame: Any) -> dict[str, Any]:
        message = _parsed(frame)
        if isinstance(message, dict) and message.pop("jsonrpc", None) == "2.0":
            params = message.get("params")
            if "id" in message and isinstance(params, dict) and "session_id" in params:
                self._sessions[message["id"]] = params["session_id"]
            return {"send": self._generaliser.sent(message)}
        return {"send_frame_base64": base64.b64encode(frame if isinstance(frame, bytes) else b"").decode()}

    def _write_heard(self) -> None:
        """Write what came since the client last sent something: in order, unless the order was chance."""
        heard, self._heard = self._heard, []
        ordered = self._order_is_certain(heard)
        patterns = [self._pattern(message) for message in heard]
        if ordered:
            for pattern in patterns:
                self._write({"expect": pattern})
        else:
            self._write({"expect_any_order": patterns})

    def _order_is_certain(self, heard: Sequence[dict[str, Any]]) -> bool:
        """One session's events, and one answer: anything more may come in another order the next time."""
        answers = sum("method" not in message for message in heard)
        kinds = {message["method"] for message in heard if "method" in message}
        return answers <= 1 and len(kinds) <= 1 and len({self._session(message) for message in heard}) <= 1

    def _session(self, message: dict[str, Any]) -> Any:
        for part in (message.get("params"), message.get("result")):
            if isinstance(part, dict) and "session_id" in part:
                return part["session_id"]
        return self._sessions.get(message.get("id"))

    def _pattern(self, message: dict[str, Any]) -> Any:
        return self._generaliser.received({key: value for key, value in message.items() if key != "jsonrpc"})

    def _write(self, step: dict[str, Any]) -> None:
        self._file.write(json.dumps(step, ensure_ascii=False) + "\n")
        self._file.flush()


def _parsed(frame: Any) -> Any:
    try:
        return json.loads(frame)
    except (ValueError, TypeError):
        return None
