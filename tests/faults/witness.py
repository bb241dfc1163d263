"""What a client asked for and what it was told: the yardstick for what a store must hold after a fault."""

from __future__ import annotations

import uuid
from base64 import b64encode
from collections import defaultdict
from hashlib import blake2b, sha256
from typing import Any

import orjson
from attrs import define, field

Message = dict[str, Any]
"""One message of the wire, or what it carries."""

Script = list[dict[str, Any]]

REFUSALS = frozenset({-32002, -32600, -32601, -32602, -32603})
"""Error codes that say that a turn was not run."""

GIVEN_NO_TITLE = ""


def terminal(event: Message) -> bool:
    """Return whether a turn's event is its last."""
    return event["type"] in {"run_completed", "run_failed"}


def digest(params: Message) -> bytes:
    """Return what tells an event from every other: there are too many to keep them all."""
    return blake2b(orjson.dumps(params, option=orjson.OPT_SORT_KEYS), digest_size=12).digest()


@define
class Turn:
    """A turn under an id of the client's, and what was heard of it.

    A first turn may leave it to the server to give its session an id: ``session_id`` is "" until that is heard of.
    ``attached`` is the content of a file that the prompt comes with, if it does.
    """

    session_id: str
    prompt: str
    script: Script
    creates: bool = False
    wait: bool = True
    attached: bytes | None = None
    turn_id: str = field(factory=lambda: str(uuid.uuid4()))
    accepted: bool = False
    answer: Message | None = None
    ended: bool = False
    _names_session: bool = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Keep in mind how it was asked for."""
        self._names_session = bool(self.session_id)

    def request(self) -> tuple[str, Message]:
        """Return the method and the parameters that ask for it, the same each time."""
        config = {"model": "scripted", "provider_params": {"script": self.script}}
        session = {"session_id": self.session_id} if self._names_session else {}
        named = {**session, "turn_id": self.turn_id, "prompt": self._prompt(), "wait": self.wait}
        return "session/create" if self.creates else "turn/start", {**named, **config}

    def _prompt(self) -> str | list[Message]:
        if self.attached is None:
            return self.prompt
        file = {"type": "file", "name": "attached", "data": b64encode(self.attached).decode()}
        return [{"type": "text", "text": self.prompt}, file]

    def digests(self) -> list[str]:
        """Return the digests of what comes with its prompt."""
        return [] if self.attached is None else [sha256(self.attached).hexdigest()]

    def answered(self, message: Message) -> None:
        """Take the answer in."""
        if "error" not in message and message["result"].get("accepted"):
            self.accepted = True
        elif message.get("error", {}).get("code") not in REFUSALS:
            self.accepted = self.ended = True
            self.answer = message.get("result") or message["error"]


@define
class Belief:
    """A value that may be any of several, until the answer comes."""

    values: set[Any]

    def asked(self, value: object) -> None:
        """A change to ``value`` was asked for."""
        self.values = {*self.values, value}

    def observed(self, value: object, what: str) -> None:
        """It is ``value`` now; raise when it can't be."""
        assert value in self.values, f"{what}: {value}, expected {self.values}"
        self.told(value)

    def is_sure(self, value: object) -> bool:
        """Return whether it can only be ``value``."""
        return self.values == {value}

    def told(self, value: object) -> None:
        """It is ``value``, for sure."""
        self.values = {value}


@define
class Session:
    """A session, as far as its client knows."""

    session_id: str
    exists: Belief = field(factory=lambda: Belief({False}))
    archived: Belief = field(factory=lambda: Belief({False}))
    title: Belief = field(factory=lambda: Belief({GIVEN_NO_TITLE}))
    touched: bool = True


@define
class Witness:
    """Everything that the clients of one store were told, by whichever server."""

    sessions: dict[str, Session] = field(factory=dict)
    turns: dict[str, Turn] = field(factory=dict)
    events: dict[str, dict[int, bytes]] = field(factory=lambda: defaultdict(dict))
    unanswered_forks: int = 0

    def session(self, session_id: str) -> Session:
        """Return what is known of a session, from now on something."""
        found = self.sessions.setdefault(session_id, Session(session_id))
        found.touched = True
        return found

    def asks(self, turn: Turn) -> None:
        """Note that a turn is asked for."""
        self.turns[turn.turn_id] = turn
        if turn.session_id:
            session = self.session(turn.session_id)
            if turn.creates:
                session.exists.asked(True)

    def may_be_strangers(self) -> int:
        """Return how many sessions there may be whose ids nobody was told."""
        return self.unanswered_forks + sum(not turn.session_id for turn in self.turns.values())

    def hear_all(self, messages: list[Message]) -> None:
        """Take the events among ``messages`` in, and empty the list."""
        for message in messages:
            self.hears(message)
        messages.clear()

    def hears(self, message: Message) -> Message | None:
        """Note an event; return it, or None if the message is none."""
        if message.get("method") != "session/event":
            return None
        params: Message = message["params"]
        known = self.events[params["session_id"]]
        assert params["seq"] not in known, f"event {params['seq']} of session {params['session_id']} came twice"
        known[params["seq"]] = digest(params)
        self.session(params["session_id"]).exists.told(True)
        turn = self.turns[params["turn_id"]]
        turn.accepted, turn.session_id = True, params["session_id"]
        turn.ended |= terminal(params["event"])
        return params
