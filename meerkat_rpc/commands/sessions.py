"""``meerkat-rpc sessions``: look at stored sessions and put them in order, without a server."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from meerkat_rpc.commands import sessions_fold, sessions_prune, sessions_salvage
from meerkat_rpc.commands.serve_options import add_store_options
from meerkat_rpc.errors import InvalidArgument, MeerkatError, SessionNotFound

if TYPE_CHECKING:
    from meerkat_rpc.config import Settings
    from meerkat_rpc.sessions.persistent import PersistentSessionService
    from meerkat_rpc.sessions.service import SessionService, SessionSummary

HELP = "list, show, export, archive, delete, prune, fold or project stored sessions"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_list(commands.add_parser("list", help="list sessions, newest first"))
    show = commands.add_parser("show", help="print a conversation")
    _add_ids(show, several=False)
    export = commands.add_parser("export", help="write a session as JSON, Markdown or JSON lines")
    _add_ids(export, several=False)
    export.add_argument("--format", choices=["json", "markdown", "jsonl"], default="markdown")
    export.add_argument("-o", "--output", metavar="FILE", help="file to write; standard output without it")
    for name, text in (("archive", "put sessions away"), ("unarchive", "take archived sessions back")):
        _add_ids(commands.add_parser(name, help=text), several=True)
    sessions_prune.add_arguments(commands.add_parser("prune", help=sessions_prune.HELP))
    delete = commands.add_parser("delete", help="remove every trace of sessions")
    _add_ids(delete, several=True)
    delete.add_argument("--yes", action="store_true", help="don't ask")
    sessions_fold.add_arguments(commands.add_parser("fold", help=sessions_fold.HELP))
    sessions_salvage.add_arguments(commands.add_parser("salvage", help=sessions_salvage.HELP))
    project = commands.add_parser("project", help="write session.json, events.jsonl and summary.txt for each session")
    project.add_argument("directory", metavar="DIR")
    project.add_argument("--rebuild", action="store_true", help="write everything anew, not only what changed")
    add_store_options(project)


def _add_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--label", metavar="K=V", action="append", default=[], help="only with this label; repeatable")
    parser.add_argument("--cwd", metavar="DIR", type=os.path.abspath, help="only of this folder")
    parser.add_argument("--query", metavar="TEXT", help="only with this text in the title or the first prompt")
    parser.add_argument("--archived", action="store_true", help="the archived ones instead")
    parser.add_argument("--limit", metavar="N", type=int, default=100, help="rows at most (100)")
    parser.add_argument("--size", action="store_true", help="how many bytes each takes, too")
    parser.add_argument("--sort", choices=["updated", "size"], default="updated", help="what comes first (the newest)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_store_options(parser)


def _add_ids(parser: argparse.ArgumentParser, *, several: bool) -> None:
    text = "the session's id, or as much of its beginning as no other has"
    parser.add_argument("ids", metavar="ID", nargs="+" if several else 1, help=text)
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand and return the exit code."""
    from meerkat_rpc.config import resolve

    try:
        settings = resolve(vars(args), os.environ)
        if settings.store is None or not os.path.isdir(settings.store):
            raise SessionNotFound(f"there is no store at {settings.store}")
        return asyncio.run(_run(args, settings))
    except MeerkatError as error:
        print(f"meerkat-rpc: {error.message}", file=sys.stderr)
        return 1


async def _run(args: argparse.Namespace, settings: Settings) -> int:
    if args.action == "project":
        return await _project(args, settings)
    if args.action == "fold":
        return await sessions_fold.fold(args, settings)
    if args.action == "salvage":
        return await asyncio.to_thread(sessions_salvage.salvage, args, settings)
    from meerkat_rpc.composition import open_service

    service = open_service(settings)
    await service.open()
    try:
        return await _ACTIONS[args.action](service, args)
    finally:
        await service.close()


# -- What each does ------------------------------------------------------------------------------------------------


async def _list(service: PersistentSessionService, args: argparse.Namespace) -> int:
    from meerkat_rpc.commands.sessions_view import print_list
    from meerkat_rpc.commands.stored import labels, list_sessions
    from meerkat_rpc.sessions.service import ListQuery

    query = ListQuery(
        limit=sys.maxsize if args.sort == "size" else args.limit,
        labels=labels(args.label),
        cwd=args.cwd,
        archived=args.archived,
        query=args.query,
    )
    sessions, total = await list_sessions(service, query)
    sizes = None
    if args.size or args.sort == "size":
        sizes = await service.sizes([session.session_id for session in sessions])
        if args.sort == "size":
            sessions = sorted(sessions, key=lambda session: -sizes[session.session_id])[: args.limit]
    print_list(sessions, total, as_json=args.json, sizes=sizes)
    return 0


async def _show(service: SessionService, args: argparse.Namespace) -> int:
    from meerkat_rpc.commands.sessions_view import print_markdown
    from meerkat_rpc.commands.stored import find_session
    from meerkat_rpc.export import export_session

    print_markdown(await export_session(service, await find_session(service, args.ids[0]), "markdown"))
    return 0


async def _export(service: SessionService, args: argparse.Namespace) -> int:
    from meerkat_rpc.commands.stored import find_session
    from meerkat_rpc.export import export_session

    text = await export_session(service, await find_session(service, args.ids[0]), args.format)
    if args.output is None:
        sys.stdout.buffer.write(text.encode())
    else:
        await asyncio.to_thread(_write, args.output, text)
    return 0


async def _archive(service: SessionService, args: argparse.Namespace) -> int:
    from meerkat_rpc.commands.stored import find_session

    for given in args.ids:
        await service.archive(await find_session(service, given))
    return 0


async def _unarchive(service: SessionService, args: argparse.Namespace) -> int:
    from meerkat_rpc.commands.stored import find_session

    for given in args.ids:
        await service.unarchive(await find_session(service, given))
    return 0


async def _delete(service: PersistentSessionService, args: argparse.Namespace) -> int:
    from meerkat_rpc.commands.stored import find_session

    views = [await service.read(await find_session(service, given)) for given in args.ids]
    if not args.yes and not await asyncio.to_thread(_confirmed, [view.summary for view in views]):
        print("nothing was deleted", file=sys.stderr)
        return 1
    for view in views:
        await service.delete(view.summary.session_id)
    await service.tidied()
    return 0


_ACTIONS: dict[str, Callable[[PersistentSessionService, argparse.Namespace], Awaitable[int]]] = {
    "list": _list,
    "show": _show,
    "export": _export,
    "archive": _archive,
    "unarchive": _unarchive,
    "delete": _delete,
    "prune": sessions_prune.prune,
}


async def _project(args: argparse.Namespace, settings: Settings) -> int:
    from meerkat_rpc.commands.sessions_view import progress_line
    from meerkat_rpc.store.disk import DiskStore
    from meerkat_rpc.store.projector import SessionProjector

    assert settings.store is not None
    store = DiskStore(settings.store)
    await store.open()
    try:
        done = await SessionProjector(store, args.directory, progress_line()).run(rebuild=args.rebuild)
    finally:
        await store.close()
    print(f"{done.written} written, {done.unchanged} unchanged, {done.removed} removed")
    for problem in done.problems:
        print(f"meerkat-rpc: {problem}", file=sys.stderr)
    return int(bool(done.problems))


def _confirmed(sessions: Sequence[SessionSummary]) -> bool:
    """Ask; without a terminal to ask on the answer is no."""
    from meerkat_rpc.commands.sessions_view import agreed, one_line

    for session in sessions:
        print(f"{session.session_id}  {one_line(session.title)} ({session.message_count} messages)", file=sys.stderr)
    return agreed()


def _write(path: str, text: str) -> None:
    try:
        with open(path, "wb") as file:
            file.write(text.encode())
    except OSError as error:
        raise InvalidArgument(f"--output {path}: {error.strerror}") from error
