"""A turn as its caller sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meerkat_rpc.client import results
    from meerkat_rpc.client.events import Event


class Turn:
    """A running turn: ``async for event in turn`` streams it, ``await turn`` (or ``result()``) waits for its end.

    It was given an id before it was sent, so it runs once however often the server dies meanwhile. Not iterating is fine,
    iterating slowly too: what is not fetched in time is read from the server's log later. Giving up on the result
    does not stop the turn; ``interrupt()`` does.
    """

    session_id: str
    turn_id: str

    def __aiter__(self) -> AsyncIterator[Event]:
        raise NotImplementedError

    def __await__(self) -> Generator[Any, None, results.RunResult]:
        return self.result().__await__()

    async def result(self) -> results.RunResult:
        """Wait for the end.

        Raises:
            TurnInterrupted: it was interrupted, or died with its server; ``text`` has what it had said.
            SessionNotFound, SessionBusy, InvalidParams: it was not accepted.
            RpcError: it failed; ``name`` says how.
            ServerDied: the server went away for good.
        """
        raise NotImplementedError

    async def interrupt(self) -> bool:
        """Stop this turn now, and no other. False when it had ended."""
        raise NotImplementedError
