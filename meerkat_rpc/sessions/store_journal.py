"""The journal of a session that a store keeps."""

from __future__ import annotations

from collections.abc import Sequence

from meerkat_rpc.domain import LoggedEvent, Message, SessionChange, SessionHead, TurnRecord
from meerkat_rpc.store.base import Store


class StoreJournal:
    """Hands each call on to the store. See ``Journal``."""

    durable = True

    def __init__(self, store: Store, session_id: str) -> None:
        self._store = store
        self._session_id = session_id

    async def reload(self) -> tuple[SessionHead | None, int]:
        """See ``Journal``."""
        return await self._store.head(self._session_id), await self._store.last_seq(self._session_id)

    async def commit(self, change: SessionChange) -> None:
        """See ``Journal``."""
        await self._store.commit(change)

    async def append(self, events: Sequence[LoggedEvent]) -> None:
        """See ``Journal``."""
        await self._store.append(self._session_id, events)

    async def messages(self, start: int, count: int) -> Sequence[Message]:
        """See ``Journal``."""
        return await self._store.messages(self._session_id, start, count)

    async def turn(self, turn_id: str) -> TurnRecord | None:
        """See ``Journal``."""
        return await self._store.turn(self._session_id, turn_id)

    async def events(self, after: int, limit: int) -> Sequence[LoggedEvent]:
        """See ``Journal``."""
        return await self._store.events(self._session_id, after, limit)

    async def blob(self, digest: str) -> bytes | None:
        """See ``Journal``."""
        return await self._store.blob(digest)

    def let_go(self) -> None:
        """See ``Journal``. The store keeps everything."""
