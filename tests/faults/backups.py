"""Backups of a store amid the work of its server, each restored and compared with what had been acknowledged."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from attrs import define, field

from meerkat_rpc.store.disk_backup import back_up
from tests.faults.contents import session
from tests.faults.reopening import the_doctor_command_finds_nothing
from tests.faults.sweep import Report, sweep
from tests.rpc.driver import Server, eventually

LANES = 8
"""Sessions that are busy at once."""

SAID = "word " * 60


@sweep(short=2, full=40)
def backups(report: Report, size: int) -> None:
    """Back up a server with eight busy sessions; restored, each turn that was acknowledged before is there, whole."""
    totals = _Totals()
    with tempfile.TemporaryDirectory() as scratch:
        store = Path(scratch, "store")
        with Server("--store", str(store)) as server:
            load = _Load(server)
            thread = threading.Thread(target=load.run)
            thread.start()
            try:
                for number in range(size):
                    with report.case(f"backup {number}"):
                        _back_up_and_restore(Path(scratch), number, load, totals)
            finally:
                load.stopping = True
                thread.join()
    report.figure("turns acknowledged before", f"{totals.acknowledged:,}")
    report.figure("interrupted", str(totals.interrupted))
    report.figure("turns taken meanwhile", str(totals.meanwhile))


@define
class _Totals:
    acknowledged: int = 0
    interrupted: int = 0
    meanwhile: int = 0


@define
class _Load:
    """Keeps a server busy: in each session one turn after the other. ``acknowledged`` has how many were, by session."""

    server: Server
    acknowledged: dict[str, int] = field(factory=dict)
    stopping: bool = False

    def run(self) -> None:
        """Be busy until ``stopping``."""
        script = {"text": SAID, "chunks": 40, "delay_ms": 1}
        sessions = [self.server.session(script) for _ in range(LANES)]
        self.acknowledged.update(dict.fromkeys(sessions, 0))
        asked = {self._ask(session_id): session_id for session_id in sessions}
        while asked and (message := self.server.message()) is not None:
            if "method" in message:
                continue
            session_id = asked.pop(message["id"])
            assert message["result"]["text"] == SAID, message
            self.acknowledged[session_id] += 1
            if not self.stopping:
                asked[self._ask(session_id)] = session_id

    def _ask(self, session_id: str) -> Any:
        return self.server.send("turn/start", session_id=session_id, prompt=f"turn {self.acknowledged[session_id]}")


def _back_up_and_restore(scratch: Path, number: int, load: _Load, totals: _Totals) -> None:
    eventually(lambda: len(load.acknowledged) == LANES and min(load.acknowledged.values()) > number)
    before = load.acknowledged.copy()
    backup, restored = scratch / f"{number}.backup", scratch / f"restored {number}"
    back_up(str(scratch / "store"), str(backup))  # what the command does, without the seconds that it takes to start
    totals.meanwhile += sum(load.acknowledged.values()) - sum(before.values())
    command = [sys.executable, "-m", "meerkat_rpc", "restore", str(backup), "--store", str(restored)]
    subprocess.run(command, check=True, capture_output=True)
    the_doctor_command_finds_nothing(restored)
    with Server("--store", str(restored)) as server:
        for session_id, turns in before.items():
            totals.acknowledged += turns
            totals.interrupted += _check(session(server, session_id), turns)
            assert server.call("turn/start", session_id=session_id, prompt="go on")["text"] == SAID


def _check(found: dict[str, Any], turns: int) -> bool:
    """Check that the session has its first ``turns`` turns whole; return whether its last was interrupted."""
    said = [message["content"] for message in found["messages"] if message["role"] == "assistant"]
    asked = [message["content"] for message in found["messages"] if message["role"] == "user"]
    assert said[:turns] == [SAID] * turns, f"{turns} turns were acknowledged, and {said} is there"
    assert asked == [f"turn {number}" for number in range(len(asked))]
    seqs = [event["seq"] for event in found["events"]]
    assert seqs == list(range(1, len(seqs) + 1))
    view = found["view"]
    assert view["state"] == "idle", view
    interrupted: bool = view["last_turn"]["outcome"] == "interrupted"
    whole = said[:-1] if interrupted and len(said) == len(asked) else said
    assert whole == [SAID] * len(whole), "half a turn"
    return interrupted
