"""The part of a session's log that one turn fills, for whoever follows the turn.

It is apart from the turn itself, so that a client that has yet to read a turn's events, from the log, doesn't keep all
that the turn said in memory.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from attrs import define

from meerkat_rpc.domain import LoggedEvent
from meerkat_rpc.sessions.feed import Feed


@define
class TurnEvents:
    """The events of one turn, from ``first_seq`` on. ``last_seq`` is None until the turn has ended."""

    _feed: Feed
    first_seq: int
    last_seq: int | None = None

    async def follow(self) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """Yield batches of the turn's events, logged and to come, to its last one or until the feed is closed."""
        async with aclosing(self._feed.follow(self.first_seq - 1, lambda: self.last_seq is not None)) as batches:
            async for batch in batches:
                last = self.last_seq
                if last is not None and batch[-1].seq >= last:  # a slow follower may see into the next turn
                    yield [event for event in batch if event.seq <= last]
                    return
                yield batch
