"""A turn that waits for a person's answer, and that nobody here has started."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from meerkat_rpc.client import Event, RpcError, TurnInterrupted

if TYPE_CHECKING:
    from meerkat_rpc.client import Client

SHOWN_EVENTS = 1000
"""How far back in the log is looked for what the turn has done: a page, and more than the window holds."""

STOPPED = frozenset({"cancelled", "host_exit"})
"""Reasons for which a turn was stopped, as against failed."""

INTERRUPTED_CODE, FAILED_CODE = -32005, -32013
"""The contract's codes for what an event says without one."""


class WaitingTurn:
    """The turn, to be followed as one of the client's own: first what it has done, then what it does once answered.

    Args:
        client: the way to the server.
        session_id: its session.
        turn_id: the turn.
        approvals: the ids of what it asks.
    """

    def __init__(self, client: Client, session_id: str, turn_id: str, approvals: Sequence[str]) -> None:
        self.session_id = session_id
        self.turn_id = turn_id
        self._client = client
        self._approvals = approvals
        self._end: Event | None = None

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._events()

    async def interrupt(self) -> bool:
        """Stop it. False when it had ended."""
        return await self._client.interrupt(self.session_id, self.turn_id)

    async def result(self) -> None:
        """Return if it ended well, after its last event.

        Raises:
            TurnInterrupted: it was stopped.
            RpcError: it failed.
        """
        if self._end is None or self._end.type == "run_completed":
            return
        message = str(self._end.get("error", ""))
        if self._end.get("reason") in STOPPED:
            raise TurnInterrupted(INTERRUPTED_CODE, message)
        raise RpcError(FAILED_CODE, message)

    async def _events(self) -> AsyncGenerator[Event, None]:
        seen = int((await self._client.latest_cursor(self.session_id)).rpartition(":")[2])
        async with aclosing(self._from(seen)) as events:
            async for event in events:
                if event.turn_id == self.turn_id:
                    yield event
                if event.is_terminal and event.turn_id == self.turn_id:
                    self._end = event
                    return

    async def _from(self, seen: int) -> AsyncGenerator[Event, None]:
        first = max(seen - SHOWN_EVENTS, 0)
        cursor = f"{self.session_id}:{first}" if first else None
        page = await self._client.list_since(self.session_id, cursor, limit=SHOWN_EVENTS)
        for row in page["events"]:
            yield Event({**row})
        for approval_id in self._approvals:  # its event may have been lost with the process that asked
            yield self._asked(approval_id)
        last = page["events"][-1]["seq"] if page["events"] else seen
        async with aclosing(self._client.events(self.session_id, last + 1)) as following:
            async for event in following:
                yield event

    def _asked(self, approval_id: str) -> Event:
        event = {"type": "approval_requested", "approval_id": approval_id}
        place = {"session_id": self.session_id, "turn_id": self.turn_id, "seq": 0, "timestamp_ms": 0}
        return Event({**place, "event": event})
