"""A server that is killed at a system call that changes or syncs its store: at the first, the second, and so on."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from random import Random

from attrs import frozen

from tests.faults.reopening import doctor_finds_nothing, kept_on_defect, reopened
from tests.faults.sweep import Report, sweep
from tests.faults.verification import Found, Verification
from tests.faults.witness import Message, Script, Turn, Witness
from tests.faults.workload import Client, ignore
from tests.rpc.driver import Server

CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate")
"""What changes the store or syncs it. What else does, to unlink a journal or to rename the marker's draft, comes after
a sync and before one of these: a kill there leaves what a kill at its neighbours leaves."""

STRACE = ("strace", "-f", "-qqq", "-e", f"trace={','.join(CALLS)}")
"""Without ``--seccomp-bpf``, under which strace 6.1 doesn't inject signals."""

SPEAKING: Script = [{"text": "so far "}, {"sleep_ms": 2_000}]
"""A turn that says something and is then quiet, for no longer than one can wait if it has to be asked for again."""

USING_A_TOOL: Script = [
    {"reasoning": "hm"},
    {"text": "one moment", "chunks": 2},
    {"tool": {"name": "look", "args": {"at": "x"}, "result": "found", "ms": 1}},
    {"text": "word ", "repeat": 70, "delay_ms": 1},
]

RUNNING = 3
"""Turns that run when the server is killed whose store is reopened."""

Deed = Callable[[Client], None]


@frozen
class Point:
    """The ``nth`` time that a thread makes the system call ``call``. Only the store's thread makes any."""

    call: str
    nth: int

    def killing(self) -> list[str]:
        """Return the command under which a server is killed there, before the call has had any effect."""
        return [*STRACE, "-o", "/dev/null", "-e", f"inject={self.call}:signal=KILL:when={self.nth}"]


@frozen
class Scene:
    """What a server is killed at: a deed of its client's, on a store of which the witness knows.

    ``begins`` is that store, or where there is none yet.
    """

    name: str
    begins: Path
    witness: Witness
    deed: Deed

    def play(self, place: Path, under: Sequence[str]) -> tuple[Witness, int]:
        """Play it with a copy of the store in ``place``; return what was heard, and the exit code."""
        if self.begins.exists():
            shutil.copytree(self.begins, place)
        witness = deepcopy(self.witness)
        with Server("--store", str(place), under=under) as server:
            client = Client(server, witness)
            with suppress(EOFError):
                self.deed(client)
                server.end_input()
                client.hear_the_rest()
            return witness, server.wait()

    def points(self, place: Path) -> list[Point]:
        """Return where the server can be killed, in order."""
        trace = place.with_suffix(".trace")
        _, code = self.play(place, [*STRACE, "-o", str(trace)])
        assert code == 0, f"{self.name}: exit code {code}"
        lines = [line.partition("(")[0].split() for line in trace.read_text().splitlines()]
        made = [(thread, call) for thread, call in lines if call in CALLS]
        assert len({thread for thread, _ in made}) == 1, "several threads write: strace counts each one's calls"
        calls = [call for _, call in made]
        return [Point(call, calls[: index + 1].count(call)) for index, call in enumerate(calls)]


@sweep(short=3, full=400, needs=["strace"])
def kills_at_writes(report: Report, size: int) -> None:
    """Kill a server at a write or fsync of its store as it is made, used, closed, and reopened after a crash."""
    random, found, missed = Random(report.seed), Found(), 0
    with kept_on_defect(report) as place:
        cases = [(scene, point) for scene in _scenes(place) for point in scene.points(place / scene.name)]
        for number, (scene, point) in enumerate(_spread(cases, size, random)):
            with report.case(f"{scene.name}, killed at {point.call} {point.nth}"):
                missed += not _kill(scene, point, place / f"case {number}", random, found)
    report.figure("of writes and syncs", f"{len(cases):,}")
    report.figure("not reached", str(missed))
    report.figure("turns acknowledged", f"{found.acknowledged:,}")
    report.figure("interrupted", f"{found.interrupted:,}")
    report.figure("committed but unanswered", str(found.retried_committed))


def _kill(scene: Scene, point: Point, store: Path, random: Random, found: Found) -> bool:
    """Kill the server there, and see what the next one finds; return whether it got there."""
    witness, code = scene.play(store, point.killing())
    doctor_finds_nothing(store)
    with reopened(store) as (server, _):
        Verification(witness, random, found).verify(server)
    doctor_finds_nothing(store)
    shutil.rmtree(store)
    return code != 0


def _spread(cases: list[tuple[Scene, Point]], size: int, random: Random) -> Iterator[tuple[Scene, Point]]:
    """Yield ``size`` of the cases, evenly spread; all if there are fewer."""
    step = max(1.0, len(cases) / size)
    at = random.uniform(0, step)
    while at < len(cases):
        yield cases[int(at)]
        at += step


# -- the scenes ----------------------------------------------------------------------------------------------------


def _scenes(place: Path) -> list[Scene]:
    making = Scene("making it", place / "none", Witness(), _list)
    used = Scene("using it", place / "made", Witness(), _use)
    making.play(used.begins, [])
    half_made = Scene("reopening it half made", place / "half made", Witness(), _list)
    points = making.points(place / "to be counted")
    making.play(half_made.begins, points[len(points) // 2].killing())
    crashed = Scene("reopening it with turns running", place / "crashed", Witness(), _list)
    _crash(crashed)
    return [making, used, half_made, crashed]


def _list(client: Client) -> None:
    """Wait for the store to be open, with the turns of dead processes ended."""
    client.ask("session/list", ignore)
    client.hear_all()


def _use(client: Client) -> None:
    """Do everything once that changes a store."""
    first, fork = Turn("", "first", [{"text": "yes"}], creates=True), ""

    def forked(answer: Message) -> None:
        nonlocal fork
        fork = answer["result"]["session_id"]

    client.turn(first, ignore)
    client.hear_all()
    session_id = first.session_id
    client.turn(Turn(session_id, "second", USING_A_TOOL, attached=Random(2).randbytes(20_000)), ignore)
    client.rename(session_id, "title 1", ignore)
    client.hear_all()
    client.fork(session_id, forked)
    client.hear_all()
    _interrupt(client, fork)
    client.archive(session_id, ignore)
    client.delete(fork, ignore)
    client.hear_all()


def _interrupt(client: Client, session_id: str) -> None:
    turn = Turn(session_id, "third", SPEAKING, attached=Random(3).randbytes(20_000))
    _speak(client, turn)
    client.ask("turn/interrupt", ignore, session_id=session_id, turn_id=turn.turn_id)
    client.hear_all()


def _speak(client: Client, turn: Turn) -> None:
    """Start a turn and wait until it has said something."""
    client.turn(turn, ignore)
    client.hear_until(lambda event: event["type"] == "text_delta")


def _crash(scene: Scene) -> None:
    """Leave a store whose server was killed while turns ran."""
    with Server("--store", str(scene.begins)) as server:
        client = Client(server, scene.witness)
        for number in range(RUNNING):
            _speak(client, Turn(str(uuid.uuid4()), f"prompt {number}", SPEAKING, creates=True))
        server.process.kill()
        client.hear_the_rest()
