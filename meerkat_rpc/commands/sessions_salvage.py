"""``meerkat-rpc sessions salvage``: export what can be read of a damaged store, and say what can't."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from meerkat_rpc.commands.serve_options import add_store_options
from meerkat_rpc.errors import InvalidArgument

if TYPE_CHECKING:
    from meerkat_rpc.config import Settings
    from meerkat_rpc.store.disk_salvage import Salvaged, Wreck

HELP = "export what can be read of a damaged store"

REPORT = "salvage.json"
"""The file that says what was found, and what is missing."""

BLOBS = "blobs"
"""The directory with what was attached to messages, each named by the digest that the histories have."""

SUFFIXES = {"jsonl": "jsonl", "json": "json", "markdown": "md"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--output", metavar="DIR", required=True, help="the directory to write; it must not exist")
    parser.add_argument("--format", choices=list(SUFFIXES), default="markdown", help="of the histories")
    add_store_options(parser)


def salvage(args: argparse.Namespace, settings: Settings) -> int:
    """Write what each session said and was given, and the report; return 1 when anything is missing, else 0."""
    from meerkat_rpc.commands.sessions_view import progress_line
    from meerkat_rpc.store.disk_salvage import open_wreck

    assert settings.store is not None
    show = progress_line() or (lambda _done, _total: None)
    with open_wreck(settings.store) as wreck:
        _make(args.output)
        lines = []
        for done, session_id in enumerate(wreck.sessions, 1):
            salvaged = wreck.salvage(session_id)
            _write_session(args.output, salvaged, args.format)
            _write_blobs(args.output, wreck, salvaged)
            lines.append(_line(salvaged))
            show(done, len(wreck.sessions))
        report = {"store": os.path.abspath(settings.store), "problems": wreck.problems, "sessions": lines}
    text = json.dumps(report, ensure_ascii=False, indent=2) + "\n"
    _write(os.path.join(args.output, REPORT), [text.encode("utf-8", "replace")])
    _print(wreck.problems, lines)
    return int(bool(wreck.problems) or any(line["state"] != "whole" for line in lines))


def _make(directory: str) -> None:
    try:
        os.mkdir(directory, 0o700)
    except OSError as error:
        raise InvalidArgument(f"--output {directory}: {error.strerror}") from error


def _write_session(directory: str, salvaged: Salvaged, format: str) -> None:
    from meerkat_rpc.export import render
    from meerkat_rpc.sessions.listing import summary_of_head
    from meerkat_rpc.sessions.service import SessionView
    from meerkat_rpc.store.projection import event_line

    if salvaged.state == "lost":
        return
    view = SessionView(summary_of_head(salvaged.head), salvaged.head, None)
    path = os.path.join(directory, os.path.basename(salvaged.session_id))  # whatever an id in a damaged row says
    _write(f"{path}.{SUFFIXES[format]}", [render(view, salvaged.messages, format).encode("utf-8", "replace")])
    _write(f"{path}.events.jsonl", map(event_line, salvaged.events))


def _write_blobs(directory: str, wreck: Wreck, salvaged: Salvaged) -> None:
    """Write what was attached to the session's messages, under its digest, unless another session had it too."""
    folder = os.path.join(directory, BLOBS)
    if salvaged.blobs and not os.path.isdir(folder):
        _make(folder)
    for digest in salvaged.blobs:
        if not os.path.exists(path := os.path.join(folder, digest)):
            _write(path, wreck.blob(digest))


def _write(path: str, parts: Iterable[bytes]) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.writelines(parts)
    except OSError as error:
        raise InvalidArgument(f"{path}: {error.strerror}") from error


def _line(salvaged: Salvaged) -> dict[str, Any]:
    from meerkat_rpc.domain import title_of

    return {
        "session_id": salvaged.session_id,
        "title": title_of(salvaged.head.title, salvaged.head.first_prompt),
        "state": salvaged.state,
        "messages": len(salvaged.messages),
        "events": len(salvaged.events),
        "blobs": len(salvaged.blobs),
        "missing": list(salvaged.missing),
    }


def _print(problems: Iterable[str], lines: Iterable[dict[str, Any]]) -> None:
    from meerkat_rpc.commands.sessions_view import one_line

    for line in lines:
        print(line["session_id"], line["state"], line["messages"], line["events"], one_line(line["title"]), sep="\t")
        for sentence in line["missing"]:
            print(f"  {one_line(sentence)}", file=sys.stderr)
    for problem in problems:
        print(f"meerkat-rpc: {one_line(problem)}", file=sys.stderr)
