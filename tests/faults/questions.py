"""Servers that die around a question: while it is asked, waits, is answered, with prompts in the queue behind it."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

from meerkat_rpc.ids import new_id
from tests.faults.reopening import doctor_finds_nothing, kept_on_defect
from tests.faults.sweep import Report, sweep
from tests.rpc.driver import Server, eventually

INTERRUPTED = -32005

ASKS = ({"text": "before"}, {"approval": {"summary": "go on?"}}, {"text": ", after"})

LATEST_KILL_S = 0.03
"""The kill comes within this long after the last request was written: some are then answered, some are not."""


@sweep(short=6, full=300)
def questions(report: Report, size: int) -> None:
    """Kill the server that asked, answer elsewhere: the turn goes on or says so, nothing acknowledged is lost."""
    chance = random.Random(report.seed)
    outcomes: Counter[str] = Counter()
    for number in range(1, size + 1):
        with kept_on_defect(report) as place, report.case(f"case {number} in {place}"):
            outcomes[_case(place / "store", chance)] += 1
    report.figure("turns that", ", ".join(f"{what} {count}" for what, count in sorted(outcomes.items())))


def _case(store: Path, chance: random.Random) -> str:
    with Server("--store", str(store)) as other:
        with Server("--store", str(store)) as asking:
            told = _Told(asking, chance)
            time.sleep(chance.uniform(0, LATEST_KILL_S))
            asking.kill()
        told.hear()
        outcome = _answered(other, told, chance)
        _queue_ends(other, told)
        told.check(other)
    doctor_finds_nothing(store)
    return outcome


class _Told:
    """What a server was asked, and what it acknowledged before it was killed."""

    def __init__(self, server: Server, chance: random.Random) -> None:
        self._server = server
        self.session_id = server.session(*ASKS)
        self.turn_id = new_id()
        server.call("turn/start", session_id=self.session_id, prompt="ask", turn_id=self.turn_id, wait=False)
        if chance.random() < 0.7:
            server.until(lambda params: params["event"]["type"] == "approval_requested")
        self.asked: dict[str, int | str] = {}
        self.acknowledged: set[str] = set()
        for number in range(chance.randint(1, 6)):
            self._ask(f"prompt {number}", chance.choice(["turn/enqueue", "session/inject_context", "turn/steer"]))

    def _ask(self, text: str, method: str) -> None:
        if method == "session/inject_context":
            self.asked[text] = self._server.send(method, session_id=self.session_id, text=text)
        else:
            self.asked[text] = self._server.send(method, session_id=self.session_id, prompt=text, turn_id=new_id())

    def hear(self) -> None:
        """Take in what the server still said."""
        for text, request_id in self.asked.items():
            try:
                answer = self._server.answer(request_id)
            except EOFError:
                return
            assert "result" in answer, answer
            self.acknowledged.add(text)

    def check(self, server: Server) -> None:
        """Hold the history against it."""
        history = server.call("session/history", session_id=self.session_id, limit=1000)["messages"]
        said = Counter(message["content"] for message in history if message["role"] == "user")
        assert {text for text in self.acknowledged if said[text] != 1} == set(), said
        assert [text for text, count in said.items() if count > 1] == [], said
        assert said["ask"] == 1
        assert _ends(server, self.session_id, self.turn_id) == 1


def _answered(server: Server, told: _Told, chance: random.Random) -> str:
    """Answer the question if there is one; return what became of its turn."""
    for waiting in server.call("approval/list", session_id=told.session_id)["approvals"]:
        time.sleep(chance.uniform(0, LATEST_KILL_S))
        server.call("approval/respond", approval_id=waiting["approval_id"], choice="allow")
    repeated = server.answer(server.send("turn/start", session_id=told.session_id, prompt="ask", turn_id=told.turn_id))
    if "result" in repeated:
        text = repeated["result"]["text"]  # with what was added to the turn somewhere in it
        assert text.startswith("before"), repeated
        assert ", after" in text, repeated
        return "went on"
    assert repeated["error"]["code"] == INTERRUPTED, repeated
    return "were interrupted"


def _queue_ends(server: Server, told: _Told) -> None:
    """See the queue out: it goes on when the session is next used."""
    server.call("turn/enqueue", session_id=told.session_id, prompt="the last", model="echo", turn_id=new_id())

    def at_rest() -> bool:
        view = server.call("session/read", session_id=told.session_id)
        for approval in view.get("approvals", ()):  # the queued prompts' turns ask too
            server.call("approval/respond", approval_id=approval, choice="allow")
        return view["state"] == "idle" and "queue" not in view

    eventually(at_rest, lambda: server.call("session/read", session_id=told.session_id))


def _ends(server: Server, session_id: str, turn_id: str) -> int:
    """Return how often the log says that the turn ended."""
    scope: dict[str, Any] = {"type": "session", "session_id": session_id}
    events = server.call("events/list_since", scope=scope, limit=1000)["events"]
    ended = [event for event in events if event["event"]["type"] in {"run_completed", "run_failed"}]
    return sum(event["turn_id"] == turn_id for event in ended)
