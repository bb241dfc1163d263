"""An event of a session, and the place that a reader has reached among them."""

from __future__ import annotations

from typing import Any

TERMINAL_TYPES = frozenset({"run_completed", "run_failed"})
"""Exactly one of these ends every turn."""


class Event:
    """One event. ``event["delta"]`` reads its fields (contract section 3), ``type`` and ``seq`` its head.

    ``seq`` counts from 1 per session without gaps, but for what a ``deltas_folded`` stands for; ``timestamp_ms`` is
    milliseconds since the Unix epoch.
    """

    __slots__ = ("data", "seq", "session_id", "timestamp_ms", "turn_id", "type")

    def __init__(self, params: dict[str, Any]) -> None:
        """Take the params of a ``session/event`` or ``session/stream_event``, or a row of ``events/list_since``."""
        self.session_id: str = params["session_id"]
        self.turn_id: str = params["turn_id"]
        self.seq: int = params["seq"]
        self.timestamp_ms: int = params["timestamp_ms"]
        self.data: dict[str, Any] = params["event"]
        self.type: str = self.data["type"]

    def __getitem__(self, name: str) -> Any:
        return self.data[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field of the event, or ``default``."""
        return self.data.get(name, default)

    @property
    def first_seq(self) -> int:
        """The first sequence number that it stands for: its own, but for ``deltas_folded``."""
        return int(self.data["from_seq"]) if self.type == "deltas_folded" else self.seq

    @property
    def is_terminal(self) -> bool:
        """Whether this is the last event of its turn."""
        return self.type in TERMINAL_TYPES

    def __repr__(self) -> str:
        return f"Event(seq={self.seq}, {self.data!r})"


class Position:
    """How far a reader has come in a session's log.

    A server that is killed may have shown the last moment's events of a turn (100 ms of them) and not kept them. The
    log then goes on with lower numbers than the reader has seen, first with the turn's ``run_failed``. So after a
    death the reader goes back to where the turn began, passes over what it has seen of that turn, and takes the rest.
    """

    __slots__ = ("_ended", "_from_seq", "_rewound", "_turn_id", "_turn_seq", "last_seq")

    def __init__(self, from_seq: int | None = None) -> None:
        """Begin at ``from_seq``, or with whatever comes first."""
        self.last_seq = 0 if from_seq is None else from_seq - 1
        self._from_seq = from_seq
        self._turn_id = ""
        self._turn_seq = 0
        self._ended = False
        self._rewound = False

    @property
    def next_seq(self) -> int | None:
        """The sequence number to go on from; None for whatever comes next."""
        if self._rewound:
            return self._turn_seq
        return self.last_seq + 1 if self.seen_any else self._from_seq

    @property
    def seen_any(self) -> bool:
        """Whether any event was taken."""
        return self._turn_seq > 0

    @property
    def rewound(self) -> bool:
        """Whether the server died since the last event."""
        return self._rewound

    def rewind(self) -> None:
        """Go back to the beginning of the turn last seen: the server has died."""
        self._rewound = self._turn_seq > 0

    def take(self, event: Event) -> bool:
        """Move on to ``event``; False when it was seen before."""
        if event.seq <= self.last_seq and not self._is_news_after_death(event):
            return False
        if event.turn_id != self._turn_id:
            self._turn_id, self._turn_seq = event.turn_id, event.seq
        self.last_seq = event.seq
        self._ended = event.type in TERMINAL_TYPES
        self._rewound = False
        return True

    def _is_news_after_death(self, event: Event) -> bool:
        return self._rewound and (event.turn_id != self._turn_id or (event.is_terminal and not self._ended))
