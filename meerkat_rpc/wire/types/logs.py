"""Event logs: read, and followed."""

from __future__ import annotations

from typing import Literal

from meerkat_rpc.wire.types.events import Event
from meerkat_rpc.wire.types.marks import Count, PageLimit, Positive, Uuid, message


@message
class SessionScope:
    """Whose events: a session's."""

    type: Literal["session"]
    session_id: Uuid


@message
class LatestCursorParams:
    """Whose log."""

    scope: SessionScope


@message
class LatestCursorResult:
    """Where the log ends now."""

    cursor: str


@message
class ListSinceParams:
    """Without ``cursor``, from the log's beginning."""

    scope: SessionScope
    cursor: str | None = None
    limit: PageLimit = 100


@message
class SessionEventParams:
    """An event in its place. ``seq`` counts from 1 per session without gaps, restarts included."""

    session_id: Uuid
    turn_id: Uuid
    seq: Positive
    timestamp_ms: Count
    event: Event


@message
class ListSinceResult:
    """A page of the log. ``latest_cursor`` is where this page ends: pass it to go on."""

    events: list[SessionEventParams]
    latest_cursor: str
    has_more: bool


@message
class StreamOpenParams:
    """``from_seq`` is the first sequence number wanted; without it, only what happens from now on."""

    session_id: Uuid
    from_seq: Positive | None = None


@message
class StreamOpenResult:
    """The stream's name."""

    stream_id: str


@message
class StreamCloseParams:
    """The stream's name."""

    stream_id: str


@message
class StreamCloseResult:
    """False when there was no such stream."""

    closed: bool


@message
class StreamEventParams:
    """An event of a followed session. ``sequence`` repeats the event's ``seq``."""

    stream_id: str
    sequence: Positive
    session_id: Uuid
    turn_id: Uuid
    seq: Positive
    timestamp_ms: Count
    event: Event


@message
class StreamEndParams:
    """Why the stream ended: the session was deleted, or can't be read."""

    stream_id: str
    session_id: Uuid
    reason: str
