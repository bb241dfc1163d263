"""What a client was told about its sessions, and whether a store still holds that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import define, field, frozen

from meerkat_rpc.domain import SessionHead, TurnOutcome, TurnRecord
from meerkat_rpc.errors import StoreError
from meerkat_rpc.store.disk import DiskStore


@frozen
class Asked:
    """A change of a session that was asked for.

    Attributes:
        request_id: whose answer acknowledges it.
        what: "create", "turn" (waited for), "accept" (not waited for), "interrupt", "archive", "unarchive",
            "delete"; anything else changes nothing.
        turn_id: the turn that it is about.
        text: what the turn says.
    """

    request_id: Any
    what: str
    turn_id: str = ""
    text: str = ""


@define
class Expected:
    """A session and all that was asked of it, one after the other."""

    session_id: str
    asked: list[Asked] = field(factory=list)

    def missing(self, answered: set[Any], found: Found) -> Iterator[str]:
        """Tell what is acknowledged and not there."""
        done = [each for each in self.asked if each.request_id in answered]
        under_way = self.asked[len(done)].what if len(done) < len(self.asked) else ""
        known = {each.what for each in done}
        if "delete" in known:
            if found.head is not None:
                yield f"session {self.session_id} was deleted and is there"
            return
        if found.head is None:
            if done and under_way != "delete":
                yield f"session {self.session_id} is not there"
            return
        put_away = [each.what for each in done if each.what in {"archive", "unarchive"}]
        if put_away and found.head.archived != (put_away[-1] == "archive"):
            yield f"session {self.session_id} is not as after {put_away[-1]}"
        for each in done:
            yield from found.misses(each)


@frozen
class Found:
    """A session as a store holds it."""

    head: SessionHead | None
    turns: dict[str, TurnRecord]
    said: dict[tuple[str, str], str]

    def misses(self, asked: Asked) -> Iterator[str]:
        """Tell what is not there of an acknowledged change."""
        if asked.turn_id and (asked.turn_id, "user") not in self.said:
            yield f"turn {asked.turn_id} has lost its prompt"
        outcome = self.turns[asked.turn_id].outcome if asked.turn_id in self.turns else None
        wanted = {"turn": TurnOutcome.COMPLETED, "interrupt": TurnOutcome.INTERRUPTED}.get(asked.what)
        if wanted and outcome is not wanted:
            yield f"turn {asked.turn_id} is {outcome}, not {wanted}"
        if wanted and self.said.get((asked.turn_id, "assistant"), "") != asked.text:
            yield f"turn {asked.turn_id} has not all its text"


async def found_in(store: DiskStore, expected: Expected) -> Found:
    """Return what ``store`` holds of a session. Raises ``StoreError`` where it can't be read."""
    head = await store.head(expected.session_id)
    messages = await store.messages(expected.session_id, 0, head.message_count) if head is not None else []
    if head is not None and len(messages) != head.message_count:
        raise StoreError(f"session {expected.session_id} has {len(messages)} of its {head.message_count} messages")
    turns = {}
    for turn_id in {each.turn_id for each in expected.asked if each.turn_id}:
        if record := await store.turn(expected.session_id, turn_id):
            turns[turn_id] = record
    said: dict[tuple[str, str], str] = {}
    for message in messages:
        place = message.turn_id, message.role
        said[place] = said.get(place, "") + message.content
    return Found(head, turns, said)
