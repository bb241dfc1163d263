"""``meerkat-rpc sessions prune``: delete what nobody has used for long."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from meerkat_rpc.commands.serve_options import add_store_options

if TYPE_CHECKING:
    from meerkat_rpc.sessions.persistent import PersistentSessionService
    from meerkat_rpc.sessions.service import SessionSummary

HELP = "delete the sessions that nobody has used for a time"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add("--older-than", metavar="TIME", required=True, help="not used for so long: 90s, 30min, 12h, 30d, 2w")
    add("--archived", action="store_true", help="only archived ones")
    add("--label", metavar="K=V", action="append", default=[], help="only with this label; repeatable")
    add("--cwd", metavar="DIR", type=os.path.abspath, help="only of this folder")
    add("--dry-run", action="store_true", help="only show what would be deleted")
    add("--yes", action="store_true", help="don't ask")
    add_store_options(parser)


async def prune(service: PersistentSessionService, args: argparse.Namespace) -> int:
    """Delete the sessions that ``args`` describe and return the exit code.

    A session that is used meanwhile, or in which a turn is running, stays. An interruption leaves whole sessions.

    Raises:
        InvalidArgument: an option is wrong.
        StoreError: the store refused.
    """
    from meerkat_rpc.clock import now_ms
    from meerkat_rpc.commands.sessions_view import agreed, print_list, storage
    from meerkat_rpc.durations import duration_ms

    before_ms = now_ms() - duration_ms(args.older_than, "--older-than")
    sessions = await _unused(service, args, before_ms)
    sizes = await service.sizes([session.session_id for session in sessions])
    what = f"{len(sessions)} sessions, {storage(sum(sizes.values()))}"
    if args.dry_run:
        print_list(sessions, len(sessions), as_json=False, sizes=sizes)
        print(f"{what}: nothing was deleted", file=sys.stderr)
        return 0
    if sessions and not args.yes:
        print(f"{what}, not used for {args.older_than}", file=sys.stderr)
        if not await asyncio.to_thread(agreed):
            print("nothing was deleted", file=sys.stderr)
            return 1
    return await _delete(service, [session.session_id for session in sessions], before_ms, sizes)


async def _unused(
    service: PersistentSessionService, args: argparse.Namespace, before_ms: int
) -> Sequence[SessionSummary]:
    """Return the sessions that ``args`` describe, running ones apart, the oldest first."""
    from meerkat_rpc.commands.stored import labels, list_sessions
    from meerkat_rpc.sessions.service import ListQuery

    found = []
    for archived in (True,) if args.archived else (False, True):
        query = ListQuery(limit=sys.maxsize, labels=labels(args.label), cwd=args.cwd, archived=archived)
        found += (await list_sessions(service, query))[0]
    unused = [session for session in found if session.updated_ms < before_ms and not session.is_active]
    return sorted(unused, key=lambda session: session.updated_ms)


async def _delete(
    service: PersistentSessionService, session_ids: Sequence[str], before_ms: int, sizes: Mapping[str, int]
) -> int:
    from meerkat_rpc.commands.sessions_view import progress_line, storage
    from meerkat_rpc.errors import StoreCorrupt

    progress, deleted, damaged = progress_line(), [], 0
    for done, session_id in enumerate(session_ids, 1):
        try:
            if await service.prune(session_id, before_ms):
                deleted.append(session_id)
        except StoreCorrupt as error:  # its age can't be trusted: `delete` removes it
            print(f"meerkat-rpc: {error.message}", file=sys.stderr)
            damaged += 1
        if progress:
            progress(done, len(session_ids))
    await service.tidied()
    print(f"{len(deleted)} sessions deleted, {storage(sum(sizes[known] for known in deleted))}")
    if left := len(session_ids) - len(deleted) - damaged:
        print(f"{left} were used meanwhile, and stay", file=sys.stderr)
    return int(damaged > 0)
