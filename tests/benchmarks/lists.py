"""Finding sessions and reading them back, in stores with a past."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from tests.benchmarks.figures import AT_MOST, Figure, benchmark, median
from tests.benchmarks.seeding import FOLDERS, seed_sessions, seed_turns
from tests.benchmarks.server import Server

ROUNDS = 50
COLD_STARTS = 7
TURNS = 1000
PAGE = {"limit": 50}


@contextmanager
def seeded(sessions: int) -> Iterator[str]:
    """A store of ``sessions`` sessions."""
    with tempfile.TemporaryDirectory() as store:
        asyncio.run(seed_sessions(store, sessions))
        yield store


def _cold(store: str, method: str, params: Mapping[str, object]) -> list[float]:
    """Return the milliseconds of the first call after the handshake, in fresh processes."""
    samples = []
    for _ in range(COLD_STARTS):
        with Server("--store", store) as server:
            samples.append(server.greet().timed(method, params))
    return samples


def _listing(count: int, others: str) -> Iterable[Figure]:
    with seeded(count) as store:
        first = _cold(store, "session/list", PAGE)
        with Server("--store", store) as server:
            server.greet().call("session/list", PAGE)
            warm = [server.timed("session/list", PAGE) for _ in range(ROUNDS)]
            title = [server.timed("session/list", {**PAGE, "query": f"question {n}:"}) for n in range(ROUNDS)]
            folder = [
                server.timed("session/list", {**PAGE, "cwd": f"/home/me/project-{n % FOLDERS}"}) for n in range(ROUNDS)
            ]
            label = [server.timed("session/list", {**PAGE, "labels": {"team": "t3"}}) for _ in range(ROUNDS)]
    yield median(f"list, {count:,} stored: first call after start", first, "ms", (AT_MOST, 100))
    yield median(f"list, {count:,} stored: warm", warm, "ms", (AT_MOST, 5), others)
    yield median(f"list, {count:,} stored: by title text", title, "ms", (AT_MOST, 7), "9.2")
    yield median(f"list, {count:,} stored: by folder", folder, "ms", (AT_MOST, 7), "1.4")
    yield median(f"list, {count:,} stored: by label", label, "ms", (AT_MOST, 7))


@benchmark
def list_1000() -> Iterable[Figure]:
    """The first 50 of 1,000 sessions."""
    yield from _listing(1000, "5.1, 13")


@benchmark
def list_10000() -> Iterable[Figure]:
    """The first 50 of 10,000 sessions."""
    yield from _listing(10_000, "6.9")


@benchmark
def resume() -> Iterable[Figure]:
    """Back to a long session in a fresh process: the session and its last page, a page of its past, its next turn."""
    with tempfile.TemporaryDirectory() as store:
        session = {"session_id": asyncio.run(seed_turns(store, TURNS))}
        last_page = {**session, "offset": 2 * TURNS - 50, "limit": 50}
        samples = []
        for _ in range(COLD_STARTS):
            with Server("--store", store) as server:
                server.greet()
                samples.append(server.timed("session/read", session) + server.timed("session/history", last_page))
        yield median("resume of 1,000 turns after restart (read + last page)", samples, "ms", (AT_MOST, 40), "65")
        page = _cold(store, "session/history", {**session, "limit": 50})
        yield median("a page of history, cold", page, "ms", (AT_MOST, 2.8), "2.8")
        turn = _cold(store, "turn/start", {**session, "prompt": "and now?"})
        yield median("the next turn of 1,000 after restart, answered", turn, "ms")
