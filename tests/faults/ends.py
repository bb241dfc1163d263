"""Every way a server ends, idle and amid turns: how fast, with which exit code, and what it leaves."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from random import Random

import orjson
import psutil
from attrs import define, frozen

from meerkat_rpc.store.disk import DiskStore
from tests.faults.reopening import doctor_finds_nothing, kept_on_defect
from tests.faults.sweep import Report, sweep
from tests.faults.verification import Verification
from tests.faults.witness import Message, Script, Turn, Witness
from tests.faults.workload import Client, ignore
from tests.rpc.driver import Server

SOON_S = 5.0
"""What any end may take."""

WATCH_S = 10.0
"""What it may take when nothing but the parent's death is there to be noticed."""

FINISHING_S = 0.7
"""How long turns go on that are let finish."""

LONG_S = 600
"""How long the others would."""


@define
class _Served:
    """A server, and the process that it takes for its parent."""

    server: Server
    parent: subprocess.Popen[bytes]

    def close_output(self) -> None:
        """Stop reading, for good."""
        assert self.server.process.stdout is not None
        self.server.process.stdout.close()

    def vanish(self) -> None:
        """End as a parent does that crashes and shares its pipes with nobody."""
        self.server.end_input()
        self.close_output()

    def signal_while_draining(self) -> None:
        """End the input, and then be in a hurry."""
        last = self.server.send("runtime/health")
        self.server.end_input()
        self.server.answer(last)
        self.server.signal(signal.SIGTERM)


@frozen
class End:
    """One way to end a server. ``finishes``: turns that run may go on to their own end."""

    name: str
    act: Callable[[_Served], None]
    finishes: bool = False
    listens: bool = True
    within_s: float = SOON_S
    options: tuple[str, ...] = ()


ENDS = (
    End("end of input", lambda it: it.server.end_input(), finishes=True),
    End("SIGTERM", lambda it: it.server.signal(signal.SIGTERM)),
    End("SIGINT", lambda it: it.server.signal(signal.SIGINT)),
    End("SIGHUP", lambda it: it.server.signal(signal.SIGHUP)),
    End("output closed", _Served.close_output, listens=False),
    End("parent killed, pipes held", lambda it: it.parent.kill(), within_s=WATCH_S),
)
"""Those of a server that may be idle."""

ENDS_OF_TURNS = (
    *ENDS,
    End("end of input, short of time", lambda it: it.server.end_input(), options=("--drain-timeout", "0.1")),
    End("end of input, then SIGTERM", _Served.signal_while_draining),
    End("parent gone with its pipes", _Served.vanish, listens=False),
)
"""Those of a server with turns running: all of them."""


AT_ONCE = 3
"""Servers that are ended at the same time: most of an end is waiting."""


@sweep(short=1, full=20)
def ends(report: Report, size: int) -> None:
    """End a server in every way, idle and amid turns: in time, with code 0, all saved, no process left."""
    idle = [(end, _turns(0)) for end in ENDS]
    amid_turns = [(end, _turns(FINISHING_S if end.finishes else LONG_S)) for end in ENDS_OF_TURNS]
    slowest = {SOON_S: 0.0, WATCH_S: 0.0}

    def run(case: tuple[int, tuple[End, list[Script]]]) -> None:
        number, (end, scripts) = case
        name = f"{end.name}, {'amid turns' if scripts else 'idle'}, time {number + 1}"
        with kept_on_defect(report) as place, report.case(name):
            seconds = _end(end, scripts, place / "store", Random(report.seed))
            slowest[end.within_s] = max(slowest[end.within_s], seconds)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(run, product(range(size), [*idle, *amid_turns])))
    report.figure("slowest", f"{slowest[SOON_S]:.2f} s")
    report.figure("slowest of the parent watch", f"{slowest[WATCH_S]:.2f} s")


def _turns(seconds: float) -> list[Script]:
    """Return what turns play that last so long: a quiet one and one that streams; none for no time at all."""
    if not seconds:
        return []
    quiet: Script = [{"text": "so far "}, {"sleep_ms": round(seconds * 1000)}]
    return [quiet, [{"text": "word ", "repeat": round(seconds * 200), "delay_ms": 5}]]


def _end(end: End, scripts: list[Script], store: Path, random: Random) -> float:
    """End a server; return how long that took."""
    witness = Witness()
    parent = subprocess.Popen(["sleep", "600"])
    options = ("--store", str(store), *end.options)
    try:
        with Server(*options, reading=False, start_new_session=True) as server:
            client = Client(server, witness)
            turns = _begin(client, parent.pid, scripts)
            seconds = _act(end, client, parent)
    finally:
        parent.kill()
        parent.wait()
    _check_what_is_left(store, Verification(witness, random), turns, "completed" if end.finishes else "interrupted")
    return seconds


def _act(end: End, client: Client, parent: subprocess.Popen[bytes]) -> float:
    """End the server; return how long that took."""
    server = client.server
    if end.listens:
        server.read()
    begun = time.monotonic()
    end.act(_Served(server, parent))
    code = server.wait(end.within_s)
    seconds = time.monotonic() - begun
    assert code == 0, f"exit code {code}"
    assert _left_of(server.process.pid) == []
    if end.listens:
        client.hear_the_rest()
    return seconds


def _begin(client: Client, parent: int, scripts: list[Script]) -> list[Turn]:
    """Have one turn behind it and one running for each script, which has spoken; return those that run."""
    before = Turn(str(uuid.uuid4()), "before", [{"text": "done"}], creates=True)
    running = [Turn(str(uuid.uuid4()), "go", script, creates=True) for script in scripts]
    client.ask("initialize", ignore, process_id=parent)
    for turn in [before, *running]:
        client.turn(turn, ignore)
    speaking: set[str] = set()
    while before.answer is None or len(speaking) <= len(running):
        event = client.hear(orjson.loads(client.server.read_line()))
        if event is not None and event["event"]["type"] == "text_delta":
            speaking.add(event["turn_id"])
    return running


def _left_of(session: int) -> list[int]:
    """Return the processes of the session (of Unix) that the server led."""
    return [pid for pid in psutil.pids() if psutil.pid_exists(pid) and _session_of(pid) == session]


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _check_what_is_left(store: Path, verification: Verification, turns: list[Turn], outcome: str) -> None:
    assert asyncio.run(_running(store)) == [], "the server left its turns for the next one to end"
    doctor_finds_nothing(store)
    with Server("--store", str(store)) as server:
        verification.verify(server)
        for turn in turns:
            last: Message = server.call("session/read", session_id=turn.session_id)["last_turn"]
            assert (last["turn_id"], last["outcome"]) == (turn.turn_id, outcome)


async def _running(store: Path) -> list[str]:
    """Return the sessions in which a turn is running, says the store."""
    opened = DiskStore(store)
    await opened.open()
    try:
        return list(await opened.running())
    finally:
        await opened.close()
