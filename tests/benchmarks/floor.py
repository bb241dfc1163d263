"""What this machine takes for the things that everything else is made of: without it, no figure says anything."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable

from tests.benchmarks.figures import Figure, benchmark, median
from tests.benchmarks.server import now

ROUNDS = 200
STARTS = 15

ECHO = """
import os
while line := os.read(0, 65536):
    os.write(1, line)
"""


@benchmark
def floor() -> Iterable[Figure]:
    """A bare interpreter, a line through two pipes and back, a page written and synced."""
    yield median("floor: python -I -c pass, spawn to exit", [_bare() for _ in range(STARTS)], "ms")
    yield median("floor: a line to a Python process and back", _pipes(), "ms")
    yield median("floor: 4 KB written and synced", _synced(), "ms")


def _bare() -> float:
    begin = now()
    subprocess.run([sys.executable, "-I", "-c", "pass"], check=True)
    return now() - begin


def _pipes() -> list[float]:
    command = [sys.executable, "-I", "-c", ECHO]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as echo:
        assert echo.stdin is not None
        assert echo.stdout is not None
        samples = []
        for _ in range(ROUNDS):
            begin = now()
            echo.stdin.write(b"hello\n")
            echo.stdout.read(6)
            samples.append(now() - begin)
        echo.stdin.close()
    return samples[1:]


def _synced() -> list[float]:
    samples = []
    with tempfile.TemporaryFile() as file:
        for _ in range(ROUNDS):
            begin = now()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            samples.append(now() - begin)
    return samples
