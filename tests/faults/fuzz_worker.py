"""One fuzzing process: ``python -m tests.faults.fuzz_worker SEED RUNS FOLDER``, or with ``--again TEXT`` one input
that a defect names.

atheris (libFuzzer) keeps every input that reaches new code of ours and breeds from it; most of the offspring are made
by ``fuzz_streams``, which knows what a message is. The first input for which a property doesn't hold ends the process.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
import zlib
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["meerkat_rpc.wire", "meerkat_rpc.rpc", "meerkat_rpc.ids"]):
    from tests.faults.fuzz_properties import PREAMBLE_BYTES, Checker
from tests.faults import fuzz_streams as streams

MAX_BYTES = 20_000
"""Longest input: room for every bound of a header section, and short enough for a thousand a second."""

RSS_LIMIT_BYTES = 512 << 20
"""A process of ours that holds more has lost sight of its memory."""

INPUT_S = 20
"""An input that takes more of the processor's time hangs: a machine that is busy or asleep proves nothing."""

A_DAY_S = 86_400
"""libFuzzer's own limit, which is by the clock on the wall."""

LOOKED_AT = 100
"""How often memory is looked at."""

NOTED = 10_000
"""How often figures are written."""


def main() -> None:
    """Fuzz, or check one input."""
    if sys.argv[1] == "--again":
        Checker().check(zlib.decompress(base64.b64decode(sys.argv[2])))
        return
    seed, runs, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    corpus = folder / "corpus"
    corpus.mkdir()
    for index, data in enumerate(streams.good_streams()):
        (corpus / f"{index:04}").write_bytes(bytes(PREAMBLE_BYTES) + data)
    atheris.Setup(
        [
            "fuzz",
            f"-seed={seed}",
            f"-runs={runs}",
            f"-max_len={MAX_BYTES}",
            "-rss_limit_mb=0",  # libFuzzer's counts what the process was forked from: ``_Run`` looks itself
            f"-timeout={A_DAY_S}",
            f"-artifact_prefix={folder}/",
            "-verbosity=0",
            "-print_final_stats=1",
            str(corpus),
        ],
        _Run(folder, runs),
        custom_mutator=_mutated,
    )
    atheris.Fuzz()


class _Run:
    """Checks every input and notes figures."""

    def __init__(self, folder: Path, runs: int) -> None:
        self._folder = folder
        self._runs = runs
        self._checker = Checker()
        self._resident: list[int] = []
        signal.signal(signal.SIGPROF, _hangs)

    def __call__(self, data: bytes) -> None:
        signal.setitimer(signal.ITIMER_PROF, INPUT_S)
        self._checker.check(data)
        count = self._checker.inputs
        if count % LOOKED_AT == 0:
            assert _resident_bytes() <= RSS_LIMIT_BYTES, f"{_resident_bytes()} bytes are held after {count} inputs"
        if count % NOTED == 0 or count == self._runs:
            self._resident.append(_resident_bytes())
            figures = {"inputs": count, "seen": self._checker.seen, "resident": self._resident}
            (self._folder / "figures.json").write_text(json.dumps(figures))


def _hangs(*_: object) -> None:
    raise AssertionError(f"an input took {INPUT_S} s")


def _mutated(data: bytes, max_size: int, seed: int) -> bytes:
    """Return an offspring of ``data``."""
    rng = Random(seed)
    kind = rng.random()
    if kind < 0.3:
        return bytes(atheris.Mutate(data, max_size))
    style = rng.choice(streams.STYLES)
    preamble = rng.randbytes(PREAMBLE_BYTES)
    if kind < 0.8:
        return (preamble + streams.stream(rng, style))[:max_size]
    return (preamble + data[PREAMBLE_BYTES:] + streams.frame(rng, style))[:max_size]


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
