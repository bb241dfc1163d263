"""Where one session's changes go: the line between running a session and keeping it.

``ephemeral.py`` writes to a journal and can't see a store; ``MemoryJournal`` here keeps a session for the life of the
process, ``store_journal.py`` hands each call to a store.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from meerkat_rpc.domain import (
    LoggedEvent,
    Message,
    QueuedPrompt,
    SessionChange,
    SessionHead,
    StreamTruncated,
    TurnRecord,
)
from meerkat_rpc.event_json import encode_event

MEMORY_LOG_BYTES = 16 << 20
"""How many bytes of events an ephemeral session keeps; older ones are forgotten, which a reader is told."""


class Journal(Protocol):
    """Keeps one session. Errors and promises are those of ``store/base.py``."""

    @property
    def durable(self) -> bool:
        """Whether the log keeps every event, so that an agent need not wait for a slow follower."""
        ...

    async def reload(self) -> tuple[SessionHead | None, int]:
        """Return the head as last committed by anyone, and the log's last sequence number."""
        ...

    async def commit(self, change: SessionChange) -> None:
        """Apply ``change`` whole or not at all."""
        ...

    async def append(self, events: Sequence[LoggedEvent]) -> None:
        """Append to the log."""
        ...

    async def messages(self, start: int, count: int) -> Sequence[Message]:
        """Return at most ``count`` messages from index ``start``."""
        ...

    async def turn(self, turn_id: str) -> TurnRecord | None:
        """Return the record of a turn."""
        ...

    async def events(self, after: int, limit: int) -> Sequence[LoggedEvent]:
        """Return at most ``limit`` events after ``after``."""
        ...

    async def blob(self, digest: str) -> bytes | None:
        """Return the content of an attachment, or None."""
        ...

    def let_go(self) -> None:
        """Forget what is kept in memory: the session is gone from here."""
        ...


class MemoryBlobs:
    """The contents of attachments, each once, for as long as a session in memory refers to it."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}
        self._users: dict[str, set[object]] = {}

    def get(self, digest: str) -> bytes | None:
        """Return a content, or None."""
        return self._contents.get(digest)

    def keep(self, user: object, change: SessionChange) -> None:
        """Keep what ``change`` brings, and note what ``user`` refers to by it."""
        self._contents.update(change.blobs)
        holders: list[Message | QueuedPrompt] = [*change.messages, *change.head.queue, *change.head.context]
        for digest in (attachment.digest for holder in holders for attachment in holder.attachments):
            self._users.setdefault(digest, set()).add(user)

    def forget(self, user: object) -> None:
        """Forget what nobody but ``user`` referred to."""
        for digest, users in list(self._users.items()):
            users.discard(user)
            if not users:
                del self._users[digest]
                self._contents.pop(digest, None)


class MemoryJournal:
    """Keeps one session in memory. ``blobs`` are shared with others, such as its forks."""

    durable = False

    def __init__(self, blobs: MemoryBlobs | None = None) -> None:
        self._blobs = MemoryBlobs() if blobs is None else blobs
        self._head: SessionHead | None = None
        self._messages: list[Message] = []
        self._turns: dict[str, TurnRecord] = {}
        self._events: deque[LoggedEvent] = deque()
        self._event_bytes = 0
        self._last_seq = 0

    async def reload(self) -> tuple[SessionHead | None, int]:
        """See ``Journal``."""
        return self._head, self._last_seq

    async def commit(self, change: SessionChange) -> None:
        """See ``Journal``. Never refuses: nobody else writes here."""
        self._head = change.head
        self._messages += change.messages
        self._blobs.keep(self, change)
        if change.turn is not None:
            self._turns[change.turn.turn_id] = change.turn
        await self.append(change.events)

    async def append(self, events: Sequence[LoggedEvent]) -> None:
        """See ``Journal``."""
        for event in events:
            self._events.append(event)
            self._event_bytes += len(event.body)
            self._last_seq = event.seq
        while self._event_bytes > MEMORY_LOG_BYTES and len(self._events) > 1:
            self._event_bytes -= len(self._events.popleft().body)

    async def blob(self, digest: str) -> bytes | None:
        """See ``Journal``."""
        return self._blobs.get(digest)

    def let_go(self) -> None:
        """See ``Journal``."""
        self._blobs.forget(self)

    async def messages(self, start: int, count: int) -> Sequence[Message]:
        """See ``Journal``."""
        return self._messages[start : start + count]

    async def turn(self, turn_id: str) -> TurnRecord | None:
        """See ``Journal``."""
        return self._turns.get(turn_id)

    async def events(self, after: int, limit: int) -> Sequence[LoggedEvent]:
        """See ``Journal``. A reader from before the oldest kept event gets ``stream_truncated`` in its predecessor's
        place."""
        if not self._events:
            return []
        first = self._events[0].seq
        if after + 1 < first:
            return [self._truncation(first - 1), *self._slice(first, limit - 1)]
        return self._slice(after + 1, limit)

    def _slice(self, seq: int, limit: int) -> list[LoggedEvent]:
        start = seq - self._events[0].seq
        return [self._events[index] for index in range(start, min(start + limit, len(self._events)))]

    def _truncation(self, seq: int) -> LoggedEvent:
        oldest = self._events[0]
        said = StreamTruncated(f"an ephemeral session keeps its last {MEMORY_LOG_BYTES >> 20} MiB of events")
        return LoggedEvent(seq, oldest.timestamp_ms, oldest.turn_id, encode_event(said))
