"""Logs folded by processes that are killed amid it, under the eyes of readers."""

from __future__ import annotations

import asyncio
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import orjson
from attrs import define, field

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import AgentConfig, LoggedEvent, SessionChange, SessionHead
from meerkat_rpc.ids import new_id
from tests.faults.folded_logs import Row, check_all_read, check_events, random_log
from tests.faults.reopening import doctor_finds_nothing, kept_on_defect
from tests.faults.sweep import Report, sweep
from tests.rpc.driver import Server
from tests.store.conftest import open_disk
from tests.store.damage import execute

DAY_MS = 86_400_000
SESSIONS = 3
STREAMS = 8
KILLS = 3
"""How often folding is killed in a store before it may end."""

LAST_KILL = 120
"""It is killed at its n-th write at the latest; a store of this size takes about twice as many."""

EVERY_CURSOR = 1500
"""A log of so many events is read from every one of them, a longer one from every 13th."""

Logs = Mapping[str, Sequence[LoggedEvent]]


@sweep(short=1, full=60, needs=["strace"])
def folding(report: Report, size: int) -> None:
    """Fold random logs, killed at random writes, with readers at work: every reading tells what was said, once."""
    random, totals = Random(report.seed), _Totals()
    for number in range(1, size + 1):
        with kept_on_defect(report) as place, report.case(f"seed {report.seed}, store {number} in {place}"):
            _one_store(place / "store", random, totals)
    report.figure("events", f"{totals.events:,}")
    report.figure("kills", str(totals.kills))
    report.figure("pages read meanwhile", f"{totals.pages:,}")
    report.figure("left", f"{totals.left:,}")


@define
class _Totals:
    events: int = 0
    kills: int = 0
    pages: int = 0
    left: int = 0


def _one_store(store: Path, random: Random, totals: _Totals) -> None:
    logs = asyncio.run(_written(store, random))
    totals.events += sum(map(len, logs.values()))
    with _Watcher.on(store, logs, random) as watcher, _reading(store, logs, random, totals):
        totals.kills += _killed_folding(store, random)
        _fold_twice_at_once(store)
        watcher.check()
    rows = _rows(store)
    assert _fold(store).startswith("0 events folded in 0 sessions"), "folding again folded more"
    assert _rows(store) == rows, "folding again changed something"
    doctor_finds_nothing(store)
    _check_folded(store, logs, totals)
    doctor_finds_nothing(store)


async def _written(store: Path, random: Random) -> Logs:
    """Write sessions with random logs into a new store."""
    logs = {}
    async with open_disk(store) as disk:
        for _ in range(SESSIONS):
            log = random_log(random, random.choice((1, 2, 4)), now_ms() - DAY_MS)
            head = SessionHead(new_id(), 1, now_ms() - DAY_MS, now_ms(), AgentConfig(model="echo"))
            await disk.commit(SessionChange(head, events=log))
            logs[head.session_id] = log
    return logs


def _rows(store: Path) -> list[Any]:
    """Return every row but the one that says until when everything was folded."""
    return execute(store, "SELECT key, value FROM Cache WHERE key != 'folded' ORDER BY key")


# -- Folding ---------------------------------------------------------------------------------------------------


def fold_command(store: Path) -> list[str]:
    """Return the command that folds all there is to fold."""
    return [sys.executable, "-m", "meerkat_rpc", "sessions", "fold", "--older-than", "0s", "--store", str(store)]


def _killed_folding(store: Path, random: Random) -> int:
    """Have folding killed at random writes; return how often it was."""
    killed = 0
    for _ in range(KILLS):
        inject = f"inject=pwrite64:signal=KILL:when={random.randrange(1, LAST_KILL)}"
        strace = ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", "trace=pwrite64", "-e", inject]
        done = subprocess.run([*strace, *fold_command(store)], capture_output=True, check=False)
        killed += done.returncode != 0
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        doctor_finds_nothing(store)
    return killed


def _fold_twice_at_once(store: Path) -> None:
    folders = [subprocess.Popen(fold_command(store), stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    for folder in folders:
        _, said = folder.communicate()
        assert (folder.returncode, said) == (0, b""), said.decode()


def _fold(store: Path) -> str:
    return subprocess.run(fold_command(store), capture_output=True, text=True, check=True).stdout


# -- Reading ---------------------------------------------------------------------------------------------------


@define
class _Watcher:
    """A client that opened streams from random places and reads them only when all is folded."""

    server: Server
    logs: Logs
    begun: dict[int | str, tuple[str, int]] = field(factory=dict)

    @classmethod
    @contextmanager
    def on(cls, store: Path, logs: Logs, random: Random) -> Iterator[_Watcher]:
        """Yield one whose streams are being written."""
        with Server("--store", str(store), "--fold-after", "never", reading=False) as server:
            watcher = cls(server, logs)
            for _ in range(STREAMS):
                session_id = random.choice(list(logs))
                cursor = random.randrange(len(logs[session_id]))
                asked = server.send("session/stream_open", session_id=session_id, from_seq=cursor + 1)
                watcher.begun[asked] = session_id, cursor
            watcher._open(orjson.loads(server.read_line()))
            yield watcher

    streams: dict[str, tuple[str, int]] = field(factory=dict)
    rows: dict[str, list[Row]] = field(factory=dict)

    def check(self) -> None:
        """Read every stream to its end, and raise unless each tells all."""
        self.server.read()
        while len(self.streams) < STREAMS or any(map(self._goes_on, self.streams)):
            message = self._next()
            if "result" in message:
                self._open(message)
                continue
            assert message.get("method") == "session/stream_event", message
            self.rows.setdefault(message["params"]["stream_id"], []).append(message["params"])
        for stream_id, (session_id, cursor) in self.streams.items():
            check_all_read(self.rows[stream_id], self.logs[session_id], cursor)

    def _next(self) -> Row:
        try:
            message = self.server.message()
        except queue.Empty:
            reached = {stream: rows[-1]["seq"] for stream, rows in self.rows.items()}
            raise AssertionError(f"nothing more comes, {self.begun} and {self.streams} at {reached}") from None
        assert message is not None, "the server ended"
        return message

    def _open(self, answer: Row) -> None:
        self.streams[answer["result"]["stream_id"]] = self.begun.pop(answer["id"])

    def _goes_on(self, stream_id: str) -> bool:
        rows = self.rows.get(stream_id)
        return not rows or rows[-1]["seq"] < len(self.logs[self.streams[stream_id][0]])


@contextmanager
def _reading(store: Path, logs: Logs, random: Random, totals: _Totals) -> Iterator[None]:
    """Have pages read from random places meanwhile; raise, at the end, what was wrong with one."""
    over, wrong, choose = threading.Event(), list[Exception](), Random(random.random())

    def read() -> None:
        with Server("--store", str(store), "--fold-after", "never") as server:
            while not over.is_set() and not wrong:
                try:
                    _read_page(server, logs, choose)
                except Exception as error:  # noqa: BLE001 - raised where the case is
                    wrong.append(error)
                totals.pages += 1

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if wrong:
        raise wrong[0]


def _read_page(server: Server, logs: Logs, random: Random) -> None:
    session_id = random.choice(list(logs))
    cursor = random.randrange(len(logs[session_id]))
    page = _page(server, session_id, cursor, random.choice((1, 10, 1000)))
    assert page["events"], f"nothing after {cursor}"
    check_events(page["events"], logs[session_id], cursor)


def _page(server: Server, session_id: str, cursor: int, limit: int) -> Any:
    scope = {"type": "session", "session_id": session_id}
    return server.call("events/list_since", scope=scope, cursor=f"{session_id}:{cursor}", limit=limit)


def _check_folded(store: Path, logs: Logs, totals: _Totals) -> None:
    """Read each folded log whole and from every cursor, and go on with the session."""
    with Server("--store", str(store), "--fold-after", "never") as server:
        for session_id, log in logs.items():
            rows = _whole(server, session_id)
            totals.left += len(rows)
            check_all_read(rows, log, 0)
            following = _following(rows)
            cursors = range(0, len(log), 1 if len(log) <= EVERY_CURSOR else 13)
            asked = [server.send("events/list_since", **_asked(session_id, cursor)) for cursor in cursors]
            for cursor, request_id in zip(cursors, asked, strict=True):
                found = server.answer(request_id)["result"]["events"]
                assert found == [following[cursor]], f"after {cursor}: {found}"
            assert server.call("turn/start", session_id=session_id, prompt="still there?")["text"] == "still there?"
            assert _page(server, session_id, len(log), 1)["events"][0]["seq"] == len(log) + 1


def _following(rows: Sequence[Row]) -> list[Row]:
    """Return, for each cursor from 0 on, the row that comes next."""
    starts = [0, *(row["seq"] for row in rows)]
    return [row for row, begin in zip(rows, starts, strict=False) for _ in range(begin, row["seq"])]


def _asked(session_id: str, cursor: int) -> dict[str, Any]:
    return {"scope": {"type": "session", "session_id": session_id}, "cursor": f"{session_id}:{cursor}", "limit": 1}


def _whole(server: Server, session_id: str) -> list[Row]:
    rows: list[Row] = []
    more = True
    while more:
        page = _page(server, session_id, rows[-1]["seq"] if rows else 0, 1000)
        rows += page["events"]
        more = page["has_more"]
    return rows
