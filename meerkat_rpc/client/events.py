"""An event of a session, as the client hands it out."""

from __future__ import annotations

from typing import Any

TERMINAL_TYPES = frozenset({"run_completed", "run_failed"})
"""Exactly one of these ends every turn."""


class Event:
    """One event. ``event["delta"]`` reads its fields (contract section 3), ``type`` and ``seq`` its head.

    ``seq`` counts from 1 per session without gaps; ``timestamp_ms`` is milliseconds since the Unix epoch.
    """

    __slots__ = ("data", "seq", "session_id", "timestamp_ms", "turn_id", "type")

    def __init__(self, params: dict[str, Any]) -> None:
        """Take over the params of a ``session/event``, a ``session/stream_event``, or a row of ``events/list_since``."""
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
    def is_terminal(self) -> bool:
        """Whether this is the last event of its turn."""
        return self.type in TERMINAL_TYPES

    def __repr__(self) -> str:
        return f"Event(seq={self.seq}, {self.data!r})"
