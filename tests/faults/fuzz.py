"""Rubbish in, in process: bytes of every kind through framing, parser and the conversion of parameters."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from pathlib import Path
from typing import IO

from attrs import frozen

from tests.faults.sweep import Report, sweep
from tests.unmeasured import unmeasured

PROCESSES = 2

GROWTH_BYTES = 32 << 20
"""What a worker may grow by after its first tenth: libFuzzer's own corpus and tables grow by a third of it."""

SHOWN_CHARS = 1500


@sweep(short=5_000, full=1_000_000, imports=["atheris"])
def fuzz(report: Report, size: int) -> None:
    """Streams bred for coverage: only the named errors, however they are cut, and the next good request answered."""
    with tempfile.TemporaryDirectory() as folder:
        workers = [
            _start(Path(folder) / str(number), report.seed + number, size // PROCESSES) for number in range(PROCESSES)
        ]
        for worker in workers:
            worker.process.wait()
        seen: Counter[str] = Counter()
        for worker in workers:
            seen += _collect(report, worker)
    report.figure("good requests after rubbish", f"{seen.pop('good requests after it', 0):,}")
    report.figure("frames", f"{seen.total():,}")
    report.figure("good parameters", f"{sum(count for what, count in seen.items() if what.startswith('good')):,}")
    report.figure("kinds of outcome", str(len(seen)))


@frozen
class _Worker:
    seed: int
    folder: Path
    log: IO[bytes]
    process: subprocess.Popen[bytes]


def _start(folder: Path, seed: int, runs: int) -> _Worker:
    folder.mkdir()
    log = (folder / "log").open("w+b")
    # Two ways of tracing the same code don't go together: what is covered here is atheris' to know.
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.fuzz_worker", str(seed), str(runs), str(folder)],
        stdout=log,
        stderr=log,
        env=unmeasured() | {"PYTHONHASHSEED": "0"},
    )
    return _Worker(seed, folder, log, process)


def _collect(report: Report, worker: _Worker) -> Counter[str]:
    """Take over what a worker found and counted."""
    worker.log.seek(0)
    said = worker.log.read().decode(errors="replace")
    worker.log.close()
    for found in [*worker.folder.glob("crash-*"), *worker.folder.glob("timeout-*"), *worker.folder.glob("oom-*")]:
        again = base64.b64encode(zlib.compress(found.read_bytes())).decode()
        report.defect(f"{_exception(said)}\n    python -m tests.faults.fuzz_worker --again {again}")
    figures = worker.folder / "figures.json"
    if worker.process.returncode and not report.defects:
        report.defect(f"the fuzzer of seed {worker.seed} ended with {worker.process.returncode}: {said[-SHOWN_CHARS:]}")
    if not figures.exists():
        return Counter()
    counted = json.loads(figures.read_text())
    report.cases += counted["inputs"]
    _check_growth(report, worker.seed, counted["resident"])
    return Counter(counted["seen"])


def _exception(said: str) -> str:
    """Return the exception in what a worker said."""
    _, _, after = said.partition("Uncaught Python exception:")
    return after.partition("\n==")[0].strip()[:SHOWN_CHARS] or said[-SHOWN_CHARS:]


def _check_growth(report: Report, seed: int, resident: list[int]) -> None:
    warm = resident[len(resident) // 10]
    grown = resident[-1] - warm
    report.figure(f"memory (seed {seed})", f"{warm >> 20} → {resident[-1] >> 20} MiB")
    if grown > GROWTH_BYTES:
        report.defect(f"seed {seed}: memory grew by {grown >> 20} MiB: {[size >> 20 for size in resident]}")
