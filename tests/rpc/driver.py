"""Drives the real server over real pipes, raw: for what a well-behaved client would not do."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import orjson
import psutil

WAIT_S = 60
"""A bound on hangs, not a measure of speed."""


class Server:
    """A server process and a thread that reads what it says, as newline-delimited JSON."""

    def __init__(self, *options: str, reading: bool = True, under: Sequence[str] = (), **popen: Any) -> None:
        """Start ``meerkat-rpc serve`` with ``options``, as an argument of the command ``under`` (strace, say)."""
        self.process = subprocess.Popen(
            [*under, sys.executable, "-m", "meerkat_rpc", "serve", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=popen.pop("stderr", subprocess.DEVNULL),
            bufsize=0,
            **popen,
        )
        self.events: list[dict[str, Any]] = []
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._answers: dict[Any, dict[str, Any]] = {}
        self._ids = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        if reading:
            self.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.process.wait()
        if self._reader.is_alive():
            self._reader.join()  # else it might read on from the next server's pipe, under the same descriptor
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()

    def kill(self) -> None:
        """Kill the server, and what it runs under."""
        if self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                child.kill()
            self.process.kill()

    def read(self) -> None:
        """Begin to read."""
        self._reader.start()

    def _read(self) -> None:
        pending: list[bytes] = []  # joined at a newline only: some lines are 100 MB long
        assert self.process.stdout is not None
        fd = self.process.stdout.fileno()
        while chunk := _read_some(fd):
            if b"\n" in chunk:
                *lines, chunk = b"".join([*pending, chunk]).split(b"\n")
                pending.clear()
                for line in lines:
                    self._messages.put(orjson.loads(line))
            pending.append(chunk)
        self._messages.put(None)

    def write(self, data: bytes) -> None:
        """Write raw bytes."""
        assert self.process.stdin is not None
        view = memoryview(data)
        while view:
            view = view[self.process.stdin.write(view) or 0 :]

    def send(self, method: str, request_id: int | str | None = None, **params: Any) -> int | str:
        """Send a request; return its id."""
        if request_id is None:
            self._ids += 1
            request_id = self._ids
        message = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        self.write(orjson.dumps(message) + b"\n")
        return request_id

    def message(self) -> dict[str, Any] | None:
        """Return the next message; None at the end of output."""
        return self._messages.get(timeout=WAIT_S)

    def answer(self, request_id: Any) -> dict[str, Any]:
        """Return the answer to a request; keep the events that come before it."""
        while request_id not in self._answers:
            message = self.message()
            if message is None:
                raise EOFError("the server ended")
            if "method" in message:
                self.events.append(message)
            else:
                self._answers[message["id"]] = message
        return self._answers.pop(request_id)

    def has_answered(self, request_id: Any) -> bool:
        """Return whether the answer to a request has been read, while another one was waited for."""
        return request_id in self._answers

    def call(self, method: str, **params: Any) -> Any:
        """Send a request and return its result."""
        answer = self.answer(self.send(method, **params))
        assert "error" not in answer, answer
        return answer["result"]

    def error(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a request and return the error it is answered with."""
        answer = self.answer(self.send(method, **params))
        assert "error" in answer, answer
        error: dict[str, Any] = answer["error"]
        return error

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read on until an event that is wanted; return it."""
        while True:
            message = self.message()
            assert message is not None, "the server ended"
            if "method" not in message:
                self._answers[message["id"]] = message
                continue
            self.events.append(message)
            if wanted(message["params"]):
                return message

    def session(self, *script: dict[str, Any], model: str = "scripted", **more: Any) -> str:
        """Create a session whose turns play ``script``; return its id."""
        created = self.call(
            "session/create", initial_turn="deferred", model=model, provider_params={"script": list(script)}, **more
        )
        session_id: str = created["session_id"]
        return session_id

    def hang(self, text: str = "so far") -> tuple[str, str]:
        """Start a turn that says ``text`` and hangs; return session and turn."""
        session_id = self.session({"text": text}, {"sleep_ms": 600_000})
        turn = self.call("turn/start", session_id=session_id, prompt="go", wait=False)

        def said(params: dict[str, Any]) -> bool:
            return bool(params["session_id"] == session_id and params["event"].get("delta") == text)

        if not any(said(event["params"]) for event in self.events):
            self.until(said)
        return session_id, turn["turn_id"]

    def read_line(self) -> bytes:
        """Read one line, and nothing of the next: for a client that then stops reading."""
        assert self.process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            line += self.process.stdout.read(1) or b"\n"
        return line

    def end_input(self) -> None:
        """Close standard input."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self, timeout_s: float = WAIT_S) -> int:
        """Wait for the end; return the exit code."""
        return self.process.wait(timeout_s)

    def resident_bytes(self) -> int:
        """Return the memory the server holds."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


def _read_some(fd: int) -> bytes:
    try:
        return os.read(fd, 1 << 20)
    except OSError:
        return b""


def eventually(holds: Callable[[], bool], seen: Callable[[], object] = lambda: "") -> None:
    """Wait until ``holds``; ``seen`` tells what was seen instead."""
    end = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < end, f"it never came true {seen()}"
        time.sleep(0.01)
