"""How ``meerkat-rpc sessions`` shows sessions: tables and Markdown on a terminal, plain lines in a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import JSON
from meerkat_rpc.export import summary_json
from meerkat_rpc.sessions.service import SessionSummary

WIDE = 100
"""Columns from which on a table has room for folders and labels."""

_UNITS = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
_AGES = ((86_400 * 365, "y"), (86_400 * 30, "mo"), (86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def print_list(
    sessions: Sequence[SessionSummary], total: int, *, as_json: bool, sizes: Mapping[str, int] | None = None
) -> None:
    """Print a listing: JSON when asked for, a table on a terminal, else tab-separated lines.

    With ``sizes``, the bytes of each session, another column shows them.
    """
    if as_json:
        rows = [summary_json(session) | _size_json(session, sizes) for session in sessions]
        print(json.dumps(rows, ensure_ascii=False, indent=2))
    elif sys.stdout.isatty():
        _print_table(sessions, sizes)
    else:
        for session in sessions:
            print(*_columns(session, sizes), sep="\t")
    if len(sessions) < total and not as_json:
        print(f"{len(sessions)} of {total}; --limit shows more", file=sys.stderr)


def progress_line(unit: str = "sessions") -> Callable[[int, int], None] | None:
    """Return what shows progress on one line of the terminal; None without one."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        print(f"\r{done} of {total} {unit}", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return show


def print_markdown(text: str) -> None:
    """Print Markdown: rendered on a terminal, as it is in a pipe."""
    if not sys.stdout.isatty():
        print(text, end="")
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(printable(text)))


def printable(text: str) -> str:
    """Return ``text`` without the control characters by which it could drive a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def one_line(text: str) -> str:
    """Return ``text`` on one line, printable."""
    return printable(" ".join(text.split()))


def age(then_ms: int, now: int | None = None) -> str:
    """Return how long ago that was, in its largest unit."""
    seconds = max(0, ((now_ms() if now is None else now) - then_ms) // 1000)
    for size, unit in _AGES:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return "now"


def storage(size: int) -> str:
    """Return ``size`` bytes in the largest unit that leaves a digit before the point."""
    for factor, unit in _UNITS:
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"


def agreed() -> bool:
    """Ask whether to delete; without a terminal to ask on the answer is no."""
    if not sys.stdin.isatty():
        print("pass --yes to delete without being asked", file=sys.stderr)
        return False
    print("Delete for good? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _columns(session: SessionSummary, sizes: Mapping[str, int] | None) -> list[str | int]:
    updated = datetime.fromtimestamp(session.updated_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    size = [] if sizes is None else [sizes[session.session_id]]
    return [session.session_id, updated, _state(session), session.message_count, *size, one_line(session.title)]


def _size_json(session: SessionSummary, sizes: Mapping[str, int] | None) -> dict[str, JSON]:
    return {} if sizes is None else {"size_bytes": sizes[session.session_id]}


def _state(session: SessionSummary) -> str:
    return "archived" if session.archived else session.state


def _print_table(sessions: Sequence[SessionSummary], sizes: Mapping[str, int] | None) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    table.add_column("Session", no_wrap=True, min_width=36)
    table.add_column("Title", no_wrap=True, overflow="ellipsis", ratio=2)
    table.add_column("Age", justify="right", no_wrap=True)
    table.add_column("Msgs", justify="right", no_wrap=True)
    if sizes is not None:
        table.add_column("Size", justify="right", no_wrap=True)
    wide = console.width >= WIDE
    if wide:
        table.add_column("Folder", no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column("Labels", no_wrap=True, overflow="ellipsis", ratio=1)
    for session in sessions:
        style = {"running": "green", "archived": "dim"}.get(_state(session), "")
        cells = [session.session_id, session.title, age(session.updated_ms), str(session.message_count)]
        if sizes is not None:
            cells.append(storage(sizes[session.session_id]))
        if wide:
            labels = " ".join(f"{name}={value}" for name, value in session.labels.items())
            cells += [session.cwd or "", labels]
        table.add_row(*(Text(one_line(cell)) for cell in cells), style=style)
    console.print(table)
