"""``soak``: a day's work for one server, at once; nothing may grow that a session's end doesn't give back."""

from __future__ import annotations

import random
import sqlite3
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
from attrs import define, field, frozen

from meerkat_rpc.store.disk_cache import WAL_KEPT_BYTES
from tests.faults.sweep import Report, sweep
from tests.rpc.driver import Server

MIB = 1 << 20
MAX_GROWTH = MIB
"""Bytes of private memory that 10,000 turns may add (the issue's bound)."""

MAX_WAL = 64 * MIB

PUT_AWAY_A_MINUTE = 200

POOL = 48
"""Sessions in use at a time: more than ``MAX_SESSIONS``, so that they are put to rest and woken all the while."""

MAX_SESSIONS = 32

ARCHIVED = 50
"""Sessions that lie archived at a time; older ones are deleted, so that the catalogue stays as large as it is."""

TURNS_AT_ONCE = 16
SAMPLES = 50

SNAPSHOT_ROUNDS = 20
"""How long a reader keeps one snapshot, during which SQLite can't begin its log anew."""

WARM_UP = 0.2
"""The part of the run that isn't counted: caches fill up and the allocator finds its size."""

NOISE = 7 * MIB
"""What the private memory varies by all the same: the allocator takes on a few MiB in the first thousands of turns. It
hides the slope in a short run and is less than what a whole one may add."""

SCRIPTS: list[list[dict[str, Any]]] = [
    [{"text": "a few words of an answer ", "repeat": 10}],
    [{"reasoning": "so"}, {"tool": {"name": "look", "args": {"at": "it"}, "result": "x" * 500}}, {"text": "seen"}],
    [{"text": "y" * 3000, "chunks": 30}, {"tool": {"name": "write", "is_error": True}}, {"text": "again"}],
    [{"text": "so far"}, {"fail": "out of luck", "code": "PROVIDER_ERROR"}],
]
"""What the sessions' agents do, beside echoing."""

HANGING: list[dict[str, Any]] = [{"text": "so far"}, {"sleep_ms": 600_000}]


@frozen
class Sample:
    """What the quiet server holds after so many turns."""

    turns: int
    private_bytes: int
    descriptors: int
    threads: int
    tasks: int
    wal_bytes: int


@sweep(short=1_500, full=100_000)
def soak(report: Report, size: int) -> None:
    """Run so many turns while sessions come, rest, wake, fork and go: memory, threads, files stay as they are."""
    with tempfile.TemporaryDirectory() as directory, open(Path(directory, "stderr"), "w+b") as log:
        store = Path(directory, "store")
        with Server("--store", str(store), "--max-sessions", str(MAX_SESSIONS), stderr=log) as server:
            load = Load(server, store, random.Random(report.seed))
            samples = list(_samples(report, load, size))
            with report.case("the end"):
                server.end_input()
                assert server.wait() == 0
        with report.case("log"):
            log.seek(0)
            assert log.read().decode() == ""
    _judge(report, load, samples)


def _samples(report: Report, load: Load, size: int) -> Iterator[Sample]:
    """Run the load; yield a sample after each fiftieth part of it, when all is quiet."""
    load.fill()
    yield load.sample()
    for number in range(1, SAMPLES + 1):
        with report.case(f"until turn {size * number // SAMPLES}"):
            if number == SAMPLES // 2:
                load.round_beside_a_reader()
            while load.turns < size * number // SAMPLES:
                load.round()
            yield load.sample()


def _judge(report: Report, load: Load, samples: list[Sample]) -> None:
    warm = [sample for sample in samples if sample.turns >= WARM_UP * samples[-1].turns]
    turns = warm[-1].turns - warm[0].turns
    growth = slope([sample.turns for sample in warm], [sample.private_bytes for sample in warm]) * 10_000
    with report.case("memory"):
        assert growth * turns / 10_000 <= max(MAX_GROWTH * turns / 10_000, NOISE), [s.private_bytes for s in warm]
    for name in ("descriptors", "threads", "tasks"):
        with report.case(name):
            counts = [getattr(sample, name) for sample in warm]
            assert max(counts) - min(counts) <= (name == "tasks"), counts  # the lease's keeper comes and goes
    with report.case("write-ahead log"):
        assert max(sample.wal_bytes for sample in samples) <= WAL_KEPT_BYTES
        assert load.wal_beside_reader <= MAX_WAL
    with report.case("sessions made and put away"):
        assert load.put_away >= PUT_AWAY_A_MINUTE * report.seconds / 60 * 0.9 - POOL
    last = warm[-1]
    report.figure("turns", f"{last.turns:,} at {last.turns / load.seconds:.0f}/s")
    report.figure("memory", f"{growth / MIB:+.2f} MiB per 10,000 turns, {last.private_bytes / MIB:.0f} MiB at the end")
    report.figure("sessions made and put away", f"{load.put_away:,}, {load.put_away / load.seconds * 60:.0f} a minute")
    report.figure("descriptors, threads, tasks", f"{last.descriptors}, {last.threads}, {last.tasks}")
    report.figure("WAL", f"{max(s.wal_bytes for s in samples) / MIB:.0f} MiB")
    report.figure("beside a reader", f"{load.wal_beside_reader / MIB:.0f} MiB")


def slope(xs: list[int], ys: list[int]) -> float:
    """Return the slope of the line that fits the points best, by least squares."""
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread


@define
class Load:
    """Everything a busy host does, in rounds: after each round nothing is in flight."""

    server: Server
    store: Path
    rng: random.Random
    turns: int = 0
    put_away: int = 0
    wal_beside_reader: int = 0
    _pool: deque[str] = field(factory=deque)
    _archived: deque[str] = field(factory=deque)
    _streams: list[str] = field(factory=list)
    _begun: float = field(factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return time.monotonic() - self._begun

    def fill(self) -> None:
        """Make the first sessions, and touch what is made on first use."""
        for method in ("config/get", "models/catalog", "capabilities/get"):
            self.server.call(method)
        while len(self._pool) < POOL:
            self._make()
        self._begun = time.monotonic()

    def round(self) -> None:
        """Run turns in several sessions at once, and something else beside them."""
        self._stream()
        self._converse()
        self.rng.choice([self._interrupt, self._fork, self._read, self._refuse])()
        while self.put_away < PUT_AWAY_A_MINUTE * self.seconds / 60:
            self._make()
            self._put_away()
        self.server.events.clear()

    def round_beside_a_reader(self) -> None:
        """Run rounds while somebody reads the store as it was at their beginning, as a copy of it would."""
        with closing(sqlite3.connect(self.store / "cache.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM Cache").fetchone()
            for _ in range(SNAPSHOT_ROUNDS):
                self.round()
            self.wal_beside_reader = self._wal_bytes()
        self.round()

    def sample(self) -> Sample:
        """Close the streams and look at the process."""
        for stream_id in self._streams:
            self.server.call("session/stream_close", stream_id=stream_id)
        self._streams.clear()
        process = psutil.Process(self.server.process.pid)
        return Sample(
            self.turns,
            process.memory_full_info().uss,
            process.num_fds(),
            process.num_threads(),
            self.server.call("runtime/health")["tasks"],
            self._wal_bytes(),
        )

    def _wal_bytes(self) -> int:
        return (self.store / "cache.db-wal").stat().st_size

    def _converse(self) -> None:
        sessions = self.rng.sample(list(self._pool), TURNS_AT_ONCE)
        for request in [self.server.send("turn/start", session_id=each, prompt=self._prompt()) for each in sessions]:
            answer = self.server.answer(request)
            error = answer.get("error", {"message": "out of luck"})
            assert error["message"] == "out of luck", answer
        self.turns += len(sessions)

    def _prompt(self) -> str:
        return " ".join(self.rng.choices(["tell", "me", "of", "the", "meerkats", "and", "their", "watch"], k=12))

    def _make(self) -> None:
        if self.rng.random() < 0.5:
            session_id = self.server.session(*self.rng.choice(SCRIPTS), labels={"n": str(self.rng.random())})
        else:
            session_id = self.server.call("session/create", prompt=self._prompt(), model="echo")["session_id"]
            self.turns += 1
        self._pool.append(session_id)

    def _put_away(self) -> None:
        session_id = self._pool.popleft()
        self.put_away += 1
        if self.rng.random() < 0.5:
            self.server.call("session/delete", session_id=session_id)
            return
        self.server.call("session/archive", session_id=session_id)
        self._archived.append(session_id)
        if len(self._archived) > ARCHIVED:
            self.server.call("session/delete", session_id=self._archived.popleft())

    def _stream(self) -> None:
        """Follow one more session, from some event on; look away from another."""
        session_id = self.rng.choice(self._pool)
        begin = {} if self.rng.random() < 0.5 else {"from_seq": 1}
        self._streams.append(self.server.call("session/stream_open", session_id=session_id, **begin)["stream_id"])
        if len(self._streams) > 4:
            self.server.call("session/stream_close", stream_id=self._streams.pop(self.rng.randrange(4)))

    def _interrupt(self) -> None:
        session_id = self.server.session(*HANGING)
        turn = self.server.call("turn/start", session_id=session_id, prompt="go", wait=False)
        assert self.server.call("turn/interrupt", **turn_of(turn))["interrupted"]
        self.turns += 1
        self.server.call("session/delete", session_id=session_id)

    def _fork(self) -> None:
        parent = self.rng.choice(self._pool)
        count = self.server.call("session/read", session_id=parent)["message_count"]
        child = self.server.call(
            "session/fork_at", session_id=parent, message_index=self.rng.randint(0, min(count, 100))
        )["session_id"]
        self.server.answer(self.server.send("turn/start", session_id=child, prompt=self._prompt()))
        self.turns += 1
        self.server.call("session/delete", session_id=child)

    def _read(self) -> None:
        session_id = self.rng.choice(self._pool)
        scope = {"type": "session", "session_id": session_id}
        self.server.call("session/list", query="meerkats", limit=20)
        self.server.call("events/list_since", scope=scope, limit=100)
        self.server.call("session/history", session_id=session_id, limit=20)
        self.server.call("session/update", session_id=session_id, title=self._prompt())

    def _refuse(self) -> None:
        self.server.error("session/read", session_id="0192f3a0-1111-7000-8000-000000000001")
        self.server.error("turn/start", session_id="not an id", prompt="go")
        self.server.error("no/such", x=1)


def turn_of(accepted: dict[str, Any]) -> dict[str, str]:
    """Return which turn it was that ``wait: false`` was answered for."""
    return {"session_id": accepted["session_id"], "turn_id": accepted["turn_id"]}
