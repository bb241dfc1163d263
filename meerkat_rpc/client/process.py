"""The server as a child process: its pipes, the tail of its stderr, and its end.

Callbacks instead of streams: whole chunks come straight from the pipe, nothing is copied through a reader's buffer,
and reading never waits for writing.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self, cast

from meerkat_rpc.client.errors import StartFailed

STDERR_TAIL_BYTES = 16 * 1024
"""How much of stderr is kept: enough for a traceback, and a server that floods it costs no more than that."""

LAST_PIPE_S = 1.0
"""How long the process may outlive its stdout, or a pipe the process (a grandchild may hold it), before all of it is
taken for gone."""

EXIT_GRACE_S = 5.0
"""How long a server may take to end after its stdin closed before SIGTERM. It may be finishing a commit."""

TERMINATE_GRACE_S = 4.0
"""How long after SIGTERM before SIGKILL. The contract gives a server 3 s."""


class Launch(NamedTuple):
    """How to start a server. ``env`` is laid over the inherited environment."""

    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    cwd: str | None = None


class ServerProcess(asyncio.SubprocessProtocol):
    """A running server process."""

    def __init__(
        self, argv: Sequence[str], on_data: Callable[[bytes], None], on_end: Callable[[], None], on_stderr: StderrSink
    ) -> None:
        self.argv = argv
        self.exit_code: int | None = None
        self._on_data = on_data
        self._on_end = on_end
        self._on_stderr = on_stderr
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.SubprocessTransport | None = None
        self._stdin: asyncio.WriteTransport | None = None
        self._tail = bytearray()
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = {"process": False, "stdout": False, "stderr": False}
        self.ended = asyncio.Event()

    @classmethod
    async def start(
        cls, launch: Launch, on_data: Callable[[bytes], None], on_end: Callable[[], None], on_stderr: StderrSink
    ) -> Self:
        """Start the program that ``launch`` names.

        Raises:
            StartFailed: there is no such program, or it may not be run.
        """
        try:
            _, process = await asyncio.get_running_loop().subprocess_exec(
                lambda: cls(launch.argv, on_data, on_end, on_stderr),
                *launch.argv,
                env={**os.environ, **launch.env} if launch.env else None,
                cwd=launch.cwd,
                **_own_group(),
            )
        except (OSError, ValueError) as error:
            raise StartFailed(f"can't run the server ({error})", launch.argv) from error
        return process

    # -- what the loop calls -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take hold of the pipes."""
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self._stdin = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Pass stdout on; keep the end of stderr."""
        if fd == 1:
            self._on_data(data)
            return
        self._tail += data
        if len(self._tail) > 2 * STDERR_TAIL_BYTES:
            del self._tail[:-STDERR_TAIL_BYTES]
        if self._on_stderr is not None:
            self._on_stderr(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Note the end of a pipe."""
        if fd:
            self._lost("stdout" if fd == 1 else "stderr")

    def process_exited(self) -> None:
        """Note the end of the process. Its last output may still be in the pipe."""
        if self._transport is not None:
            self.exit_code = self._transport.get_returncode()
        self._lost("process")

    def pause_writing(self) -> None:
        """The pipe is full: hold back new requests."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """There is room again."""
        self._writable.set()

    def _lost(self, part: str) -> None:
        self._gone[part] = True
        if all(self._gone.values()):
            self._end()
        elif part != "stderr":  # a program may do without stderr, but not without the rest
            self._loop.call_later(LAST_PIPE_S, self._end)

    def _end(self) -> None:
        if self.ended.is_set():
            return
        self.ended.set()
        self._writable.set()
        if self._transport is not None:
            self._transport.close()  # kills what is left of it
        self._on_end()

    # -- what its owner calls ----------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        """The process id."""
        return 0 if self._transport is None else self._transport.get_pid()

    @property
    def stderr_tail(self) -> str:
        """The last whole lines of stderr."""
        text = bytes(self._tail[-STDERR_TAIL_BYTES:]).decode("utf-8", "replace")
        return text if len(self._tail) <= STDERR_TAIL_BYTES else text.partition("\n")[2]

    def write(self, data: bytes) -> None:
        """Write to stdin; what does not fit now is sent later. Nothing happens once the process is gone."""
        if self._stdin is not None and not self._stdin.is_closing():
            self._stdin.write(data)

    async def writable(self) -> None:
        """Wait until the pipe has room, or the process is gone."""
        await self._writable.wait()

    def kill(self) -> None:
        """End the process at once."""
        if self._transport is not None and not self._gone["process"]:
            self._transport.kill()

    async def close(self) -> None:
        """Close stdin and wait for the end; terminate, then kill, what takes too long. Cancelled: kill at once."""
        if self._transport is None:
            return
        try:
            if self._stdin is not None:
                self._stdin.close()
            if not await self._ends_within(EXIT_GRACE_S):
                self._transport.terminate()
                if not await self._ends_within(TERMINATE_GRACE_S):
                    self.kill()
                    await self.ended.wait()
        finally:
            self._transport.close()

    async def _ends_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self.ended.wait()
        except TimeoutError:
            return False
        return True


StderrSink = Callable[[bytes], None] | None


def _own_group() -> dict[str, Any]:
    """Keep Ctrl-C at the terminal away from the server: what it means is the parent's business."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


class StderrLines:
    """Cuts stderr into lines for a callback. A line longer than the tail is cut."""

    def __init__(self, callback: Callable[[str], None]) -> None:
        self._callback = callback
        self._rest = b""

    def __call__(self, data: bytes) -> None:
        """Take a chunk."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._callback(line.rstrip(b"\r").decode("utf-8", "replace"))
        if len(self._rest) > STDERR_TAIL_BYTES:
            self._callback(self._rest.decode("utf-8", "replace"))
            self._rest = b""
