"""A disk that fails once, or from some moment on: what the server answers, keeps, and goes on with."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from subprocess import TimeoutExpired
from typing import Any, TypeVar

import psutil
from attrs import define, field

from meerkat_rpc.errors import BY_CODE
from meerkat_rpc.store.disk_check import check_store
from tests.faults.acknowledged import Asked, Expected, found_in
from tests.faults.injected import Fault, befell, new_place
from tests.faults.sweep import Report, sweep
from tests.rpc.driver import Server
from tests.store.conftest import open_disk

T = TypeVar("T")

CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "openat")
ERRORS = ("EIO", "ENOSPC")

PERSISTING = 5
"""Of so many calls that fail once, one fails for good as well."""

ANSWER_S = 5.0
"""What any answer may take, and the end of the process."""

NEVER = 0xFFFF
"""The last call that strace can count to."""

IDLE_S = 0.3
"""How long a server with nothing to do is watched …"""

IDLE_CPU_S = 0.1
"""… and what it may use of the processor in that time."""

LONG = ({"text": "a line of some length\n", "repeat": 30, "delay_ms": 1}, {"text": "x" * 50_000})
"""A turn's script that is logged in several batches, one of them larger than a row."""


@sweep(short=1, full=100_000, needs=["strace"])
def io_errors(report: Report, size: int) -> None:
    """Fail the k-th call on the store, once or from then on: answers, durability, the next turn, no hang."""
    random = Random(report.seed)
    for call in CALLS:
        calls = _at_a_second_try(partial(_count, call))
        report.figure(call, str(calls))
        for error in ERRORS:
            for k in _sample(random, calls, size):
                with report.case(f"{call} number {k}: {error}"):
                    _at_a_second_try(partial(_fail_once, call, error, k))
            for k in _sample(random, calls, max(1, min(size, calls) // PERSISTING)):
                with report.case(f"{call} number {k} and all that follow: {error}"):
                    _at_a_second_try(partial(_fail_from, call, error, k))


class _TooSlow(AssertionError):
    """Something took longer than ``ANSWER_S``."""


def _at_a_second_try(work: Callable[[], T]) -> T:
    """Do ``work``, once more if it was too slow: a busy machine may be, but a hang hangs again."""
    try:
        return work()
    except _TooSlow:
        return work()


def _sample(random: Random, calls: int, size: int) -> Sequence[int]:
    """Return ``size`` of the numbers of calls, or all of them."""
    return range(1, calls + 1) if size >= calls else sorted(random.sample(range(1, calls + 1), size))


def _count(call: str) -> int:
    """Return how many such calls a clean run makes."""
    with new_place() as place:
        store, trace = place / "store", place / "trace"
        with Server("--store", str(store), under=Fault(call, "error=EIO", str(NEVER), store).under(trace)) as server:
            client = _Client(server)
            client.work()
            assert not client.failed
            client.end()
        return sum(f" {call}(" in line for line in trace.read_text().splitlines())


def _fail_once(call: str, error: str, k: int) -> None:
    """Fail the k-th call: the next turn works."""
    with new_place() as place:
        store, trace = place / "store", place / "trace"
        with Server("--store", str(store), under=Fault(call, f"error={error}", str(k), store).under(trace)) as server:
            client = _Client(server)
            client.work()
            client.go_on()
            client.end()
        assert befell(trace) == 1
        _hold(store, client)


def _fail_from(call: str, error: str, k: int) -> None:
    """Fail the k-th call and every one after it: the next server's turn works."""
    with new_place() as place:
        store, trace = place / "store", place / "trace"
        with Server("--store", str(store), under=Fault(call, f"error={error}", f"{k}+", store).under(trace)) as server:
            client = _Client(server)
            client.work()
            _is_idle(server)
            client.end()
        if client.answered:
            _hold(store, client)
        with Server("--store", str(store)) as client.server:
            client.go_on()
        _hold(store, client)


def _is_idle(server: Server) -> None:
    """Raise if the server uses the processor while it has nothing to do."""
    (process,) = psutil.Process(server.process.pid).children()
    before = process.cpu_times()
    time.sleep(IDLE_S)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    assert used < IDLE_CPU_S, f"an idle server used {used:.2f} s of {IDLE_S} s"


def _hold(store: Path, client: _Client) -> None:
    """Raise unless the store is whole and has everything that was acknowledged."""
    assert not (problems := check_store(str(store)).problems), problems

    async def missing() -> list[str]:
        async with open_disk(store) as opened:
            return list(client.session.missing(client.answered, await found_in(opened, client.session)))

    assert not (lost := asyncio.run(missing())), lost


@define
class _Client:
    """Asks a server for this and that, one after the other, and notes what it was answered."""

    server: Server
    session: Expected = field(factory=lambda: Expected(str(uuid.uuid4())))
    answered: set[Any] = field(factory=set)
    failed: list[dict[str, Any]] = field(factory=list)

    def work(self) -> None:
        """Do everything once, whatever fails; what failed, once more under the same id."""
        self.server.call("initialize")
        for _ in range(2):
            if self._create():
                break
        self._turn({"text": "short"})
        self._turn(*LONG)
        self._ask("read", "session/read")
        self._turn({"text": "again"}, {"sleep_ms": 1})
        self._ask("archive", "session/archive")

    def go_on(self) -> None:
        """Take the session back, or create it, and run a turn, all of which must work."""
        failed = len(self.failed)
        if not any(asked.what == "create" for asked in self.session.asked if asked.request_id in self.answered):
            assert self._create(), self.failed
        assert self._ask("unarchive", "session/unarchive"), self.failed
        self._turn({"text": "on"})
        assert len(self.failed) == failed, self.failed[failed:]

    def end(self) -> None:
        """Have the server end, in time."""
        self.server.end_input()
        try:
            assert self.server.wait(ANSWER_S) == 0
        except TimeoutExpired:
            raise _TooSlow(f"the server did not end within {ANSWER_S} s") from None

    def _create(self) -> bool:
        return self._ask("create", "session/create", initial_turn="deferred", model="scripted")

    def _turn(self, *script: dict[str, Any]) -> None:
        text = "".join(step.get("text", "") * step.get("repeat", 1) for step in script)
        turn_id = str(uuid.uuid4())
        config = {"prompt": "p" * 5000, "provider_params": {"script": script}}
        for _ in range(2):
            if self._ask("turn", "turn/start", turn_id, text, **config):
                return

    def _ask(self, what: str, method: str, turn_id: str = "", text: str = "", **params: Any) -> bool:
        """Ask for something; return whether it was done. Raises unless the answer comes in time and is one of ours."""
        asked = Asked(f"request {len(self.session.asked)}", what, turn_id, text)
        self.session.asked.append(asked)
        named = {"turn_id": turn_id} if turn_id else {}
        begun = time.monotonic()
        self.server.send(method, asked.request_id, session_id=self.session.session_id, **named, **params)
        answer = self.server.answer(asked.request_id)
        if (seconds := time.monotonic() - begun) > ANSWER_S:
            raise _TooSlow(f"{method} took {seconds:.1f} s: {answer}")
        if error := answer.get("error"):
            assert error["data"]["code"] in BY_CODE, error
            self.failed.append(error)
            return False
        assert answer["result"].get("text", text) == text or what != "turn", f"{method}: not the turn's text"
        self.answered.add(asked.request_id)
        return True
