"""``python -m tests.benchmarks [NAME…]``: measure what is named, or everything, and print the table."""

from __future__ import annotations

import argparse
import sys

from tests.benchmarks import lists, running, starting, storing, streaming
from tests.benchmarks.figures import BENCHMARKS, COLUMNS, heading, row

MODULES = (starting, running, streaming, lists, storing)
"""Imported for what they register; this is the table's order."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", choices=[[], *BENCHMARKS], help=", ".join(BENCHMARKS))
    names = parser.parse_args().names or list(BENCHMARKS)
    print(heading())
    print(COLUMNS)
    for name in names:
        for figure in BENCHMARKS[name]():
            print(row(figure), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
