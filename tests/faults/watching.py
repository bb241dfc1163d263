"""A session that one server runs, watched live through another: what comes, in which order, and how late."""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any

from attrs import define, field

from tests.faults import contents
from tests.faults.reopening import doctor_finds_nothing, kept_on_defect
from tests.faults.sweep import Report, sweep
from tests.faults.witness import Message, terminal
from tests.rpc.driver import Server

BEHIND_S = 0.2
"""How late a watcher may hear of an event, beside the owner's client (the issue's bound)."""

MANY = 1000
"""With fewer events, one moment in which the machine is busy elsewhere would be more than one in a hundred."""

TAKEOVER_S = 10.0
"""Within what a watcher that asks nothing hears that the owner is dead (the issue's bound)."""

AT_ONCE_S = 4.0
"""Within what a request is answered that waits for nobody, and a watcher hears of a deletion, on a busy machine."""


@sweep(short=5, full=40)
def watching(report: Report, size: int) -> None:
    """Watch a session that another server runs, beyond that server's end: no gap, no repeat, at most 200 ms behind."""
    random, figures = Random(report.seed), _Figures()
    with kept_on_defect(report) as place, _Timed(place / "store") as watcher:
        for number in range(size):
            end = ENDS[number % len(ENDS)]
            name = f"seed {report.seed}, {number + 1}: {end.__name__[1:].replace('_', ' ')}"
            with report.case(name), _Timed(place / "store") as owner:
                end(_Watched(random, owner, watcher, figures))
        with report.case("doctor"):
            doctor_finds_nothing(place / "store")
    figures.tell(report)


@define
class _Figures:
    """How late watchers were, in seconds."""

    behind: list[float] = field(factory=list)
    takeovers: list[float] = field(factory=list)

    def tell(self, report: Report) -> None:
        """Put the figures into the report."""
        late = quantiles(self.behind, n=100)
        figures = (median(self.behind), late[98], max(self.behind))
        report.figure("events seen live", f"{len(self.behind):,}")
        report.figure("behind p50/p99/max", "/".join(f"{seconds * 1000:.0f}" for seconds in figures) + " ms")
        report.figure("owner's death noticed within", f"{max(self.takeovers, default=0):.2f} s")
        percent = 99 if len(self.behind) >= MANY else 90
        with report.case("behind"):
            seconds = late[percent - 1]
            assert seconds < BEHIND_S, (
                f"{100 - percent} events in a hundred are {seconds * 1000:.0f} ms behind, or more"
            )


class _Timed(Server):
    """A server whose messages are stamped as they arrive."""

    def __init__(self, store: Path) -> None:
        super().__init__("--store", str(store), reading=False)
        self._messages = _Stamped()
        self.read()


class _Stamped(queue.SimpleQueue[Message | None]):
    def put(self, item: Message | None, block: bool = True, timeout: float | None = None) -> None:
        """Put the message in, with the time."""
        if item is not None:
            item["at"] = time.monotonic()
        super().put(item, block, timeout)


class _Watched:
    """A session of ``owner``'s, and what a stream opened at ``watcher`` shows of it."""

    def __init__(self, random: Random, owner: Server, watcher: Server, figures: _Figures) -> None:
        self.owner = owner
        self.watcher = watcher
        self.figures = figures
        self._random = random
        self._live_from = 0.0
        pace = {"repeat": random.randrange(30, 80), "delay_ms": random.randrange(5, 30)}
        self.session_id = owner.session({"text": "word ", **pace})
        self.stream_id = ""
        self._first = 1

    def begin(self) -> None:
        """Have the owner begin a turn, and open the stream before or amid it."""
        if early := self._random.random() < 0.5:
            self._open(1)
        self.turn(self.owner, wait=False)
        seen = self._random.randrange(2, 20)
        self.owner.until(lambda params: params["seq"] >= seen)
        if not early:
            self._open(self._random.randrange(1, seen + 1))

    def _open(self, first: int) -> None:
        opened = self.watcher.call("session/stream_open", session_id=self.session_id, from_seq=first)
        self.stream_id, self._first, self._live_from = opened["stream_id"], first, time.monotonic()

    def turn(self, server: Server, *, wait: bool = True) -> Message:
        """Have a server run a turn, as soon as it can."""
        turn: Message = server.call("turn/start", session_id=self.session_id, prompt="go", wait=wait)
        return turn

    def until(self, wanted: Callable[[Message], bool]) -> Message:
        """Read the stream until an event that is wanted."""
        for message in self.streamed():
            if wanted(message["params"]["event"]):
                return message
        return self.watcher.until(lambda params: self._is_mine(params) and wanted(params["event"]))

    def until_ended(self, turns: int) -> None:
        """Read the stream until so many turns have ended in it."""
        while sum(terminal(message["params"]["event"]) for message in self.streamed()) < turns:
            self.watcher.until(lambda params: self._is_mine(params) and terminal(params["event"]))

    def streamed(self) -> list[Message]:
        """Return what the stream has shown."""
        return [message for message in self.watcher.events if self._is_mine(message["params"])]

    def _is_mine(self, params: Message) -> bool:
        return params.get("stream_id") == self.stream_id and "event" in params

    def check(self) -> None:
        """Raise unless the stream showed all that was logged, once and in order, and the owner's client the same."""
        log = contents.session(self.watcher, self.session_id)["events"]
        self.check_streamed(log)
        heard = {message["params"]["seq"]: message for message in self._heard()}
        assert [_plain(message) for message in heard.values()] == [log[seq - 1] for seq in heard], "heard otherwise"

    def check_streamed(self, log: list[Message]) -> None:
        """Raise unless the stream showed ``log``; note how late it was."""
        streamed = self.streamed()
        seqs = [message["params"]["seq"] for message in streamed]
        assert seqs == list(range(self._first, len(log) + 1)), f"{seqs} of {len(log)} from {self._first} on"
        assert [_plain(message) for message in streamed] == log[self._first - 1 :]
        shown = {message["params"]["seq"]: message["at"] for message in streamed}
        live = [message for message in self._heard() if message["at"] >= self._live_from]
        self.figures.behind += [shown[message["params"]["seq"]] - message["at"] for message in live]

    def _heard(self) -> list[Message]:
        """Return what the owner's client was sent of the session."""
        return [message for message in self.owner.events if message["params"].get("session_id") == self.session_id]


def _plain(message: Message) -> Message:
    """Return an event as the log has it."""
    return {name: value for name, value in message["params"].items() if name not in {"stream_id", "sequence"}}


def _completed(watched: _Watched) -> None:
    """The turn ends well, and each server runs another."""
    watched.begin()
    watched.until_ended(1)
    watched.turn(watched.watcher)
    watched.turn(watched.owner)
    watched.until_ended(3)
    watched.check()


def _killed(watched: _Watched) -> None:
    """The owner is killed; the watcher hears of it without asking, and its server goes on with the session."""
    watched.begin()
    watched.until(lambda event: event["type"] == "text_delta")  # so that nothing is asked for after the kill
    watched.owner.process.kill()
    killed = time.monotonic()
    failed = watched.until(terminal)
    assert failed["params"]["event"].get("reason") == "host_exit", failed
    watched.figures.takeovers.append(failed["at"] - killed)
    assert failed["at"] - killed < TAKEOVER_S
    _go_on(watched)


def _ended(watched: _Watched) -> None:
    """The owner ends in good order, and interrupts the turn."""
    watched.begin()
    watched.owner.signal(signal.SIGTERM)
    failed = watched.until(terminal)
    assert failed["params"]["event"].get("reason") == "host_exit", failed
    _go_on(watched)


def _go_on(watched: _Watched) -> None:
    """The watcher's own server runs the next turn."""
    while (message := watched.owner.message()) is not None:
        if "method" in message:
            watched.owner.events.append(message)
    watched.turn(watched.watcher)
    watched.until_ended(2)
    watched.check()


def _deleted(watched: _Watched) -> None:
    """The session is deleted by the owner once its turn has ended, and the stream says so."""
    watched.begin()
    watched.owner.until(lambda params: terminal(params["event"]))
    watched.until_ended(1)
    log = contents.session(watched.owner, watched.session_id)["events"]
    watched.owner.call("session/delete", session_id=watched.session_id)
    deleted = time.monotonic()
    ended = watched.watcher.until(lambda params: params.get("stream_id") == watched.stream_id and "reason" in params)
    assert ended["method"] == "session/stream_end", ended
    assert ended["at"] - deleted < AT_ONCE_S
    watched.check_streamed(log)
    assert watched.watcher.error("session/read", session_id=watched.session_id)["code"] == -32001


def _interrupted(watched: _Watched) -> None:
    """The watcher interrupts the turn that the owner runs."""
    watched.begin()
    assert watched.watcher.call("turn/interrupt", session_id=watched.session_id)["interrupted"]
    failed = watched.until(terminal)
    assert failed["params"]["event"].get("reason") == "cancelled", failed
    watched.turn(watched.watcher)
    watched.until_ended(2)
    watched.check()


ENDS: list[Callable[[_Watched], Any]] = [_completed, _killed, _ended, _deleted, _interrupted]
"""How it can end, one after the other."""
