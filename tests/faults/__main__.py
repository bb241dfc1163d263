"""``python -m tests.faults [NAME…]``: inject the faults that are named, or all of them, and print what came of it."""

from __future__ import annotations

import argparse
import sys

from tests.faults.every import SWEEPS
from tests.faults.sweep import Report, Sweep

COLUMNS = f"{'sweep':<18} {'cases':>9} {'defects':>8} {'seconds':>8}  figures"


def main() -> int:
    """Print the table; return 1 when anything was found, or could not be looked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", choices=[[], *SWEEPS], help=", ".join(SWEEPS))
    parser.add_argument("--short", action="store_true", help="as many cases as `make test` runs")
    parser.add_argument("--size", type=int, metavar="N", help="this many instead")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the random choices (1)")
    parser.add_argument("--list", action="store_true", help="only say which there are")
    args = parser.parse_args()
    chosen = [SWEEPS[name] for name in args.names or SWEEPS]
    if args.list:
        for each in chosen:
            print(f"{each.name:<18} {each.short:>7} {each.full:>9}  {each.what}")
        return 0
    print(COLUMNS, flush=True)
    sizes = {each.name: args.size or (each.short if args.short else each.full) for each in chosen}
    return max([_run(each, Report(args.seed), sizes[each.name]) for each in chosen])


def _run(sweep: Sweep, report: Report, size: int) -> int:
    if missing := sweep.missing():
        print(f"{sweep.name:<18} could not run: {', '.join(missing)} not found", flush=True)
        return 1
    print(f"{sweep.name}: {sweep.what}", file=sys.stderr, flush=True)
    sweep.run(report, size)
    figures = " · ".join(report.figures)
    print(f"{sweep.name:<18} {report.cases:>9,} {len(report.defects):>8} {report.seconds:>8.0f}  {figures}", flush=True)
    return int(bool(report.defects) or report.cases == 0)


if __name__ == "__main__":
    sys.exit(main())
