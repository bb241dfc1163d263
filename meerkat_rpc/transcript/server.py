"""A server process on real pipes, driven step by step.

A thread a pipe: they drain stdout and stderr whatever the runner is doing, so the server is never held up by us.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Any

from meerkat_rpc.wire.framing import Framer, FramingError, Style, encode

CHUNK = 65536
STDERR_KEPT = 64 * 1024
"""How much of stderr is kept for reports and for ``expect_stderr``."""

LAST_WORDS_S = 2.0
"""How long a server that closed its output may take to end, before the report is written without its exit code."""


class Closed(Exception):
    """The server's stdout has ended."""


class NotAMessage(Exception):
    """The server wrote something that is no message in the framing it was asked in."""


class Server:
    """One server process. Every wait is bounded by ``timeout`` seconds."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], framing: Style, timeout: float) -> None:
        """Start it.

        Raises:
            OSError: there is no such program, or it may not be run.
        """
        self._framing: Style = framing
        self._timeout = timeout
        self._messages: queue.SimpleQueue[dict[str, Any] | Exception] = queue.SimpleQueue()
        self._stderr = bytearray()
        self._stderr_grew = threading.Condition()
        self._process = subprocess.Popen(
            argv, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(env)
        )
        self._threads = [
            threading.Thread(target=self._read_stdout, daemon=True),
            threading.Thread(target=self._read_stderr, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    # -- what comes --------------------------------------------------------------------------------------------

    def next(self, timeout: float | None = None) -> dict[str, Any]:
        """Return the next message.

        Raises:
            TimeoutError: there was none in time.
            Closed: there will be none.
            NotAMessage: what came is none.
        """
        try:
            message = self._messages.get(timeout=self._timeout if timeout is None else timeout)
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(message, Exception):
            self._messages.put(message)  # it stays the last word
            raise message
        return message

    def wait_for_stderr(self, text: str) -> bool:
        """Wait until stderr has ``text`` in it; False when it doesn't come in time."""
        with self._stderr_grew:
            return self._stderr_grew.wait_for(lambda: text.encode() in self._stderr, self._timeout)

    @property
    def stderr(self) -> str:
        """The end of what came on stderr."""
        return bytes(self._stderr).decode("utf-8", "replace")

    def _read_stdout(self) -> None:
        framer = Framer(framing=self._framing)
        last: Exception = Closed("the server closed its output")
        try:
            while data := _read(self._process.stdout):
                for frame in framer.feed(data):
                    self._messages.put(_message(frame))
            for frame in framer.end():
                self._messages.put(_message(frame))
        except (NotAMessage, FramingError) as error:
            last = NotAMessage(str(error))
        self._messages.put(last)
        while _read(self._process.stdout):
            pass

    def _read_stderr(self) -> None:
        while data := _read(self._process.stderr):
            with self._stderr_grew:
                self._stderr += data
                del self._stderr[:-STDERR_KEPT]
                self._stderr_grew.notify_all()

    # -- what goes ---------------------------------------------------------------------------------------------

    def send(self, body: bytes) -> None:
        """Send ``body`` in this conversation's framing."""
        self.send_raw(encode(body, self._framing))

    def send_raw(self, data: bytes) -> None:
        """Write bytes as they are.

        Raises:
            TimeoutError: the server doesn't read.
            Closed: it doesn't listen any more.
        """
        stuck = threading.Event()

        def give_up() -> None:
            stuck.set()
            self._process.kill()

        timer = threading.Timer(self._timeout, give_up)
        timer.start()
        try:
            _write(self._process.stdin, data)
        except (BrokenPipeError, ValueError):
            raise (TimeoutError() if stuck.is_set() else Closed("the server closed its input")) from None
        finally:
            timer.cancel()

    def close_input(self) -> None:
        """Close the server's stdin."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def signal(self, name: str) -> None:
        """Send it a signal by name: ``TERM``, ``INT``."""
        self._process.send_signal(signal.Signals[f"SIG{name}"])

    def kill(self) -> None:
        """Kill it and wait for its end."""
        self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def last_words(self) -> str:
        """Return how it ended, its output being closed; ``stderr`` is then complete."""
        try:
            ended = f"exit code {self._process.wait(LAST_WORDS_S)}"
        except subprocess.TimeoutExpired:
            ended = "it runs on"
        self._threads[1].join(LAST_WORDS_S)
        return ended

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def wait(self) -> int:
        """Wait for the end and return the exit code.

        Raises:
            TimeoutError: it didn't end in time.
        """
        try:
            return self._process.wait(self._timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None


def _read(pipe: IO[bytes] | None) -> bytes:
    return b"" if pipe is None else os.read(pipe.fileno(), CHUNK)


def _write(pipe: IO[bytes] | None, data: bytes) -> None:
    rest = memoryview(data)
    while pipe is not None and rest:
        rest = rest[os.write(pipe.fileno(), rest) :]


def _message(frame: object) -> dict[str, Any]:
    if not isinstance(frame, bytes):
        raise NotAMessage("a frame beyond all bounds")
    try:
        message = json.loads(frame)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise NotAMessage(frame[:500].decode("utf-8", "backslashreplace"))
    return message
