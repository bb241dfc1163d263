"""What a turn leaves on disk."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.benchmarks.figures import AT_MOST, Figure, benchmark, median
from tests.benchmarks.seeding import Talk, opened
from tests.benchmarks.server import Server, disk_bytes

TURNS = 1000
ROUNDS = 100


@benchmark
def commits() -> Iterable[Figure]:
    """The commit that ends a turn, in sessions of 2 and of 1,000 turns, alternating to meet the same noise."""
    with tempfile.TemporaryDirectory() as path:
        young, old = asyncio.run(_commits(path))
    yield median("commit at turn 2", young, "ms")
    yield median("commit at turn 1,000", old, "ms")
    yield Figure("the latter by the former", statistics.median(old) / statistics.median(young), "×", (AT_MOST, 1.1))


async def _commits(path: str) -> tuple[list[float], list[float]]:
    young, old = [], []
    async with opened(path) as store:
        long = Talk(store)
        await long.begin()
        for _ in range(TURNS - ROUNDS // 2):
            await long.turn()
        for _ in range(ROUNDS):
            short = Talk(store)
            await short.begin()
            await short.turn()
            young.append(await short.turn())
            old.append(await long.turn())
    return young, old


@benchmark
def disk() -> Iterable[Figure]:
    """Bytes of the closed store for each small turn, by the difference of two stores."""
    few, many = _stored(100), _stored(100 + TURNS)
    yield Figure("disk a small turn", (many - few) / TURNS / 1e3, "KB", (AT_MOST, 1.6), "1.6")
    yield Figure("disk of an empty session (store of one)", _stored(0) / 1e3, "KB")


def _stored(turns: int) -> int:
    with tempfile.TemporaryDirectory() as store:
        with Server("--store", store) as server:
            talk = {"session_id": server.greet().create(), "prompt": "hello there"}
            for _ in range(turns):
                server.call("turn/start", talk)
        return disk_bytes(Path(store))
