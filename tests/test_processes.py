"""Which process is alive, and which only has the number of one that was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest
from attrs import evolve

from meerkat_rpc.domain import Owner
from meerkat_rpc.processes import START_TOLERANCE_MS, is_alive, is_neighbour, this_process

HERE = this_process()


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def owner(process: subprocess.Popen[bytes]) -> Owner:
    """Describe another process as it would describe itself."""
    started_ms = int((psutil.Process(process.pid).create_time() - psutil.boot_time()) * 1000)
    return evolve(HERE, pid=process.pid, started_ms=started_ms)


def test_a_process_is_alive_until_it_is_killed_collected_or_not(child: subprocess.Popen[bytes]) -> None:
    other = owner(child)
    assert is_alive(other, HERE)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(other, HERE)
    child.wait()
    assert not is_alive(other, HERE)


def test_a_stopped_process_is_alive_for_it_may_go_on(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED)
    assert is_alive(owner(child), HERE)


@pytest.mark.parametrize("earlier_ms", [START_TOLERANCE_MS + 1, -START_TOLERANCE_MS - 1])
def test_a_process_of_the_same_number_that_began_at_another_time_is_another(earlier_ms: int) -> None:
    assert not is_alive(evolve(HERE, started_ms=HERE.started_ms + earlier_ms), HERE)


def test_a_process_from_before_the_machine_was_started_is_dead() -> None:
    assert not is_alive(evolve(HERE, boot_id="another"), HERE)


def test_a_clock_that_is_set_kills_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    boot_time, create_time = psutil.boot_time, psutil.Process.create_time
    monkeypatch.setattr(psutil, "boot_time", lambda: boot_time() + 3600)
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: create_time(self) + 3600)
    assert is_alive(HERE, HERE)


def test_processes_of_another_host_or_container_are_no_neighbours() -> None:
    assert is_neighbour(HERE, HERE)
    assert not is_neighbour(evolve(HERE, host="elsewhere"), HERE)
