"""Owners that are killed, or stopped and continued: who goes on with their sessions, and what they may still write."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.faults import contents
from tests.faults.reopening import doctor_finds_nothing, kept_on_defect
from tests.faults.runs import cut
from tests.faults.sweep import Report, sweep
from tests.faults.witness import Message, Script
from tests.rpc.driver import Server, eventually

ELSEWHERE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
"""Runs a server that the others can't see, as in another container: only its lease tells whether it is alive."""

TAKEOVER_S = 10.0
"""Within what the sessions of an owner that is gone take another's turns (the issue's bound)."""

AT_ONCE_S = 4.0
"""Within what a request is answered that waits for nobody, no lease least of all, on a busy machine."""

BUSY, INTERRUPTED, STORE_ERROR = -32002, -32005, -32015

SPEAKS: Script = [{"text": "word ", "repeat": 1_000_000, "delay_ms": 20}]
"""A turn that would append to its log as soon as its process is continued."""

ENDS: Script = [{"text": "so far"}, {"sleep_ms": 5_000}]
"""A turn that would commit its end as soon as its process is continued."""


@sweep(short=1, full=10, needs=["unshare"])
def takeover(report: Report, size: int) -> None:
    """Stop owners here and elsewhere, take over what may be, continue them: they overwrite nothing."""
    waits: list[float] = []
    for number in range(1, size + 1):
        with kept_on_defect(report) as place:
            waits += _round(report, f"round {number} in {place}", place / "store")
    report.figure("taken over within", f"{max(waits, default=0):.1f} s")


def _round(report: Report, name: str, store: Path) -> list[float]:
    """Go through it once; return how long each session was waited for."""
    waits: list[float] = []
    at = ("--store", str(store))
    with (
        Server(*at) as here,
        Server(*at) as neighbour,
        Server(*at, under=ELSEWHERE) as stopped,
        Server(*at, under=ELSEWHERE) as killed,
    ):
        lost = _Owner(killed, signal.SIGKILL, elsewhere=True)
        others = _Owner(stopped, signal.SIGSTOP, elsewhere=True)
        theirs = _Owner(neighbour, signal.SIGSTOP)
        with report.case(f"{name}: a neighbour that is stopped keeps its sessions"):
            _refused(here, theirs)
        with report.case(f"{name}: a killed owner elsewhere is waited for until its lease has run out"):
            waits += _taken_over(here, lost)
        with report.case(f"{name}: and so is a stopped one"):
            waits += _taken_over(here, others)
        _continued(report, name, here, theirs, others)
    with report.case(f"{name}: doctor"):
        doctor_finds_nothing(store)
    return waits


def _continued(report: Report, name: str, here: Server, theirs: _Owner, others: _Owner) -> None:
    with report.case(f"{name}: an owner that comes back after it was taken over changes nothing"):
        before = [contents.session(here, session_id) for session_id in others.turns]
        others.signal(signal.SIGCONT)
        others.check_refused()
        assert [contents.session(here, session_id) for session_id in others.turns] == before
        others.check_goes_on()
    with report.case(f"{name}: a neighbour that is continued ends its turns well"):
        theirs.signal(signal.SIGCONT)
        theirs.check_ended(here)


class _Owner:
    """A server that runs a turn of each kind, and gets a signal amid them."""

    def __init__(self, server: Server, number: signal.Signals, *, elsewhere: bool = False) -> None:
        self.server = server
        self.stopped = 0.0
        self.turns: dict[str, int | str] = {}
        for script in (SPEAKS, ENDS):
            session_id = server.session(*script)
            self.turns[session_id] = server.send("turn/start", session_id=session_id, prompt="go")
            self._until_begun(session_id)
        process = psutil.Process(server.process.pid)
        self._process = process.children()[0] if elsewhere else process
        self.signal(number)

    def _until_begun(self, session_id: str) -> None:
        self.server.until(lambda params: params["session_id"] == session_id and params["event"]["type"] == "text_delta")

    @property
    def pid(self) -> int:
        """The number that its neighbours know it by."""
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, and note the time."""
        self._process.send_signal(number)
        self.stopped = time.monotonic()

    def check_refused(self) -> None:
        """Raise unless its turns failed, and were shown to end as the one who took them over ended them."""
        for session_id, request in self.turns.items():
            error = self.server.answer(request)["error"]
            assert error["code"] == STORE_ERROR, error
            assert error["data"]["text"].startswith(("word", "so far")), error
            events = [event["params"] for event in self.server.events if event["params"]["session_id"] == session_id]
            (run,) = cut(events)
            assert run.was_cut, run.events[-1]

    def check_goes_on(self) -> None:
        """Raise unless it runs turns in these sessions again, behind those of the others."""
        for session_id in self.turns:
            assert _echo(self.server, session_id)["result"]["text"] == "taken over"

    def check_ended(self, reader: Server) -> None:
        """Raise unless its turns ended as if nothing had been: one well, the other as its client wants it."""
        speaking, ending = self.turns
        assert self.server.answer(self.turns[ending])["result"]["text"] == "so far"
        assert self.server.call("turn/interrupt", session_id=speaking)["interrupted"]
        assert self.server.answer(self.turns[speaking])["error"]["code"] == INTERRUPTED
        for session_id in self.turns:
            (run,) = cut(contents.session(reader, session_id)["events"])
            assert not run.was_cut


def _refused(here: Server, owner: _Owner) -> None:
    for session_id in owner.turns:
        asked = time.monotonic()
        error = _echo(here, session_id)["error"]
        assert error["code"] == BUSY, error
        assert error["data"]["owner"]["pid"] == owner.pid, error
        assert time.monotonic() - asked < AT_ONCE_S


def _taken_over(here: Server, owner: _Owner) -> Sequence[float]:
    """Ask for a turn in each session until it is run; return after how long that was."""
    waited: list[float] = []

    def runs(session_id: str) -> bool:
        answer = _echo(here, session_id)
        assert "result" in answer or answer["error"]["code"] == BUSY, answer
        return "result" in answer

    for session_id in owner.turns:
        eventually(lambda session_id=session_id: runs(session_id))  # type: ignore[misc]
        waited.append(time.monotonic() - owner.stopped)
    assert max(waited) < TAKEOVER_S, waited
    return waited


def _echo(server: Server, session_id: str) -> Message:
    return server.answer(server.send("turn/start", session_id=session_id, prompt="taken over", model="echo"))
