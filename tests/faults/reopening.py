"""Opening a store again after its server died, and having the doctor look at it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from meerkat_rpc.store.disk_check import check_store
from tests.faults.sweep import Report
from tests.rpc.driver import Server

REOPEN_S = 1.0
"""What opening a store and ending the turns left in it may take, on a machine that does nothing else."""


@contextmanager
def reopened(store: Path) -> Iterator[tuple[Server, float]]:
    """Yield a fresh server on ``store``, and how many seconds it took from being up to its first listing.

    A listing waits for the store to be open and for the turns of dead processes to be ended.
    """
    with Server("--store", str(store)) as server:
        up, listed = server.send("capabilities/get"), server.send("session/list")
        server.answer(up)
        begun = time.monotonic()
        assert "error" not in server.answer(listed)
        seconds = time.monotonic() - begun
        assert seconds < REOPEN_S * _processes_a_core(), f"reopening took {seconds:.2f} s"
        yield server, seconds


def _processes_a_core() -> float:
    """Return by how much this machine is slowed down by whatever else it is doing."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def doctor_finds_nothing(store: Path) -> None:
    """Raise when the store has something wrong with it. There may be none yet."""
    if not store.exists():
        return
    problems = check_store(str(store)).problems
    assert not problems, f"the doctor finds {problems}"


def the_doctor_command_finds_nothing(store: Path) -> None:
    """Raise when the command doesn't find the store in order."""
    command = [sys.executable, "-m", "meerkat_rpc", "doctor", "--json", "--store", str(store)]
    findings = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
    about_the_store = [each for each in findings if each["what"] in {"store", "permissions"}]
    assert {each["level"] for each in about_the_store} == {"ok"}, about_the_store


@contextmanager
def kept_on_defect(report: Report) -> Iterator[Path]:
    """Yield a new directory; it is removed unless a defect was found meanwhile."""
    place, before = Path(tempfile.mkdtemp(prefix="faults-")), len(report.defects)
    yield place
    if len(report.defects) == before:
        shutil.rmtree(place)
