"""``meerkat-rpc backup``: copy the whole store into one file, while servers use it."""

from __future__ import annotations

import argparse
import os
import sys
import time

from meerkat_rpc.commands.serve_options import add_store_options
from meerkat_rpc.errors import InvalidArgument, MeerkatError, StoreError

HELP = "copy the store into a file, while servers use it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("target", metavar="FILE", help="the file to write; in a directory, one named for the time")
    parser.add_argument("--force", action="store_true", help="replace the file if there is one")
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    """Write the backup, read it back, and say what is in it; return the exit code."""
    from meerkat_rpc.commands.sessions_view import progress_line
    from meerkat_rpc.config import resolve
    from meerkat_rpc.store.disk_backup import back_up

    try:
        settings = resolve(vars(args), os.environ)
        if settings.store is None or not os.path.isdir(settings.store):
            raise StoreError(f"there is no store at {settings.store}")
        target = _target(args.target, force=args.force)
        report = back_up(settings.store, target, progress_line("pages"))
    except MeerkatError as error:
        print(f"meerkat-rpc: {error.message}", file=sys.stderr)
        return 1
    size = sum(report.files.values())
    print(f"{target}: {report.sessions} sessions, {size / 1e6:.1f} MB, every row checked")
    return 0


def _target(given: str, *, force: bool) -> str:
    if os.path.isdir(given):
        given = os.path.join(given, time.strftime("meerkat-rpc-%Y%m%dT%H%M%SZ.backup", time.gmtime()))
    if os.path.lexists(given) and not force:
        raise InvalidArgument(f"{given} exists; --force replaces it")
    return given
