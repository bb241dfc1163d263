"""What a turn leaves on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.benchmarks.figures import AT_MOST, Figure, benchmark
from tests.benchmarks.server import Server, disk_bytes

TURNS = 1000


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
