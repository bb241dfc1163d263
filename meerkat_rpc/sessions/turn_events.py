"""The part of a session's log that one turn fills, for whoever follows the turn.

It is apart from the turn itself, so that a client that has yet to read a turn's events, from the log, doesn't keep all
that the turn said in memory.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from attrs import define, frozen

from meerkat_rpc.domain import LoggedEvent
from meerkat_rpc.sessions.feed import Feed


@define
class TurnEvents:
    """The events of one turn, from ``first_seq`` on. ``ended``: the last of them is published."""

    _feed: Feed
    turn_id: str
    first_seq: int
    ended: bool = False

    async def follow(self) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """Yield batches of the turn's events, logged and to come, to its last one or until the feed is closed."""
        async with aclosing(self._feed.follow(self.first_seq - 1, lambda: self.ended)) as batches:
            async for batch in batches:
                if batch[-1].turn_id != self.turn_id:  # a slow follower may see into the next turn, whoever runs it
                    yield [event for event in batch if event.turn_id == self.turn_id]
                    return
                yield batch


@frozen
class Aside:
    """What happens in a session between turns: an ``EventSource``. ``turn_id`` is an id of its own."""

    session_id: str
    turn_id: str
    _events: TurnEvents
    replayed: bool = False

    def events(self) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """See ``EventSource``."""
        return self._events.follow()
