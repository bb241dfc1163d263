"""Faults in what a server asks of its disk, by strace's ``inject``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import frozen

FILES = ("", "store.json", "cache.db", "cache.db-journal", "cache.db-wal", "cache.db-shm")
"""What a store consists of; strace takes whole paths. Calls on anything else, what Python imports, aren't counted."""


@frozen
class Fault:
    """``how`` befalls ``call`` on the files of ``store``: "error=EIO", "delay_exit=200000" (µs); ``when``: "3" for the
    third, "3+" for that and all that follow, "1+" for all. Calls are counted in each thread."""

    call: str
    how: str
    when: str
    store: Path

    def under(self, trace: Path) -> list[str]:
        """Return the command under which a program meets it. Calls are noted in the file ``trace``."""
        paths = [option for name in FILES for option in ("-P", str(self.store / name) if name else str(self.store))]
        inject = ["-e", f"inject={self.call}:{self.how}:when={self.when}"]
        quiet = ["-e", f"trace={self.call}", "-e", "signal=none", "-qq"]
        return ["strace", "-f", "--seccomp-bpf", *quiet, *paths, *inject, "-o", str(trace)]


_MARK = re.compile(r"\((?:INJECTED|DELAYED)\)")
"""With which strace marks calls that it failed, and those that it held up."""

MEMORY = Path("/dev/shm")
"""A file system in memory, where there is one."""


@contextmanager
def new_place() -> Iterator[Path]:
    """Yield a new directory, removed afterwards: in memory, for the faults of a disk are made here, not waited for."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as place:
        yield Path(place)


def befell(trace: Path) -> int:
    """Return how often the fault befell."""
    return len(_MARK.findall(trace.read_text(errors="replace"))) if trace.exists() else 0
