"""Another process holds the database, for far longer than its transactions ever take."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.faults.injected import new_place
from tests.faults.lone_client import ANSWER_S, LoneClient
from tests.faults.sweep import Report, sweep
from tests.rpc.driver import Server

SESSIONS = 8

AT_ONCE_S = 2.0
"""What an answer may take that doesn't write: the machine may be busy."""


@sweep(short=5, full=30)
def locked_database(report: Report, size: int) -> None:
    """A database locked for so many seconds: errors in time, figures and interrupts at once, and then the next turn."""
    with new_place() as place, Server("--store", str(place / "store")) as server:
        clients = [LoneClient(server) for _ in range(SESSIONS)]
        for client in clients:
            assert client.create()
            assert client.turn({"text": "before"})
        running = [server.hang("half") for _ in range(2)]
        waits = []
        with _locked(place / "store"):
            end = time.monotonic() + size
            with report.case("interrupted while locked"):
                waits.append(_interrupt(server, running))
            while time.monotonic() < end:
                with report.case("turns while locked"):
                    waits += _all_at_once(server, clients)
        with report.case("unlocked again"):
            for client in clients:
                client.go_on()
            for session_id, _ in running:
                assert server.call("session/read", session_id=session_id)["state"] == "idle"
        clients[0].end()
        with report.case("held"):
            for client in clients:
                client.hold(place / "store")
        report.figure("longest answer", f"{max(waits, default=0):.1f} s")
        report.figure("answers", str(len(waits)))


@contextmanager
def _locked(store: Path) -> Iterator[None]:
    with closing(sqlite3.connect(store / "cache.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def _interrupt(server: Server, running: list[tuple[str, str]]) -> float:
    """Interrupt turns, whose end can't be committed; return how long it took."""
    begun = time.monotonic()
    sent = [server.send("turn/interrupt", session_id=session_id, turn_id=turn_id) for session_id, turn_id in running]
    _ask_what_needs_no_turn(server)
    for request_id in sent:
        error = server.answer(request_id)["error"]
        assert error["data"]["code"] == "STORE_ERROR", error
        assert error["data"]["text"] == "half", error
    return _in_time(begun, ANSWER_S)


def _all_at_once(server: Server, clients: list[LoneClient]) -> list[float]:
    """Ask for turns in all sessions; return how long each answer took."""
    begun = time.monotonic()
    turns = [server.send("turn/start", session_id=client.session.session_id, prompt="go") for client in clients]
    _ask_what_needs_no_turn(server)
    waits = []
    for request_id in turns:
        error: dict[str, Any] = server.answer(request_id)["error"]
        assert error["data"]["code"] == "STORE_ERROR", error
        waits.append(_in_time(begun, ANSWER_S))
    return waits


def _ask_what_needs_no_turn(server: Server) -> None:
    begun = time.monotonic()
    server.call("capabilities/get")
    server.call("runtime/health")
    _in_time(begun, AT_ONCE_S)


def _in_time(begun: float, limit: float) -> float:
    seconds = time.monotonic() - begun
    assert seconds < limit, f"{seconds:.1f} s"
    return seconds
