"""A busy client: several sessions at once, turn after turn, and whatever else one does to sessions."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from random import Random
from typing import Any

from tests.faults.witness import Belief, Message, Script, Turn, Witness, terminal
from tests.rpc.driver import Server

LANES = 8
"""Sessions that are busy at once."""

FORKED_MESSAGES = 1
"""How much of its parent a fork begins with."""

CONTENTS = [b"a line\n", b"many lines\n" * 500, *(Random(size).randbytes(size) for size in (5_000, 90_000, 1_200_000))]
"""What is attached to prompts. Few, so that sessions share them and the last one's end takes them along."""

ATTACHED = 0.15
"""The share of turns that come with one."""

Then = Callable[[Message], object]


def ignore(_: Message) -> None:
    """Do nothing about an answer."""


class Client:
    """Asks one server, hears it, and lets the witness know both."""

    def __init__(self, server: Server, witness: Witness) -> None:
        self.server = server
        self.witness = witness
        self._then: dict[Any, Then] = {}

    def ask(self, method: str, then: Then, **params: Any) -> None:
        """Send a request; ``then`` takes its answer."""
        try:
            self._then[self.server.send(method, **params)] = then
        except OSError:  # the server is gone; what it had said is still to be read
            return

    def turn(self, turn: Turn, then: Then) -> None:
        """Ask for a turn."""

        def answered(message: Message) -> None:
            turn.answered(message)
            then(message)

        self.witness.asks(turn)
        method, params = turn.request()
        self.ask(method, answered, **params)

    def rename(self, session_id: str, title: str, then: Then) -> None:
        """Ask for another title."""
        self._believe(self.witness.session(session_id).title, title, "session/update", then, session_id, title=title)

    def archive(self, session_id: str, then: Then) -> None:
        """Ask for a session to be put away."""
        self._believe(self.witness.session(session_id).archived, True, "session/archive", then, session_id)

    def delete(self, session_id: str, then: Then) -> None:
        """Ask for a session to be removed."""
        self._believe(self.witness.session(session_id).exists, False, "session/delete", then, session_id)

    def _believe(
        self, belief: Belief, value: object, method: str, then: Then, session_id: str, **params: object
    ) -> None:
        def done(answer: Message) -> None:
            assert "result" in answer, answer
            belief.told(value)
            then(answer)

        belief.asked(value)
        self.ask(method, done, session_id=session_id, **params)

    def fork(self, session_id: str, then: Then) -> None:
        """Ask for a fork of a session, which gets an id of the server's."""

        def forked(answer: Message) -> None:
            self.witness.unanswered_forks -= 1
            self.witness.session(answer["result"]["session_id"]).exists.told(True)
            then(answer)

        self.witness.unanswered_forks += 1
        self.ask("session/fork_at", forked, session_id=session_id, message_index=FORKED_MESSAGES)

    def hear(self, message: Message) -> Message | None:
        """Take a message; return the event's parameters, if it is one."""
        if "method" not in message:
            self._then.pop(message["id"])(message)
            return None
        return self.witness.hears(message)

    def hear_until(self, wanted: Callable[[Message], bool]) -> None:
        """Take messages until an event that is wanted. Raises ``EOFError`` when the server is gone."""
        while (message := self.server.message()) is not None:
            event = self.hear(message)
            if event is not None and wanted(event["event"]):
                return
        raise EOFError("the server ended")

    def hear_all(self) -> None:
        """Take messages until everything is answered. Raises ``EOFError`` when the server is gone."""
        while self._then:
            if (message := self.server.message()) is None:
                raise EOFError("the server ended")
            self.hear(message)

    def hear_the_rest(self) -> None:
        """Take messages until the end of output."""
        while (message := self.server.message()) is not None:
            self.hear(message)


class Busy:
    """Lanes, each of which does one thing after the other until the server is gone."""

    def __init__(self, client: Client, random: Random, lanes: int = LANES) -> None:
        self.client = client
        self.random = random
        self.by_turn: dict[str, _Lane] = {}
        self._lanes = [_Lane(self) for _ in range(lanes)]

    def run(self, on_message: Callable[[int], None] = lambda _count: None) -> None:
        """Be busy until the end of the server's output. ``on_message`` is given the number of messages so far."""
        for lane in self._lanes:
            lane.begin()
        count = 0
        while (message := self.client.server.message()) is not None:
            count += 1
            event = self.client.hear(message)
            if event is not None and event["turn_id"] in self.by_turn:
                self.by_turn[event["turn_id"]].saw(event)
            on_message(count)

    def free_session(self) -> str | None:
        """Return a session that is there for sure and that no lane has, or None."""
        taken = {lane.session_id for lane in self._lanes}
        free = [
            known.session_id
            for known in self.client.witness.sessions.values()
            if known.exists.is_sure(True) and known.archived.is_sure(False) and known.session_id not in taken
        ]
        return self.random.choice(free) if free else None


class _Lane:
    """Works on one session at a time; goes on when all it asked for is answered."""

    def __init__(self, busy: Busy) -> None:
        self.session_id = ""
        self._busy = busy
        self._client = busy.client
        self._witness = busy.client.witness
        self._random = busy.random
        self._open = 0
        self._until_interrupt = 0

    def begin(self) -> None:
        """Take a session that is there already, or create one."""
        known = self._busy.free_session()
        if known is not None and self._random.random() < 0.7:
            self.session_id = known
            self._next()
        else:
            self.session_id = self._random.choice(["", str(uuid.uuid4())])
            self._turn(creates=True)

    def saw(self, event: Message) -> None:
        """Take an event of the lane's turn in: some are interrupted after so many."""
        self.session_id = event["session_id"]
        self._until_interrupt -= 1
        if self._until_interrupt == 0:
            self._open += 1
            self._client.ask("turn/interrupt", self._closing, session_id=self.session_id, turn_id=event["turn_id"])
        if terminal(event["event"]) and not self._witness.turns[event["turn_id"]].wait:
            self._close()

    def _next(self) -> None:
        deeds = [self._turn, self._turn_and_rename, self._turn_and_interrupt, self._turn_unawaited]
        deeds += [self._fork, self._archive, self._delete]
        self._random.choices(deeds, [60, 10, 10, 10, 5, 3, 2])[0]()

    def _closing(self, _: Message) -> None:
        """One of the requests is answered."""
        self._close()

    def _close(self) -> None:
        self._open -= 1
        if not self._open:
            self._next() if self.session_id else self.begin()

    # -- turns -------------------------------------------------------------------------------------------------

    def _turn(self, *, creates: bool = False, wait: bool = True) -> None:
        attached = self._random.choice(CONTENTS) if self._random.random() < ATTACHED else None
        turn = Turn(self.session_id, f"prompt {self._number()}", play(self._random), creates, wait, attached)
        self._busy.by_turn[turn.turn_id] = self
        self._open += 1
        self._client.turn(turn, self._closing)

    def _turn_unawaited(self) -> None:
        """Be answered on acceptance, and go on when the last event was seen as well."""
        self._open += 1
        self._turn(wait=False)

    def _turn_and_rename(self) -> None:
        self._turn()
        self._open += 1
        self._client.rename(self.session_id, f"title {self._number()}", self._closing)

    def _turn_and_interrupt(self) -> None:
        self._until_interrupt = self._random.randrange(1, 40)
        self._turn()

    # -- sessions ----------------------------------------------------------------------------------------------

    def _fork(self) -> None:
        self._open += 1
        self._client.fork(self.session_id, self._forked)

    def _forked(self, answer: Message) -> None:
        if self._random.random() < 0.5:
            self.session_id = answer["result"]["session_id"]
        self._close()

    def _archive(self) -> None:
        self._open += 1
        self._client.archive(self.session_id, self._gone)

    def _delete(self) -> None:
        self._open += 1
        self._client.delete(self.session_id, self._gone)

    def _gone(self, _: Message) -> None:
        self.session_id = ""  # the next thing is to take another
        self._close()

    def _number(self) -> int:
        return self._random.randrange(10**9)


def play(random: Random) -> Script:
    """Return a script: short ones, so that there are many commits, and ones of many deltas with pauses between."""
    word = f"w{random.randrange(1000)} "
    slow = {"text": word, "repeat": random.randrange(20, 120), "delay_ms": 1}
    fast = {"text": word, "repeat": random.randrange(100, 600)}
    tool = {"tool": {"name": "look", "args": {"at": word}, "result": {"found": word * 20}, "ms": 1}}
    short = {"text": word * 3, "chunks": 3}
    failing: Script = [short, {"fail": word}]
    others: list[Script] = [[short], [slow], [fast], [short, tool, slow], [{"reasoning": word}, short]]
    return random.choices([failing, *others], [5, 30, 30, 15, 15, 5])[0]
