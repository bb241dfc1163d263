"""Which process runs a turn, and whether that process is still alive."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from meerkat_rpc.domain import Owner
from meerkat_rpc.ids import new_id

START_TOLERANCE_MS = 2_000
"""Start times are compared this loosely: the boot time they are counted from is only known to the second."""


def this_process() -> Owner:
    """Return a description of the calling process, under a process id made afresh at each call."""
    return Owner(
        process_id=new_id(),
        pid=os.getpid(),
        host=_host(),
        boot_id=_boot_id(),
        started_ms=_started_ms(os.getpid()) or 0,
    )


def is_neighbour(owner: Owner, here: Owner) -> bool:
    """Return whether ``owner`` runs (or ran) where ``here`` can look it up: same machine, same view of its
    processes."""
    return owner.host == here.host


def is_alive(owner: Owner, here: Owner) -> bool:
    """Return whether ``owner``, a neighbour of ``here``, is still running.

    A process id alone proves nothing, since it may have been given to another process: the start must match too.
    """
    if owner.boot_id != here.boot_id:
        return False
    started = _started_ms(owner.pid)
    return started is not None and abs(started - owner.started_ms) <= START_TOLERANCE_MS


def booted_ms() -> float:
    """Return when the machine was started, in milliseconds since the epoch."""
    import psutil

    return psutil.boot_time() * 1000


def _started_ms(pid: int) -> int | None:
    """Return how long after the machine's start the process began, None when there is no such process.

    The time of day would not do: it is computed from the clock, and a clock that is set makes everybody look reborn.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:  # dead, and only not yet collected by its parent
            return None
        return int((process.create_time() - psutil.boot_time()) * 1000)
    except psutil.NoSuchProcess:
        return None


def _host() -> str:
    """Return the host's name and, on Linux, the process namespace: two containers can't see each other's processes."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""
    return f"{socket.gethostname()}{namespace}"


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return str(round(booted_ms() / 60_000))
