"""A server under measurement and the leanest client that can drive it: raw pipes, whole chunks, little JSON."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import orjson
import psutil

CHUNK = 1 << 20
PATIENCE_S = 120.0
"""How long a server may take to end before the measurement is given up."""

GREETING = {"client_info": {"name": "benchmark", "version": "1"}}


def now() -> float:
    """Return milliseconds on a clock that every process of this machine shares."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) / 1e6 if sys.platform == "linux" else time.monotonic() * 1e3


class Server:
    """``meerkat-rpc serve`` at the other end of two pipes, newline-delimited JSON."""

    def __init__(self, *options: str, environ: Mapping[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "meerkat_rpc", "serve", *options]
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        self.started = now()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env={**os.environ, **(environ or {})},
            bufsize=0,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in, self._out = self.process.stdin.fileno(), self.process.stdout.fileno()
        self._rest = b""
        self._pending: deque[bytes] = deque()
        self._last_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> float:
        """Close the server's input, wait until it is gone, and return the milliseconds that took."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        begin = now()
        self.process.stdin.close()
        drain = threading.Thread(target=self._drain, daemon=True)  # what was not read must not keep it from ending
        drain.start()
        try:
            self.process.wait(PATIENCE_S)
        finally:
            if self.process.poll() is None:
                self.process.kill()
        gone = now() - begin
        drain.join()
        self.process.stdout.close()
        self._stderr.close()
        return gone

    def _drain(self) -> None:
        while os.read(self._out, CHUNK):
            pass

    def write(self, data: bytes) -> None:
        """Write all of ``data``."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._in, view) :]

    def send(self, method: str, params: Mapping[str, Any] | None = None) -> int:
        """Send a request and return its id."""
        self._last_id += 1
        self.write(request(self._last_id, method, params))
        return self._last_id

    def lines(self) -> Iterator[bytes]:
        """Yield the messages as they come."""
        while True:
            while self._pending:
                yield self._pending.popleft()
            *lines, self._rest = (self._rest + self._read()).split(b"\n")
            self._pending.extend(lines)

    def _read(self) -> bytes:
        chunk = os.read(self._out, CHUNK)
        if not chunk:
            self._stderr.seek(0)
            raise EOFError(f"the server ended, saying: {self._stderr.read()[-500:].decode(errors='replace')}")
        return chunk

    def answer(self, request_id: int) -> dict[str, Any]:
        """Return the result of the request, skipping what comes before it."""
        for line in self.lines():
            if b'"id":' in line:
                message = orjson.loads(line)
                if message.get("id") == request_id:
                    if "error" in message:
                        raise RuntimeError(message["error"])
                    return message["result"] or {}
        raise AssertionError

    def call(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a request and return its result."""
        return self.answer(self.send(method, params))

    def timed(self, method: str, params: Mapping[str, Any] | None = None) -> float:
        """Send a request and return the milliseconds until its answer."""
        begin = now()
        self.call(method, params)
        return now() - begin

    def greet(self) -> Self:
        """Shake hands and wait until everything is loaded, so that the next call is measured and no import with it."""
        self.call("initialize", GREETING)
        self.call("runtime/health")
        return self

    def create(self, **params: Any) -> str:
        """Create a session without a turn and return its id."""
        result = self.call("session/create", {"initial_turn": "deferred", "model": "echo", **params})
        return str(result["session_id"])

    def until_answer(self, request_id: int) -> bytes:
        """Return everything up to the answer to the request, which has to be the last message, in one piece.

        Only the end of what came is looked at, for the answer's id: parsing here would measure the reader.
        """
        assert not self._pending
        chunks, mark = [self._rest], b'"id":%d,' % request_id
        self._rest = b""
        while True:
            chunks.append(self._read())
            if chunks[-1].endswith(b"\n") and mark in b"".join(chunks[-2:]):
                return b"".join(chunks)

    @property
    def resident_mb(self) -> float:
        """The process' resident memory in MB."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 1e6


def request(request_id: int, method: str, params: Mapping[str, Any] | None = None) -> bytes:
    """Return a request as a line."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": request_id, "method": method}
    if params is not None:
        message["params"] = params
    return orjson.dumps(message) + b"\n"


def script(*steps: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a turn that runs ``steps``."""
    return {"model": "scripted", "prompt": "go", "provider_params": {"script": list(steps)}}


def messages(data: bytes) -> Sequence[dict[str, Any]]:
    """Return the messages in ``data``."""
    return [orjson.loads(line) for line in data.splitlines()]


def disk_bytes(directory: Path) -> int:
    """Return what the files in ``directory`` hold."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
