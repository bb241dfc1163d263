"""Coming and going: how long the first answers take, what a server weighs, how soon it is gone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping

from tests.benchmarks.figures import AT_MOST, Figure, benchmark, median
from tests.benchmarks.server import GREETING, Server, now

STARTS = 15
IDLE_SESSIONS = 100


def _first(method: str, params: Mapping[str, object], *options: str) -> list[float]:
    """Return the milliseconds from spawn to the answer of the first request, in fresh processes."""
    samples = []
    for _ in range(STARTS):
        with tempfile.TemporaryDirectory() as store, Server(*(options or ("--store", store))) as server:
            server.call(method, params)
            samples.append(now() - server.started)
    return samples


@benchmark
def handshake() -> Iterable[Figure]:
    """Spawn to the answer of ``initialize``."""
    yield median("spawn → initialize answered", _first("initialize", GREETING), "ms", (AT_MOST, 52), "7.8 native, 52")


@benchmark
def first_session() -> Iterable[Figure]:
    """Spawn to the answer of ``session/create``, deferred and durable."""
    create = {"initial_turn": "deferred", "model": "echo"}
    yield median("spawn → first session created", _first("session/create", create), "ms", (AT_MOST, 250), "25, 68")


@benchmark
def first_turn() -> Iterable[Figure]:
    """Spawn to the answer of a ``session/create`` whose first turn ran."""
    create = {"prompt": "hello", "model": "echo"}
    yield median("spawn → first echo turn answered", _first("session/create", create), "ms")


@benchmark
def memory() -> Iterable[Figure]:
    """Resident memory after the handshake, after a turn, and with idle sessions."""
    with tempfile.TemporaryDirectory() as store, Server("--store", store) as server:
        server.greet()
        greeted = server.resident_mb
        server.call("session/create", {"prompt": "hello", "model": "echo"})
        idle = server.resident_mb
        for _ in range(IDLE_SESSIONS):
            server.call("session/create", {"prompt": "hello", "model": "echo"})
        full = server.resident_mb
    yield Figure("resident after the handshake", greeted, "MB", (AT_MOST, 50), "27, 87")
    yield Figure("resident idle, one session", idle, "MB")
    yield Figure(f"resident with {IDLE_SESSIONS} idle sessions", full, "MB")
    yield Figure("each idle session", (full - idle) / IDLE_SESSIONS, "MB", (AT_MOST, 0.05), "0.39, 0.92")


@benchmark
def end() -> Iterable[Figure]:
    """Closing stdin to the process being gone."""
    samples = []
    for _ in range(STARTS):
        with tempfile.TemporaryDirectory() as store:
            server = Server("--store", store).greet()
            server.call("session/create", {"prompt": "hello", "model": "echo"})
            samples.append(server.end())
    yield median("stdin closed → gone, idle", samples, "ms", (AT_MOST, 25), "15, 23")
