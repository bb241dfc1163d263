"""A process that tools start, with everything that it starts in turn.

It leads a process group of its own, so that one signal reaches most of them. Those that leave the group, as daemons do,
are known by a variable in their environment that they inherit. Only a process that gets out of both is out of reach.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    import psutil

MARK = "MEERKAT_PROCESS_GROUP"
"""The variable by which a process is known to belong to a group."""

KILL_GRACE_S = 2.0
"""How long after SIGTERM before SIGKILL: time to remove a lock file, not to finish the work."""

REAP_S = 5.0
"""How long a killed process may take to be gone. Only one that hangs in the kernel needs longer; it is left alone."""

POLL_S = 0.02
"""How often is looked whether a group is gone, for which there is no event."""

SIGKILL = getattr(signal, "SIGKILL", signal.SIGTERM)


@frozen
class ProcessGroup:
    """A group that was started. ``leader`` is its first process, whose exit code is the group's."""

    leader: asyncio.subprocess.Process
    mark: str

    @classmethod
    async def start(
        cls, argv: Sequence[str], *, cwd: str | None, env: Mapping[str, str], stdin: int, stdout: int, stderr: int
    ) -> ProcessGroup:
        """Start a process as the leader of a group. The descriptors stay the caller's to close.

        Raises:
            OSError: there is no such program, or it can't be run.
            ValueError: there is a NUL in an argument.
        """
        mark = secrets.token_hex(12)
        leader = await asyncio.create_subprocess_exec(
            *argv, cwd=cwd, env={**env, MARK: mark}, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
        )
        return cls(leader, mark)

    async def end(self, *, grace_s: float = KILL_GRACE_S) -> None:
        """End everything that is left of the group; return when it is gone.

        If the caller is cancelled meanwhile, the rest is killed without the grace, and without the caller.

        Args:
            grace_s: how long after SIGTERM before SIGKILL; 0 for SIGKILL at once.
        """
        try:
            if grace_s > 0 and await self._signal(signal.SIGTERM):
                await self._gone(grace_s)
        finally:
            await asyncio.shield(self._kill())

    async def _kill(self) -> None:
        while await self._signal(SIGKILL):  # again: one may have started another since it was looked
            if not await self._gone(REAP_S):
                return

    async def _signal(self, number: int) -> bool:
        """Send a signal to all, and return whether there is anybody."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.leader.pid, number)
        members = await asyncio.to_thread(self._members)
        for member in members:
            _send(member, number)
        return bool(members)

    async def _gone(self, within_s: float) -> bool:
        """Wait until nobody is left, and return whether that came to pass."""
        try:
            async with asyncio.timeout(within_s):
                while await asyncio.to_thread(self._members):  # noqa: ASYNC110 - nothing tells of a group's end
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            return False
        return True

    def _members(self) -> list[psutil.Process]:
        """Return who is left. Those that are dead and only not yet collected by their parents don't count."""
        import psutil

        return [process for process in psutil.process_iter() if self._is_member(process)]

    def _is_member(self, process: psutil.Process) -> bool:
        import psutil

        try:
            belongs = os.getpgid(process.pid) == self.leader.pid or process.environ().get(MARK) == self.mark
            return belongs and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):  # gone, or another user's
            return False


def _send(process: psutil.Process, number: int) -> None:
    import psutil

    with suppress(psutil.Error, OSError):
        process.send_signal(number)  # refuses a process id that was given to somebody else meanwhile
