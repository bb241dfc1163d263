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

Then = Callable[[Message], object]


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

    def hear(self, message: Message) -> Message | None:
        """Take a message; return the event's parameters, if it is one."""
        if "method" not in message:
            self._then.pop(message["id"])(message)
            return None
        return self.witness.hears(message)

    def hear_all(self) -> None:
        """Take messages until everything is answered."""
        while self._then:
            message = self.server.message()
            assert message is not None, "the server ended"
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
            self.session_id = str(uuid.uuid4())
            self._turn(creates=True)

    def saw(self, event: Message) -> None:
        """Take an event of the lane's turn in: some are interrupted after so many."""
        self._until_interrupt -= 1
        if self._until_interrupt == 0:
            self._ask("turn/interrupt", turn_id=event["turn_id"])
        if terminal(event["event"]) and not self._witness.turns[event["turn_id"]].wait:
            self._close()

    def _next(self) -> None:
        deeds = [self._turn, self._turn_and_rename, self._turn_and_interrupt, self._turn_unawaited]
        deeds += [self._fork, self._archive, self._delete]
        self._random.choices(deeds, [60, 10, 10, 10, 5, 3, 2])[0]()

    def _ask(self, method: str, then: Then = lambda _: None, **params: Any) -> None:
        self._open += 1
        self._client.ask(method, self._closing(then), session_id=self.session_id, **params)

    def _closing(self, then: Then) -> Then:
        def closing(message: Message) -> None:
            then(message)
            self._close()

        return closing

    def _close(self) -> None:
        self._open -= 1
        if not self._open:
            self._next() if self.session_id else self.begin()

    # -- turns -------------------------------------------------------------------------------------------------

    def _turn(self, *, creates: bool = False, wait: bool = True) -> None:
        turn = Turn(self.session_id, f"prompt {self._number()}", play(self._random), creates, wait)
        self._busy.by_turn[turn.turn_id] = self
        self._open += 1
        self._client.turn(turn, self._closing(lambda _: None))

    def _turn_unawaited(self) -> None:
        """Be answered on acceptance, and go on when the last event was seen as well."""
        self._open += 1
        self._turn(wait=False)

    def _turn_and_rename(self) -> None:
        self._turn()
        belief, title = self._witness.session(self.session_id).title, f"title {self._number()}"
        belief.asked(title)
        self._ask("session/update", lambda answer: belief.told(answer["result"]["title"]), title=title)

    def _turn_and_interrupt(self) -> None:
        self._until_interrupt = self._random.randrange(1, 40)
        self._turn()

    # -- sessions ----------------------------------------------------------------------------------------------

    def _fork(self) -> None:
        self._witness.unanswered_forks += 1
        self._ask("session/fork_at", self._forked, message_index=FORKED_MESSAGES)

    def _forked(self, answer: Message) -> None:
        self._witness.unanswered_forks -= 1
        fork = self._witness.session(answer["result"]["session_id"])
        fork.exists.told(True)
        if self._random.random() < 0.5:
            self.session_id = fork.session_id

    def _archive(self) -> None:
        self._put_away("session/archive", self._witness.session(self.session_id).archived, True)

    def _delete(self) -> None:
        self._put_away("session/delete", self._witness.session(self.session_id).exists, False)

    def _put_away(self, method: str, belief: Belief, value: bool) -> None:
        def gone(answer: Message) -> None:
            assert "result" in answer, answer
            belief.told(value)
            self.session_id = ""  # the next thing is to take another

        belief.asked(value)
        self._ask(method, gone)

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
