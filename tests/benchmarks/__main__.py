"""``python -m tests.benchmarks [--rounds N] [NAME…]``: measure what is named, or everything, and print the table."""

from __future__ import annotations

import argparse
import sys

from tests.benchmarks import editing, floor, lists, llm, running, starting, storing, streaming
from tests.benchmarks.figures import BENCHMARKS, COLUMNS, heading, row

MODULES = (floor, starting, running, streaming, lists, storing, llm, editing)
NAMES = [name for module in MODULES for name, measure in BENCHMARKS.items() if measure.__module__ == module.__name__]
"""Every benchmark, in the table's order."""


def main() -> int:
    """Print the table; return 1 when something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", choices=[[], *NAMES], help=", ".join(NAMES))
    parser.add_argument("--rounds", type=int, metavar="N", help="take fewer samples: to see that it runs, not how fast")
    options = parser.parse_args()
    if options.rounds is not None:
        _take_fewer(options.rounds)
    print(heading())
    print(COLUMNS)
    return max([_measure(name) for name in options.names or NAMES])


def _take_fewer(rounds: int) -> None:
    """Have no module take more samples than ``rounds``, of those that count."""
    for module in map(vars, MODULES):
        if "ROUNDS" in module:
            module["ROUNDS"] = min(module["ROUNDS"], rounds + module.get("WARM_UP", 0))


def _measure(name: str) -> int:
    try:
        for figure in BENCHMARKS[name]():
            print(row(figure), flush=True)
    except (EOFError, OSError, RuntimeError, AssertionError) as error:
        print(f"{name} could not be measured: {error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
