"""``meerkat-rpc restore``: make a store out of a backup."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING

from meerkat_rpc.commands.serve_options import add_store_options
from meerkat_rpc.errors import MeerkatError, StoreError

if TYPE_CHECKING:
    from meerkat_rpc.store.disk_check import StoreReport

HELP = "make a store out of a backup"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("backup", metavar="FILE", help="what `meerkat-rpc backup` wrote")
    parser.add_argument("--force", action="store_true", help="put aside the store that is there")
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    """Restore the backup and say where everything is; return the exit code."""
    from meerkat_rpc.config import resolve

    try:
        settings = resolve(vars(args), os.environ)
        if settings.store is None:
            raise StoreError("no store is named")
        report, aside = _restore(args.backup, os.path.abspath(settings.store), force=args.force)
    except MeerkatError as error:
        print(f"meerkat-rpc: {error.message}", file=sys.stderr)
        return 1
    print(f"{settings.store}: {report.sessions} sessions")
    if aside is not None:
        print(f"the store that was there is now {aside}")
    return 0


def _restore(backup: str, store: str, *, force: bool) -> tuple[StoreReport, str | None]:
    """Make the store beside its place, and only then move it there; return what is in it, and where the old one is."""
    from meerkat_rpc.store.disk_backup import unpack
    from meerkat_rpc.store.disk_folder import StoreFolder, explained, sync_directory

    new = f"{store}.{os.getpid()}.new"
    _refuse_occupied(store, force=force)
    try:
        report = unpack(backup, new)
        asyncio.run(_end_turns(new))
        with explained(store), StoreFolder(store).kept_from_others():
            aside = _put_aside(store)
            os.rename(new, store)
            sync_directory(os.path.dirname(store))
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return report, aside


def _refuse_occupied(store: str, *, force: bool) -> None:
    from meerkat_rpc.store.disk_folder import StoreFolder

    if not os.path.lexists(store):
        return
    folder = StoreFolder(store)
    folder.examine()
    with folder.kept_from_others():
        if os.listdir(store) and not force:
            raise StoreError(f"There is a store in {store}; --force puts it aside, under a name with the time.")


def _put_aside(store: str) -> str | None:
    """Make room where the store goes; return where what was there is now, None if it was nothing."""
    if not os.path.lexists(store):
        return None
    if not os.listdir(store):
        os.rmdir(store)
        return None
    aside = f"{store}.replaced-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    os.rename(store, aside)
    return aside


async def _end_turns(path: str) -> None:
    """End the turns that ran when the backup was taken: their process knows nothing of this copy."""
    from meerkat_rpc.sessions.recovery import recover
    from meerkat_rpc.store.disk import DiskStore

    store = DiskStore(path)
    await store.open()
    try:
        for session_id in await store.running():
            if (head := await store.head(session_id)) is not None:
                await recover(store, head)
    finally:
        await store.close()
