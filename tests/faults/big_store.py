"""``big_store``: a store that has grown for years: what it costs to live with, and whether it gets smaller again."""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from meerkat_rpc.store.disk_check import check_store
from meerkat_rpc.store.disk_space import SPARE_PAGES
from tests.benchmarks.seeding import FOLDERS, seed_archive, seed_bulk
from tests.benchmarks.server import GREETING, Server, disk_bytes, now
from tests.faults.sweep import Report, sweep
from tests.store.damage import execute

KILOBYTES = 80
"""What each session is given; with the log's tail, which isn't compressed, it takes 100 on disk."""

STEP_H = 2
"""How many hours older each session is than the next: longer than the sweep takes."""

LARGE_KILOBYTES = (8_000, 10)
"""What a large session takes: at least so much, and so much for each small one. Beside 50,000 of them it has 500 MB."""

COLD_STARTS = 5
"""How often a start is measured; in a small store, where it says nothing, once."""

MEASURABLE = 1000
ROUNDS = 30
PAGE = {"limit": 50}

MAX_WAIT_MS = 2000.0
"""How long a turn may take while a large session is deleted, on a machine that does other things too; the figure says
how long it did."""

TIDY_S = 30.0
"""How long a deleted session's space may take to be given back, and another second for each megabyte."""

SPARE_BYTES = SPARE_PAGES * 4096
"""What a database may hold of free space."""


@frozen
class Archive:
    """A store. ``small``: its sessions, the oldest first, of which every tenth is archived; ``large``: two more."""

    path: str
    small: Sequence[str]
    large: Sequence[str]

    def sessions(self, *arguments: str) -> str:
        """Run ``meerkat-rpc sessions`` and return what it printed."""
        command = [sys.executable, "-m", "meerkat_rpc", "sessions", *arguments, "--store", self.path]
        done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def sizes(self) -> dict[str, int]:
        """Return what ``sessions list`` says each session takes."""
        every = ["list", "--size", "--json", "--limit", str(10**9)]
        rows = [*json.loads(self.sessions(*every)), *json.loads(self.sessions(*every, "--archived"))]
        return {row["session_id"]: row["size_bytes"] for row in rows}

    @property
    def used(self) -> str:
        """The session that takes all turns: neither archived nor old enough to be pruned."""
        return self.small[len(self.small) // 2 | 1]

    def rows_of(self, session_id: str) -> int:
        """Return how many rows the session has, deleted or not."""
        select = "SELECT COUNT(*) FROM Cache WHERE key >= ? AND key < ?"
        ((rows,),) = execute(Path(self.path), select, f"s/{session_id}/", f"s/{session_id}0")
        return int(rows)

    @property
    def database_bytes(self) -> int:
        """The size of the database's file."""
        return (Path(self.path) / "cache.db").stat().st_size


@contextmanager
def archive(size: int, rng: random.Random) -> Iterator[Archive]:
    """A store of ``size`` sessions and two large ones."""
    with tempfile.TemporaryDirectory(prefix="big-store-") as path:
        ages = [(size - number) * STEP_H * 3_600_000 for number in range(size)]
        small = asyncio.run(seed_archive(path, ages, KILOBYTES, rng))
        large_kilobytes = max(LARGE_KILOBYTES[0], LARGE_KILOBYTES[1] * size)
        large = [asyncio.run(seed_bulk(path, large_kilobytes, rng)) for _ in range(2)]
        yield Archive(path, small, large)


@sweep(short=150, full=50_000)
def big_store(report: Report, size: int) -> None:
    """Grow a store to 50,000 sessions and 5 GB, use it, and delete from it."""
    with archive(size, random.Random(report.seed)) as store:
        report.figure("sessions", f"{size:,} of {store.database_bytes / 1e9:.2f} GB")
        with report.case("starting, listing, searching, resuming"):
            _use(report, store)
        with report.case("the sizes of the sessions add up"):
            sizes = _add_up(report, store)
        with report.case("a large session is deleted while turns go on"):
            _delete_large(report, store)
        with report.case("a server is killed while a large session is being removed"):
            _kill_while_removing(store)
        _prune(report, store, sizes)
        with report.case("nothing is wrong with what is left"):
            begin = now()
            assert check_store(store.path).problems == []
            report.figure("doctor", f"{(now() - begin) / 1e3:.1f} s")


# -- Using it ------------------------------------------------------------------------------------------------------


def _use(report: Report, store: Archive) -> None:
    starts = COLD_STARTS if len(store.small) >= MEASURABLE else 1
    report.figure("spawn → initialize", _median(lambda: _spawned(store, "initialize", GREETING), starts))
    report.figure("spawn → list", _median(lambda: _spawned(store, "session/list", PAGE), starts))
    report.figure("list first", _median(lambda: _first(store, "session/list", PAGE), starts))
    report.figure("read first", _median(lambda: _first(store, "session/read", {"session_id": store.small[-1]}), starts))
    history = {"session_id": store.small[1], "limit": 50}
    report.figure("history first", _median(lambda: _first(store, "session/history", history), starts))
    report.figure("resumed with a turn", _median(lambda: _first(store, "turn/start", _turn(store)), starts))
    with Server("--store", store.path) as server:
        server.greet()
        assert server.call("session/list", PAGE)["total"] == len(_unarchived(store)) + len(store.large)
        report.figure("resident", f"{server.resident_mb:.0f} MB")
        report.figure("list warm", _median(lambda: server.timed("session/list", PAGE)))
        report.figure("list after a turn", _median(lambda: _after_a_turn(server, store)))
        title = {**PAGE, "query": f"question {len(store.small) // 2 + 1}:"}
        assert server.call("session/list", title)["total"] == 1
        report.figure("by title", _median(lambda: server.timed("session/list", title)))
        folder = {**PAGE, "cwd": f"/home/me/project-{FOLDERS // 2}"}
        report.figure("by folder", _median(lambda: server.timed("session/list", folder)))
        report.figure("health", _median(lambda: server.timed("runtime/health")))


def _unarchived(store: Archive) -> Sequence[str]:
    return [session_id for number, session_id in enumerate(store.small) if number % 10]


def _turn(store: Archive) -> dict[str, Any]:
    return {"session_id": store.used, "prompt": "and now?", "model": "echo"}


def _spawned(store: Archive, method: str, params: Mapping[str, Any]) -> float:
    """Return the milliseconds from the start of a process to its first answer."""
    with Server("--store", store.path) as server:
        server.call(method, params)
        return now() - server.started


def _first(store: Archive, method: str, params: Mapping[str, Any]) -> float:
    """Return the milliseconds of the first call of a process that has its modules loaded."""
    with Server("--store", store.path) as server:
        server.call("initialize", GREETING)
        server.call("capabilities/get")
        return server.timed(method, params)


def _after_a_turn(server: Server, store: Archive) -> float:
    server.call("turn/start", _turn(store))
    return server.timed("session/list", PAGE)


def _median(measure: Callable[[], float], rounds: int = ROUNDS) -> str:
    return f"{statistics.median(measure() for _ in range(rounds)):.1f} ms"


# -- Making it smaller ---------------------------------------------------------------------------------------------


def _add_up(report: Report, store: Archive) -> dict[str, int]:
    begin = now()
    sizes = store.sizes()
    report.figure("every session's size", f"{(now() - begin) / 1e3:.1f} s")
    assert sizes.keys() == {*store.small, *store.large}
    assert 0.7 * store.database_bytes < sum(sizes.values()) < store.database_bytes
    return sizes


def _delete_large(report: Report, store: Archive) -> None:
    """Delete the first large session while another takes turn after turn, until its space is given back."""
    before = store.database_bytes
    large_bytes = store.sizes()[store.large[0]]
    with Server("--store", store.path) as server:
        server.greet()
        turn = _turn(store)
        quiet = [server.timed("turn/start", turn) for _ in range(ROUNDS)]
        server.send("session/delete", {"session_id": store.large[0]})
        waits, begin = [server.timed("turn/start", turn)], now()
        while store.database_bytes > before - large_bytes + SPARE_BYTES:
            waits.append(server.timed("turn/start", turn))
            assert now() - begin < _patience_s(large_bytes) * 1e3, (
                f"{store.database_bytes} of {before} bytes are still taken"
            )
        health = server.call("runtime/health")
        assert health["status"] == "ok"
        assert health["store_bytes"] <= disk_bytes(Path(store.path)) + 1_000_000
    report.figure(f"{large_bytes / 1e6:.0f} MB deleted and given back", f"{(now() - begin) / 1e3:.1f} s")
    waits.sort()
    report.figure(
        "a turn meanwhile",
        f"{statistics.median(waits):.1f} ms, p99 {waits[int(0.99 * len(waits))]:.1f}, at most {waits[-1]:.1f}"
        f" (before: {statistics.median(quiet):.1f}, at most {max(quiet):.1f})",
    )
    assert waits[-1] <= MAX_WAIT_MS
    assert store.rows_of(store.large[0]) == 0


def _patience_s(size: int) -> float:
    return TIDY_S + size / 1e6


def _kill_while_removing(store: Archive) -> None:
    """Whatever is left when a server is killed is removed by the next, and nobody sees or misses it meanwhile."""
    before, large_bytes = store.database_bytes, store.sizes()[store.large[1]]
    server = Server("--store", store.path).greet()
    server.call("session/delete", {"session_id": store.large[1]})
    server.process.kill()
    server.process.wait()
    server.end()
    assert check_store(store.path).problems == []
    with Server("--store", store.path) as again:
        again.greet()
        deadline = time.monotonic() + _patience_s(large_bytes)
        while store.rows_of(store.large[1]) or store.database_bytes > before - large_bytes + SPARE_BYTES:
            assert time.monotonic() < deadline, f"{store.database_bytes} of {before} bytes are still taken"
            again.call("runtime/health")
    assert store.large[1] not in store.sizes()


def _pruned(store: Archive, count: int, *options: str) -> str:
    """Prune what is older than the ``count`` oldest sessions and return what was said."""
    hours = (len(store.small) - count) * STEP_H + 1
    return store.sessions("prune", "--older-than", f"{hours}h", "--yes", *options)


def _prune(report: Report, store: Archive, sizes: Mapping[str, int]) -> None:
    """Prune a twentieth of the archived sessions, then a tenth of all."""
    count = len(store.small)
    with report.case("archived sessions are pruned by age"):
        pruned = {*store.small[: count // 20 : 10]}
        _pruned(store, count // 20, "--archived")
        assert store.sizes().keys() == {*store.small} - pruned
    with report.case("a tenth is pruned, and its space given back"):
        gone = {*store.small[: count // 10]}
        before, begin = store.database_bytes, now()
        _pruned(store, count // 10)
        report.figure("prune of a tenth", f"{(now() - begin) / 1e3:.1f} s")
        left = store.sizes()
        assert left.keys() == {*store.small} - gone
        assert all(size == sizes[session_id] for session_id, size in left.items() if session_id != store.used)
        freed = sum(sizes[session_id] for session_id in store.small[: count // 10] if session_id not in pruned)
        assert store.database_bytes <= before - freed + SPARE_BYTES, f"{before} → {store.database_bytes}"
