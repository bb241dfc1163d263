"""A client that asks one thing after the other of a server whose disk fails, and judges the answers."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any, TypeVar

from attrs import define, field

from meerkat_rpc.errors import BY_CODE
from meerkat_rpc.store.disk_check import check_store
from tests.faults.acknowledged import Asked, Expected, found_in
from tests.rpc.driver import Server
from tests.store.conftest import open_disk

T = TypeVar("T")

ANSWER_S = 5.0
"""What any answer may take, and the end of the process."""

LONG = ({"text": "a line of some length\n", "repeat": 30, "delay_ms": 1}, {"text": "x" * 50_000})
"""A turn's script that is logged in several batches, one of them larger than a row."""


class TooSlow(AssertionError):
    """Something took longer than ``ANSWER_S``."""


def at_a_second_try(work: Callable[[], T]) -> T:
    """Do ``work``, once more if it was too slow: a busy machine may be, but a hang hangs again."""
    try:
        return work()
    except TooSlow:
        return work()


@define
class LoneClient:
    """Asks a server for this and that, one after the other, and notes what it was answered."""

    server: Server
    session: Expected = field(factory=lambda: Expected(str(uuid.uuid4())))
    answered: set[Any] = field(factory=set)
    failed: list[dict[str, Any]] = field(factory=list)
    _loaded: Server | None = None

    def work(self) -> None:
        """Do everything once, whatever fails; what failed, once more under the same id."""
        self.server.call("initialize")
        any(self.create() for _ in range(2))
        self.turn({"text": "short"})
        self.turn(*LONG)
        self.ask("read", "session/read")
        self.turn({"text": "again"}, {"sleep_ms": 1})
        self.ask("archive", "session/archive")

    def go_on(self) -> None:
        """Take the session back, or create it, and run a turn, all of which must work."""
        failed = len(self.failed)
        if not any(asked.what == "create" for asked in self.session.asked if asked.request_id in self.answered):
            assert self.create(), self.failed
        assert self.ask("unarchive", "session/unarchive"), self.failed
        self.turn({"text": "on"})
        assert len(self.failed) == failed, self.failed[failed:]

    def end(self) -> None:
        """Have the server end, in time."""
        self.server.end_input()
        try:
            assert self.server.wait(ANSWER_S) == 0
        except TimeoutExpired:
            raise TooSlow(f"the server did not end within {ANSWER_S} s") from None

    def create(self) -> bool:
        """Create the session; return whether that worked."""
        return self.ask("create", "session/create", initial_turn="deferred", model="scripted")

    def turn(self, *script: dict[str, Any]) -> bool:
        """Run a turn, once more under the same id if it fails; return whether one of them worked."""
        text = "".join(step.get("text", "") * step.get("repeat", 1) for step in script)
        turn_id = str(uuid.uuid4())
        config = {"prompt": "p" * 5000, "provider_params": {"script": script}}
        return any(self.ask("turn", "turn/start", turn_id, text, **config) for _ in range(2))

    def ask(self, what: str, method: str, turn_id: str = "", text: str = "", **params: Any) -> bool:
        """Ask for something; return whether it was done. Raises unless the answer comes in time and is one of ours."""
        asked = Asked(f"request {len(self.session.asked)}", what, turn_id, text)
        self.session.asked.append(asked)
        named = {"turn_id": turn_id} if turn_id else {}
        if self._loaded is not self.server:
            self._loaded = self.server
            self.server.call("capabilities/get")  # it is answered when the server has loaded, which is no fault's doing
        begun = time.monotonic()
        self.server.send(method, asked.request_id, session_id=self.session.session_id, **named, **params)
        answer = self.server.answer(asked.request_id)
        if (seconds := time.monotonic() - begun) > ANSWER_S:
            raise TooSlow(f"{method} took {seconds:.1f} s: {answer}")
        if error := answer.get("error"):
            assert error["data"]["code"] in BY_CODE, error
            self.failed.append(error)
            return False
        assert answer["result"].get("text", text) == text or what != "turn", f"{method}: not the turn's text"
        self.answered.add(asked.request_id)
        return True

    def hold(self, store: Path) -> None:
        """Raise unless the store is whole and has everything that was acknowledged."""
        assert not (problems := check_store(str(store)).problems), problems
        assert not (lost := asyncio.run(self._missing(store))), lost

    async def _missing(self, store: Path) -> list[str]:
        async with open_disk(store) as opened:
            return list(self.session.missing(self.answered, await found_in(opened, self.session)))
