"""A disk that fails once, or from some moment on: what the server answers, keeps, and goes on with."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from random import Random

import psutil

from tests.faults.injected import Fault, befell, new_place
from tests.faults.lone_client import LoneClient, at_a_second_try
from tests.faults.sweep import Report, sweep
from tests.rpc.driver import Server

CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "openat")
ERRORS = ("EIO", "ENOSPC")

PERSISTING = 5
"""Of so many calls that fail once, one fails for good as well."""

NEVER = 0xFFFF
"""The last call that strace can count to."""

IDLE_S = 0.3
"""How long a server with nothing to do is watched …"""

IDLE_CPU_S = 0.1
"""… and what it may use of the processor in that time …"""

IDLE_LOOKS = 10
"""… at the latest when it was watched so often."""


@sweep(short=1, full=100_000, needs=["strace"])
def io_errors(report: Report, size: int) -> None:
    """Fail the k-th call on the store, once or from then on: answers, durability, the next turn, no hang."""
    random = Random(report.seed)
    for call in CALLS:
        calls = at_a_second_try(partial(_count, call))
        report.figure(call, str(calls))
        for error in ERRORS if size > 1 else [random.choice(ERRORS)]:
            for k in _sample(random, calls, size):
                with report.case(f"{call} number {k}: {error}"):
                    at_a_second_try(partial(_fail_once, call, error, k))
            for k in _sample(random, calls, max(1, min(size, calls) // PERSISTING)):
                with report.case(f"{call} number {k} and all that follow: {error}"):
                    at_a_second_try(partial(_fail_from, call, error, k))


def _sample(random: Random, calls: int, size: int) -> Sequence[int]:
    """Return ``size`` of the numbers of calls, or all of them."""
    return range(1, calls + 1) if size >= calls else sorted(random.sample(range(1, calls + 1), size))


def _count(call: str) -> int:
    """Return how many such calls a clean run makes."""
    with new_place() as place:
        store, trace = place / "store", place / "trace"
        with Server("--store", str(store), under=Fault(call, "error=EIO", str(NEVER), store).under(trace)) as server:
            client = LoneClient(server)
            client.work()
            assert not client.failed
            client.end()
        return sum(f" {call}(" in line for line in trace.read_text().splitlines())


def _fail_once(call: str, error: str, k: int) -> None:
    """Fail the k-th call: the next turn works. How many calls there are depends on the moment, so it may not come."""
    with new_place() as place:
        store, trace = place / "store", place / "trace"
        with Server("--store", str(store), under=Fault(call, f"error={error}", str(k), store).under(trace)) as server:
            client = LoneClient(server)
            client.work()
            if not befell(trace):
                client.ask("unarchive", "session/unarchive")
            if befell(trace):
                client.go_on()
            client.end()
        assert befell(trace) <= 1
        client.hold(store)


def _fail_from(call: str, error: str, k: int) -> None:
    """Fail the k-th call and every one after it: the next server's turn works."""
    with new_place() as place:
        store, trace = place / "store", place / "trace"
        with Server("--store", str(store), under=Fault(call, f"error={error}", f"{k}+", store).under(trace)) as server:
            client = LoneClient(server)
            client.work()
            _is_idle(server)
            client.end()
        if client.answered:
            client.hold(store)
        with Server("--store", str(store)) as client.server:
            client.go_on()
        client.hold(store)


def _is_idle(server: Server) -> None:
    """Raise if the server never stops using the processor, though it has nothing to do."""
    (process,) = psutil.Process(server.process.pid).children()
    used = [_used(process)]
    while used[-1] >= IDLE_CPU_S:  # it may still prepare what it will need, or tidy up
        assert len(used) < IDLE_LOOKS, f"an idle server used {used} s in each {IDLE_S} s"
        used.append(_used(process))


def _used(process: psutil.Process) -> float:
    """Return how many seconds of the processor ``process`` uses in ``IDLE_S``."""
    before = process.cpu_times()
    time.sleep(IDLE_S)
    after = process.cpu_times()
    return after.user + after.system - before.user - before.system
