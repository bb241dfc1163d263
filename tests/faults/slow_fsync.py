"""A disk that takes its time: what waits for it, and what must not."""

from __future__ import annotations

import time

from tests.faults.injected import Fault, befell, new_place
from tests.faults.sweep import Report, sweep
from tests.rpc.driver import Server

SESSIONS = 8

FSYNC_S = 0.2

LAG_S = 0.05
"""How much later than otherwise 99 of 100 requests that need no store may be answered."""

IDLE_TRIPS = 5000

SCRIPT = ({"text": "a line of some length\n", "repeat": 40, "delay_ms": 5}, {"text": "x" * 20_000, "chunks": 50})


@sweep(short=1, full=20, needs=["strace"])
def slow_fsync(report: Report, size: int) -> None:
    """Each fsync takes 200 ms: eight busy sessions, and how late the event loop is with what needs no store."""
    with report.case("lag"):
        idle = _while_idle()
        usual, slow = _while_busy(0, size), _while_busy(FSYNC_S, size)
        report.figure("round trips", f"{len(slow):,}")
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            slowly, usually, idly = (f"{_share(trips, share) * 1000:.1f} ms" for trips in (slow, usual, idle))
            report.figure(name, f"{slowly} (without the delay {usually}, without turns {idly})")
        lag = _share(slow, 0.99) - max(_share(idle, 0.99), _share(usual, 0.99))  # those are the machine's doing
        assert lag <= LAG_S, f"p99 is {lag * 1000:.0f} ms more than without the delay"


def _while_idle() -> list[float]:
    """Return how long each answer took of a server that has nothing else to do."""
    with Server("--ephemeral") as server:
        server.call("capabilities/get")  # it is still loading until then
        return [_round_trip(server) for _ in range(IDLE_TRIPS)]


def _while_busy(fsync_s: float, turns: int) -> list[float]:
    """Return how long each answer took while all sessions ran so many turns, one after the other."""
    with new_place() as place:
        store, trace = place / "store", place / "trace"
        fault = Fault("fdatasync", f"delay_exit={int(fsync_s * 1_000_000)}", "1+", store)
        with Server("--store", str(store), under=fault.under(trace) if fsync_s else ()) as server:
            sessions = [server.session(*SCRIPT) for _ in range(SESSIONS)]
            trips = [trip for _ in range(turns) for trip in _during_turns(server, sessions)]
            server.end_input()
            server.wait()
        assert bool(fsync_s) == bool(befell(trace))
        return trips


def _during_turns(server: Server, sessions: list[str]) -> list[float]:
    """Run a turn in each session; meanwhile ask one thing after the other, and return how long each answer took."""
    running = {server.send("turn/start", session_id=session_id, prompt="go") for session_id in sessions}
    trips: list[float] = []
    while running:
        trips.append(_round_trip(server))
        for request_id in [each for each in running if server.has_answered(each)]:
            assert "error" not in (answer := server.answer(request_id)), answer
            running.remove(request_id)
        server.events.clear()
    return trips


def _round_trip(server: Server) -> float:
    begun = time.monotonic()
    server.call("capabilities/get")
    return time.monotonic() - begun


def _share(trips: list[float], share: float) -> float:
    """Return how long that share of requests would have waited at most, had they come at any moment.

    The trips follow each other without a pause, so that a long one stands for many that would have come meanwhile: of
    those that come during a trip, ``trip - x`` wait longer than x.
    """
    late, early = max(trips), 0.0
    for _ in range(40):
        middle = (late + early) / 2
        longer = sum(max(0.0, trip - middle) for trip in trips)
        late, early = (middle, early) if longer <= (1 - share) * sum(trips) else (late, middle)
    return late
