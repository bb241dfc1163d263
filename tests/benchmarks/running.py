"""Requests and turns on a running server."""

from __future__ import annotations

import statistics
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

from tests.benchmarks.figures import AT_MOST, Figure, benchmark, median
from tests.benchmarks.server import Server, now, request, script

ROUNDS = 300
PIPELINED = 10_000
INTERRUPTS = 30


@contextmanager
def greeted(*options: str) -> Iterator[Server]:
    """A server that is ready, with a store of its own unless ``options`` say otherwise."""
    with tempfile.TemporaryDirectory() as store, Server(*(options or ("--store", store))) as server:
        yield server.greet()


@benchmark
def round_trip() -> Iterable[Figure]:
    """A small request, one at a time."""
    with greeted() as server:
        session = {"session_id": server.create()}
        yield median(
            "round trip of a small request (session/read)",
            [server.timed("session/read", session) for _ in range(ROUNDS)],
            "ms",
        )


@benchmark
def pipelined() -> Iterable[Figure]:
    """Small requests all written before the first answer is waited for."""
    with greeted() as server:
        session = {"session_id": server.create()}
        server.timed("session/read", session)
        requests = b"".join(request(10_000 + n, "session/read", session) for n in range(PIPELINED))
        begin = now()
        writer = threading.Thread(target=server.write, args=(requests,))
        writer.start()
        for _ in islice(server.lines(), PIPELINED):
            pass
        seconds = (now() - begin) / 1e3
        writer.join()
    yield Figure(
        f"{PIPELINED:,} requests pipelined, all answered", PIPELINED / seconds, "/s", None, "202 of 2,000 lost"
    )


@benchmark
def create() -> Iterable[Figure]:
    """A session without a turn, durable."""
    deferred = {"initial_turn": "deferred", "model": "echo"}
    with greeted() as server:
        samples = [server.timed("session/create", deferred) for _ in range(ROUNDS)]
    yield median("session created, durable", samples, "ms", (AT_MOST, 2), "5.3")


@benchmark
def turn() -> Iterable[Figure]:
    """A turn of the echo model, whose own time is nothing: what is left is ours."""
    with greeted() as server:
        talk = {"session_id": server.create(), "prompt": "hello there"}
        samples = [server.timed("turn/start", talk) for _ in range(ROUNDS)]
    yield median("echo turn, durable: the overhead of a turn", samples, "ms", (AT_MOST, 3), "6.1 not durable")


@benchmark
def long_session() -> Iterable[Figure]:
    """Whether the thousandth turn costs what an early one did: two sessions, taking turns to meet the same noise."""
    with greeted() as server:
        young = {"session_id": server.create(), "prompt": "hello there"}
        old = {"session_id": server.create(), "prompt": "hello there"}
        for _ in range(900):
            server.call("turn/start", old)
        pairs = [(server.timed("turn/start", young), server.timed("turn/start", old)) for _ in range(100)]
    early, late = (statistics.median(samples) for samples in zip(*pairs, strict=True))
    yield Figure("turns 1 to 100 of a session", early, "ms")
    yield Figure("turns 901 to 1,000 of another", late, "ms")
    yield Figure("the latter by the former", late / early, "×", (AT_MOST, 1.1), "1.15, flat to 300")


def _interrupts(*steps: dict[str, object], wait_for: bytes) -> list[float]:
    """Return the milliseconds from ``turn/interrupt`` to its answer, each in a turn that had come to ``wait_for``."""
    samples = []
    with greeted() as server:
        session = {"session_id": server.create()}
        for _ in range(INTERRUPTS):
            server.send("turn/start", {**session, **script(*steps)})
            next(line for line in server.lines() if wait_for in line)
            samples.append(server.timed("turn/interrupt", session))
            next(line for line in server.lines() if b"TURN_CANCELLED" in line)
    return samples


@benchmark
def interrupt() -> Iterable[Figure]:
    """Request to answer, the turn's end being durable by then."""
    streaming = _interrupts({"text": "word ", "repeat": 100_000, "delay_ms": 5}, wait_for=b"text_delta")
    yield median("interrupt, streaming 200 deltas/s", streaming, "ms", (AT_MOST, 1.6), "1.6")
    sleeping = _interrupts({"text": "a"}, {"sleep_ms": 60_000}, wait_for=b"text_delta")
    yield median("interrupt, sleeping", sleeping, "ms", (AT_MOST, 2))
