"""``meerkat-rpc sessions fold``: fold the deltas of old turns now, rather than when the server gets to it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from meerkat_rpc.commands.serve_options import add_store_options
from meerkat_rpc.config_keys import FOLD_AFTER

if TYPE_CHECKING:
    from meerkat_rpc.config import Settings
    from meerkat_rpc.store.disk import DiskStore

HELP = "keep the text of old turns once, not piece by piece"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add("--older-than", metavar="TIME", default=FOLD_AFTER, help=f"turns that ended so long ago ({FOLD_AFTER})")
    add("--dry-run", action="store_true", help="only say what would come of it")
    add_store_options(parser)


async def fold(args: argparse.Namespace, settings: Settings) -> int:
    """Fold what ``args`` describe and return the exit code. A server may be at work in the store meanwhile.

    Raises:
        InvalidArgument: an option is wrong.
        StoreError: the store refused.
    """
    from meerkat_rpc.clock import now_ms
    from meerkat_rpc.durations import duration_ms
    from meerkat_rpc.store.disk import DiskStore

    before_ms = now_ms() - duration_ms(args.older_than, "--older-than")
    assert settings.store is not None
    store = DiskStore(settings.store)
    await store.open()
    try:
        damaged = await _fold(store, before_ms, dry_run=args.dry_run)
        await store.tidied()
    finally:
        await store.close()
    return int(damaged)


async def _fold(store: DiskStore, before_ms: int, *, dry_run: bool) -> bool:
    """Fold, say what came of it, and return whether a session is damaged."""
    from meerkat_rpc.domain import Folded
    from meerkat_rpc.sessions.folding import fold_old

    sessions = events = saved = 0
    damaged = False
    async for _, done in fold_old(store, before_ms, dry_run=dry_run):
        if isinstance(done, Folded):
            sessions, events, saved = sessions + bool(done.events), events + done.events, saved + done.bytes
        else:
            damaged = True
            print(f"meerkat-rpc: {done.message}", file=sys.stderr)
    print(f"{events} events {'to fold' if dry_run else 'folded'} in {sessions} sessions: {saved} bytes less")
    return damaged
