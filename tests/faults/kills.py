"""A server that is killed amid its work, again and again, and what the next one finds in its store."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random
from threading import Timer

from attrs import define, field

from tests.faults.reopening import doctor_finds_nothing, kept_on_defect, reopened, the_doctor_command_finds_nothing
from tests.faults.sweep import Report, sweep
from tests.faults.verification import Verification
from tests.faults.witness import Witness
from tests.faults.workload import Busy, Client
from tests.rpc.driver import Server

KILLS_A_STORE = 25
"""A store lives through so many, and so grows; then comes a new one."""

LONGEST_S = 0.6
"""Killed after this long at most: by then each session has had several turns."""

MOST_MESSAGES = 3000
"""Or after the client has read so many."""

REOPENING_S = 0.5
"""A server that is killed while it opens the store is killed within this time from its start."""


@sweep(short=5, full=500)
def kills(report: Report, size: int) -> None:
    """Kill a server with eight busy sessions at a random moment, and compare what the next one tells."""
    random = Random(report.seed)
    totals = _Totals()
    while report.cases < size:
        with kept_on_defect(report) as place:
            _one_store(report, random, place / "store", min(KILLS_A_STORE, size - report.cases), totals)
    totals.tell(report)


@define
class _Totals:
    """What all stores of a sweep come to."""

    stores: list[Verification] = field(factory=list)
    reopenings: list[float] = field(factory=list)
    killed_reopening: int = 0

    def tell(self, report: Report) -> None:
        """Put the figures into the report."""
        found = [verification.found for verification in self.stores]
        report.figure("turns acknowledged", f"{sum(each.acknowledged for each in found):,}")
        report.figure("interrupted", f"{sum(each.interrupted for each in found):,}")
        report.figure("committed but unanswered", str(sum(each.retried_committed for each in found)))
        report.figure("killed again while reopening", str(self.killed_reopening))
        report.figure("slowest reopen", f"{max(self.reopenings, default=0) * 1000:.0f} ms")


def _one_store(report: Report, random: Random, store: Path, kills: int, totals: _Totals) -> None:
    """Kill server after server on one store."""
    verification = Verification(Witness(), random)
    totals.stores.append(verification)
    for number in range(1, kills + 1):
        before = len(report.defects)
        with report.case(f"seed {report.seed}, kill {number} of {store}"):
            _kill_amid_work(store, verification.witness, random)
            doctor_finds_nothing(store)
            if random.random() < 0.2:
                totals.killed_reopening += 1
                _kill_while_reopening(store, random)
            with reopened(store) as (server, seconds):
                totals.reopenings.append(seconds)
                verification.verify(server)
                if number == kills:
                    verification.verify_all(server)
            if number == kills:
                the_doctor_command_finds_nothing(store)
        if len(report.defects) > before:
            return  # what comes after would be about the same


def _kill_amid_work(store: Path, witness: Witness, random: Random) -> None:
    """Kill a busy server after some time, or after some messages."""
    with Server("--store", str(store)) as server:
        busy = Busy(Client(server, witness), random)
        if random.random() < 0.5:
            last = random.randrange(1, MOST_MESSAGES)
            busy.run(lambda count: server.process.kill() if count == last else None)
        else:
            server.call("initialize")  # else half of them would die before they began
            timer = Timer(random.uniform(0, LONGEST_S), server.process.kill)
            timer.start()
            busy.run()
            timer.join()


def _kill_while_reopening(store: Path, random: Random) -> None:
    with Server("--store", str(store)) as server:
        server.send("session/list")
        time.sleep(random.uniform(0, REOPENING_S))
