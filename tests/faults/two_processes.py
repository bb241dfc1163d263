"""Two servers on one store, each with a client of its own, over the same sessions; one is killed midway."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from random import Random
from statistics import median

from attrs import frozen

from meerkat_rpc.ids import new_id
from meerkat_rpc.store.disk import DiskStore
from tests.faults.reopening import doctor_finds_nothing, kept_on_defect
from tests.faults.sweep import Report, sweep
from tests.faults.verification import Verification
from tests.faults.witness import Message, Turn, Witness
from tests.faults.workload import Client
from tests.rpc.driver import Server

SESSIONS, TURNS = 50, 40
"""In each round; so many turns for each of the two clients."""

FEW_SESSIONS, FEW_TURNS = 8, 5
"""In a round that is the only one: for the tests."""

AT_ONCE = 12
"""Turns that a client asks for at once: most of the time some session is asked for a turn by both."""

GIVEN_TO_BOTH = 0.05
"""How many turns both clients ask for, under the same id, as a retry at the other server would."""

RENAMED = 0.05
"""How often the surviving client asks for a new title beside a turn, while the turn may run at the other server."""

SLOW = 0.2
"""How many turns take a while, so that the other client comes upon them, and the kill too."""

TAKEOVER_S = 10.0
"""Within what a session of the server that was killed has to take the other's turns (the issue's bound)."""

STUCK_S = 30.0
"""A client that was told only that sessions are busy for so long is told so for ever."""

BUSY, INTERRUPTED = -32002, -32005


@sweep(short=1, full=20)
def two_processes(report: Report, size: int) -> None:
    """Let two servers contend for sessions and kill one: no update is lost, and the other takes over."""
    random, rounds = Random(report.seed), list[_Round]()
    sessions, turns = (SESSIONS, TURNS) if size > 1 else (FEW_SESSIONS, FEW_TURNS)
    for number in range(1, size + 1):
        with kept_on_defect(report) as place, report.case(f"seed {report.seed}, round {number} in {place}"):
            rounds.append(_Round(place / "store", random, sessions, turns))
            rounds[-1].play()
    _tell(report, rounds)


def _tell(report: Report, rounds: Iterable[_Round]) -> None:
    found = [each.verification.found for each in rounds]
    takeovers = [seconds for each in rounds for seconds in each.takeovers]
    report.figure("turns acknowledged", f"{sum(each.acknowledged for each in found):,}")
    report.figure("interrupted by the kill", str(sum(each.interrupted for each in found)))
    report.figure("committed but unanswered", str(sum(each.committed_unanswered for each in rounds)))
    report.figure("refused as busy", f"{sum(each.refused for each in rounds):,}")
    if takeovers:
        report.figure("takeover median/max", f"{median(takeovers):.2f}/{max(takeovers):.2f} s")


class _Round:
    """One store, two servers, and what their clients were told."""

    def __init__(self, store: Path, random: Random, sessions: int, turns: int) -> None:
        self.verification = Verification(Witness(), random)
        self.takeovers: list[float] = []
        self.refused = self.committed_unanswered = 0
        self._store = store
        self._random = random
        self._sessions = [new_id() for _ in range(sessions)]
        self._turns = turns
        self._killed = 0.0

    def play(self) -> None:
        """Run every turn, kill one of the servers midway, and compare what is there with what was told."""
        with Server("--store", str(self._store)) as one, Server("--store", str(self._store)) as two:
            self._create(one)
            survivor, victim = self._clients(*self._random.sample([one, two], 2))
            self._contend(survivor, victim)
        self.takeovers = list(survivor.takeovers.values())
        self.refused = survivor.refused + victim.refused
        self.committed_unanswered = survivor.committed_unanswered
        doctor_finds_nothing(self._store)
        with Server("--store", str(self._store)) as fresh:
            self.verification.verify(fresh)
        self._check_revisions(survivor.renames)
        assert max(self.takeovers, default=0.0) < TAKEOVER_S, self.takeovers
        doctor_finds_nothing(self._store)

    def _create(self, server: Server) -> None:
        for session_id in self._sessions:
            server.call("session/create", session_id=session_id, initial_turn="deferred", model="scripted")
            self.verification.witness.session(session_id).exists.told(True)

    def _clients(self, survives: Server, dies: Server) -> tuple[_Contender, _Contender]:
        turns, done = len(self._sessions) * self._turns, count(1)
        kill_after = self._random.randrange(turns // 2, turns)

        def answered() -> None:
            if next(done) == kill_after:
                self._killed = time.monotonic()
                dies.process.kill()

        told = _Told(self.verification.witness, {}, answered)
        survivor = _Contender(survives, told, dies.process.pid, Random(self._random.random()), RENAMED)
        victim = _Contender(dies, told, survives.process.pid, Random(self._random.random()))
        for session_id in self._sessions:
            for number in range(self._turns):
                first, second = [self._turn(session_id, f"{who} {number}") for who in ("one", "two")]
                survivor.give(first)
                victim.give(first if self._random.random() < GIVEN_TO_BOTH else second)
        return survivor, victim

    def _turn(self, session_id: str, name: str) -> Turn:
        slow = {"repeat": 10, "delay_ms": 5} if self._random.random() < SLOW else {}
        return Turn(session_id, f"prompt {name}", [{"text": f"answer {name} ", **slow}])

    def _contend(self, survivor: _Contender, victim: _Contender) -> None:
        with ThreadPoolExecutor(2) as pool:
            surviving, dying = pool.submit(survivor.run), pool.submit(victim.run)
            dying.result()
            survivor.inherit(self._killed, victim)
            surviving.result()
        survivor.run()  # in case it had ended before it inherited

    def _check_revisions(self, renames: int) -> None:
        """Each session has one revision for its creation, and two for each turn."""
        turns = len(self.verification.witness.turns)
        revisions = asyncio.run(_revisions(self._store, self._sessions))
        assert revisions == len(self._sessions) + 2 * turns + renames, f"{revisions} revisions, {turns} turns"


@frozen
class _Told:
    """What both clients were told. ``answered`` is called for each turn's answer."""

    witness: Witness
    answers: dict[str, Message]
    answered: Callable[[], None]


class _Contender:
    """A client of one server. It has one turn at a time in each session, and several sessions at once."""

    def __init__(self, server: Server, told: _Told, rival: int, random: Random, renamed: float = 0.0) -> None:
        self._server = server
        self._client = Client(server, told.witness)
        self._told = told
        self.refused = self.renames = self.committed_unanswered = 0
        self.takeovers: dict[str, float] = {}
        self._rival = rival
        self._random = random
        self._renamed = renamed
        self._open = 0
        self._last_answer = time.monotonic()
        self._todo: dict[str, deque[Turn]] = {}
        self._free: list[str] = []
        self._asked: dict[str, Turn] = {}
        self._legacy: deque[tuple[float, _Contender]] = deque()
        self._orphaned: dict[str, float] = {}
        self._heard: set[str] = set()
        self._inherited: set[str] = set()

    def give(self, turn: Turn) -> None:
        """Take a turn on, after those of its session that were given before."""
        self._line(turn.session_id).append(turn)

    def inherit(self, died: float, other: _Contender) -> None:
        """Take over what the client of the server that was killed at ``died`` has left to do. For another thread."""
        self._legacy.append((died, other))

    def run(self) -> None:
        """Do everything there is to do, or all that the server lives for."""
        self._accept()
        self._fill()
        while self._open and (message := self._server.message()) is not None:
            event = self._client.hear(message)
            if event is not None:
                self._heard.add(event["turn_id"])
            self._accept()
            self._fill()

    def _fill(self) -> None:
        while self._free and len(self._asked) < AT_ONCE:
            session_id = self._random.choice([each for each in self._free if each in self._orphaned] or self._free)
            self._free.remove(session_id)
            if self._todo[session_id]:
                self._ask(self._todo[session_id].popleft())
            else:
                del self._todo[session_id]

    def _ask(self, turn: Turn) -> None:
        self._open += 1
        self._asked[turn.session_id] = turn
        self._client.turn(turn, lambda message: self._answered(turn, message))
        if self._random.random() < self._renamed:
            self._rename(turn.session_id)

    def _rename(self, session_id: str) -> None:
        self._open += 1
        title = f"title {self._random.randrange(10**9)}"
        self._told.witness.session(session_id).title.asked(title)
        self._client.ask("session/update", self._has_renamed, session_id=session_id, title=title)

    def _has_renamed(self, message: Message) -> None:
        assert "result" in message, message
        self._open -= 1
        self.renames += 1

    def _answered(self, turn: Turn, message: Message) -> None:
        self._open -= 1
        del self._asked[turn.session_id]
        self._free.append(turn.session_id)
        error = message.get("error", {})
        if error.get("code") == BUSY:
            assert error["data"]["owner"]["pid"] == self._rival, f"{message} names another process than {self._rival}"
            self.refused += 1
            assert time.monotonic() - self._last_answer < STUCK_S, f"nothing but {message}"
            self._todo[turn.session_id].appendleft(turn)
            return
        mine = turn.turn_id in self._heard
        assert not error or (error["code"] == INTERRUPTED and not mine), message
        turn.ended = not error  # it was cut: nobody has heard it end
        answer = self._told.answers.setdefault(turn.turn_id, message.get("result") or error)
        assert answer == turn.answer, f"turn {turn.turn_id} was answered {answer}, and now {message}"
        self._last_answer = time.monotonic()
        self._took_over(turn, message)
        self._told.answered()

    def _took_over(self, turn: Turn, message: Message) -> None:
        if (died := self._orphaned.pop(turn.session_id, None)) is not None:
            self.takeovers[turn.session_id] = time.monotonic() - died
        if turn.turn_id in self._inherited and turn.turn_id not in self._heard and "result" in message:
            self.committed_unanswered += 1

    def _accept(self) -> None:
        while self._legacy:
            died, other = self._legacy.popleft()
            for turn in other._asked.values():
                self._inherited.add(turn.turn_id)
                self._orphaned[turn.session_id] = died
            for session_id, turns in other._todo.items():
                cut = other._asked.get(session_id)
                self._line(session_id).extendleft(reversed([cut, *turns] if cut else turns))

    def _line(self, session_id: str) -> deque[Turn]:
        """Return what is to do in a session."""
        if session_id not in self._todo:
            self._todo[session_id] = deque()
            self._free.append(session_id)
        return self._todo[session_id]


async def _revisions(store: Path, sessions: Iterable[str]) -> int:
    """Return the sum of the sessions' revisions."""
    disk = DiskStore(store)
    await disk.open()
    heads = [await disk.head(session_id) for session_id in sessions]
    await disk.close()
    assert all(heads)
    return sum(head.revision for head in heads if head)
