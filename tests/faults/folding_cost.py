"""What folding a long session gives back, and what it costs those who run turns meanwhile."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from string import ascii_lowercase

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import (
    AgentConfig,
    Event,
    LoggedEvent,
    RunCompleted,
    RunStarted,
    SessionChange,
    SessionHead,
    TextComplete,
    TextDelta,
    TurnCompleted,
    TurnStarted,
    Usage,
)
from meerkat_rpc.event_json import encode_event
from meerkat_rpc.ids import new_id
from tests.faults.folding import DAY_MS, fold_command
from tests.faults.reopening import doctor_finds_nothing
from tests.faults.sweep import Report, sweep
from tests.rpc.driver import WAIT_S, Server
from tests.store.conftest import open_disk
from tests.store.damage import execute

TURN_EVERY_S = 0.03
"""Turns are this far apart: folding goes on between them."""

SAMPLES = 40
"""Turns before, and at least as many after."""


@sweep(short=3000, full=20_000)
def folding_cost(report: Report, size: int) -> None:
    """Fold a session of so many deltas: the room that it gives back, the time it takes, what turns notice of it."""
    with tempfile.TemporaryDirectory() as place:
        with report.case(f"{size:,} deltas folded by the command"):
            _by_the_command(report, Path(place, "command"), size)
        with report.case(f"{size:,} deltas folded by a server with turns"):
            _by_a_server(report, Path(place, "server"), size)


def _by_the_command(report: Report, store: Path, size: int) -> None:
    folded = asyncio.run(_write(store, size))
    before = _bytes(store, folded)
    with Server("--store", str(store), "--fold-after", "never") as server:
        session_id = server.session(model="echo")
        alone = _latencies(server, session_id, lambda count: count < SAMPLES)
        begun = time.monotonic()
        with subprocess.Popen(fold_command(store), stdout=subprocess.DEVNULL) as folder:
            meanwhile = _latencies(server, session_id, lambda _: folder.poll() is None)
        seconds = time.monotonic() - begun
        assert folder.returncode == 0
    doctor_finds_nothing(store)
    after = _bytes(store, folded)
    assert after < before * 3 / 4, f"{before} bytes became {after}"
    report.figure(f"{size:,} deltas:", f"{before:,} → {after:,} bytes in {seconds:.1f} s, the command's start included")
    report.figure("a turn while a command folds:", _compared(alone, meanwhile))


def _by_a_server(report: Report, store: Path, size: int) -> None:
    asyncio.run(_write(store, size))
    end = time.monotonic() + 10 * WAIT_S

    def goes_on(_: int) -> bool:
        assert time.monotonic() < end, "it does not come to an end"
        return not execute(store, "SELECT 1 FROM Cache WHERE key = 'folded'")

    with Server("--store", str(store), "--fold-after", "0s") as server:
        session_id = server.session(model="echo")
        alone = _latencies(server, session_id, lambda count: count < SAMPLES)
        meanwhile = _latencies(server, session_id, goes_on)
    doctor_finds_nothing(store)
    report.figure("while the server itself folds:", _compared(alone, meanwhile))


def _latencies(server: Server, session_id: str, goes_on: Callable[[int], bool]) -> list[float]:
    """Run turns as long as ``goes_on``, which is given how many there were; return how many ms each took."""
    took: list[float] = []
    while goes_on(len(took)):
        begun = time.perf_counter()
        server.call("turn/start", session_id=session_id, prompt="a word")
        took.append((time.perf_counter() - begun) * 1000)
        time.sleep(TURN_EVERY_S)
    return took


def _compared(alone: list[float], meanwhile: list[float]) -> str:
    (half, most), (half_meanwhile, most_meanwhile) = _quantiles(alone), _quantiles(meanwhile)
    return (
        f"p50 {half:.1f} → {half_meanwhile:.1f} ms ({half_meanwhile / half:.2f}x), "
        f"p95 {most:.1f} → {most_meanwhile:.1f} ms, of {len(meanwhile)}"
    )


def _quantiles(took: list[float]) -> tuple[float, float]:
    ordered = sorted(took)
    return ordered[len(ordered) // 2], ordered[len(ordered) * 95 // 100]


def _bytes(store: Path, session_id: str) -> int:
    """Return what the session's log takes."""
    select = "SELECT SUM(LENGTH(key) + LENGTH(value)) FROM Cache WHERE key = ? OR key LIKE ?"
    ((size,),) = execute(store, select, f"s/{session_id}/log", f"s/{session_id}/e%")
    return int(size)


async def _write(store: Path, deltas: int) -> str:
    """Write a session whose one turn said so many words a day ago, which compress badly; return its id."""
    random = Random(deltas)
    said = ["".join(random.choices(ascii_lowercase, k=random.randrange(1, 9))) + " " for _ in range(deltas)]
    events: list[Event] = [
        RunStarted("a session", "go"),
        TurnStarted(1),
        *map(TextDelta, said),
        TextComplete("".join(said)),
        TurnCompleted("end_turn", Usage(1, deltas)),
        RunCompleted("a session", "".join(said), Usage(1, deltas)),
    ]
    at, turn_id = now_ms() - DAY_MS, new_id()
    log = [LoggedEvent(seq, at + 20 * seq, turn_id, encode_event(event)) for seq, event in enumerate(events, 1)]
    async with open_disk(store) as disk:
        head = SessionHead(new_id(), 1, at, log[-1].timestamp_ms, AgentConfig())
        await disk.commit(SessionChange(head, events=log))
    return head.session_id
