"""An agent's process: started as the leader of its own group, heard on both its outputs, and ended with all it started.

If our own process is killed nobody is left to end it. So a shell of one line stands guard beside each agent: it reads
from a pipe that only we hold open, and when that ends it kills the group.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from contextlib import suppress

import orjson

from meerkat_rpc.agents.acp.command import AcpCommand
from meerkat_rpc.agents.acp.lines import Lines, LineTooLong, Message, message_of
from meerkat_rpc.errors import ProviderError
from meerkat_rpc.tools.process_group import KILL_GRACE_S, ProcessGroup

CHUNK_BYTES = 1 << 16
"""How much is read at once: some hundred updates, which take milliseconds to look at."""

AT_ONCE = 32
"""After how many messages others get their turn: a chunk of small ones would hold up every session for a while."""

TAIL_LINES = 20
"""How many of its last lines on stderr are shown when an agent dies: the message of a traceback, not its log."""

TAIL_BYTES = 2_000
"""And how much of them."""

LAST_WORDS_S = 0.5
"""How long is waited for the rest of its output after it has ended: what it started may hold the pipes open."""

EXIT_POLL_S = 0.1
"""How often is looked whether an agent has ended."""

_GUARD = 'read -r _; kill -s KILL -- "-$0"'
"""Waits for the end of its input, then kills the group whose number it was given."""

logger = logging.getLogger(__name__)


class AgentProcess:
    """A running agent. It is a transport of messages, as the protocol's library wants one."""

    def __init__(self, command: AcpCommand, group: ProcessGroup) -> None:
        self.command = command
        self._group = group
        self._process = group.leader
        self._guard: asyncio.subprocess.Process | None = None
        self._lines = Lines()
        self._ready: deque[bytes] = deque()
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._fault: str | None = None
        self._silent = False
        self._ending: asyncio.Task[None] | None = None
        self._listening = asyncio.create_task(self._listen())
        self._exited = asyncio.create_task(self._exit())

    @classmethod
    async def start(cls, command: AcpCommand, cwd: str) -> AgentProcess:
        """Start ``command`` in the folder ``cwd``.

        Raises:
            ProviderError: there is no such program or folder, or it can't be run.
        """
        argv = (command.program(), *command.argv[1:])
        if not await asyncio.to_thread(os.path.isdir, cwd):
            raise ProviderError(f"{command.shown}: the session's folder is gone: {cwd}")
        pipe = asyncio.subprocess.PIPE
        try:
            group = await ProcessGroup.start(
                argv, cwd=cwd, env=command.environment(), stdin=pipe, stdout=pipe, stderr=pipe
            )
        except OSError as error:
            raise ProviderError(f"{command.shown}: it can't be started: {error.strerror or error}") from error
        process = cls(command, group)
        await process._watch()
        return process

    async def _watch(self) -> None:
        if os.name != "posix":
            return
        pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            self._guard = await asyncio.create_subprocess_exec(
                "sh", "-c", _GUARD, str(self._process.pid),
                stdin=pipe, stdout=null, stderr=null, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            logger.warning("an agent runs without a guard that would end it with us: %s", error)
        except asyncio.CancelledError:
            await self.end(grace_s=0)
            raise

    @property
    def alive(self) -> bool:
        """Whether it runs, and can be understood."""
        return self._process.returncode is None and not self._silent and self._ending is None

    # -- messages

    async def send(self, message: Message) -> None:
        """Write ``message``, waiting until the agent takes it. Raises ``ConnectionError`` when it is gone."""
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write(orjson.dumps(message) + b"\n")
        await stdin.drain()

    async def receive(self) -> Message | None:
        """Return the next message; None when there will be no more. What is no message goes to the tail."""
        while True:
            while self._ready:
                if len(self._ready) % AT_ONCE == 0:
                    await asyncio.sleep(0)
                line = self._ready.popleft()
                if (message := message_of(line)) is not None:
                    return message
                self._remember(line)
            if not await self._read():
                self._silent = True
                return None

    async def close(self) -> None:
        """Nothing: the process is ended by ``end``."""

    async def _read(self) -> bool:
        try:
            chunk = await self._chunk()
            self._ready.extend(self._lines.feed(chunk))
        except LineTooLong:
            self._fault = "it wrote a message that is longer than is taken"
            return False
        except OSError:
            return False
        return bool(chunk)

    async def _exit(self) -> None:
        """Wait until the process itself has ended: asyncio's own waits for its pipes as well."""
        while self._process.returncode is None:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(EXIT_POLL_S)

    async def _chunk(self) -> bytes:
        """Return what it writes next. Its output ends with it, even where something that it started holds it open."""
        stdout = self._process.stdout
        assert stdout is not None
        reading = asyncio.ensure_future(stdout.read(CHUNK_BYTES))
        try:
            await asyncio.wait({reading, self._exited}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({reading}, timeout=0 if reading.done() else LAST_WORDS_S)
            return reading.result() if reading.done() else b""
        finally:
            reading.cancel()

    # -- what it says beside them

    async def _listen(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        pending = b""
        while chunk := await stderr.read(CHUNK_BYTES):
            *lines, pending = (pending + chunk).split(b"\n")
            pending = pending[-TAIL_BYTES:]
            for line in lines[-TAIL_LINES:]:
                self._remember(line)
        self._remember(pending)

    def _remember(self, line: bytes) -> None:
        if text := line[:TAIL_BYTES].decode("utf-8", "replace").strip():
            self._tail.append(text)

    async def failure(self, doing: str) -> ProviderError:
        """Return the error for an agent that is gone: how it ended, and its last words.

        Args:
            doing: what was being done, as a participle: "answering".
        """
        if self._fault is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS_S):
                    await asyncio.shield(self._exited)
                    await asyncio.shield(self._listening)
        how = self._fault or _how(self._process.returncode)
        tail = "\n".join(self._tail)[-TAIL_BYTES:]
        return ProviderError(f"{self.command.shown}: {how} while {doing}" + (f":\n{tail}" if tail else ""))

    # -- the end

    async def end(self, *, grace_s: float = KILL_GRACE_S) -> None:
        """End it and all that it started; return when that is gone. May be called again, and by several."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(grace_s))
        await asyncio.shield(self._ending)

    async def _end(self, grace_s: float) -> None:
        await self._group.end(grace_s=grace_s)
        self._listening.cancel()
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._guard is not None:
            with suppress(ProcessLookupError):
                self._guard.kill()  # before its input ends: the group's number may be another's by then
            await self._guard.wait()


def _how(returncode: int | None) -> str:
    if returncode is None:
        return "it closed its output"
    return f"it was killed by signal {-returncode}" if returncode < 0 else f"it ended with exit code {returncode}"
