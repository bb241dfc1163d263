"""Turning what was said once into what must be said every time: ids, cursors, times and figures become placeholders."""

from __future__ import annotations

import re
from typing import Any

from meerkat_rpc.transcript.patterns import literal

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

INTEGERS = frozenset(
    {
        *("timestamp_ms", "created_at", "updated_at", "duration_ms", "uptime_ms", "pid", "started_ms"),
        *("tasks", "memory_bytes", "store_bytes", "wal_bytes", "free_bytes", "disk_free_bytes"),
    }
)
"""Keys whose integers are different each time."""

STRINGS = frozenset({"version", "path", "host", "boot_id"})
"""Keys whose strings say on which machine, and with which release, the recording was made."""

HANDLES = frozenset({"cursor", "latest_cursor", "next_cursor", "stream_id", "approval_id", "event_id"})
"""Keys whose strings the server makes up and the client hands back."""


class Generaliser:
    """Goes through a conversation in order. What the client chose itself stays as it is."""

    def __init__(self) -> None:
        self._chosen: set[str] = set()
        self._names: dict[str, str] = {}

    def sent(self, value: Any, key: str = "") -> Any:
        """Return what the client sent, with the names of what it had from the server."""
        match value:
            case dict():
                # A recorded process id is somebody else's, or nobody's, when it is sent again.
                return {name: self.sent(item, name) for name, item in value.items() if name != "process_id"}
            case list():
                return [self.sent(item, key) for item in value]
            case str() if value in self._names:
                return f"${self._names[value]}"
            case str():
                self._chosen.add(value)
                return literal(value)
            case _:
                return value

    def received(self, value: Any, key: str = "") -> Any:
        """Return the pattern for what the server sent."""
        match value:
            case dict():
                return {name: self.received(item, name) for name, item in value.items()}
            case list():
                return [self.received(item, key) for item in value]
            case str():
                return self._received_text(value, key)
            case int() if key in INTEGERS and not isinstance(value, bool):
                return "$int"
            case _:
                return value

    def _received_text(self, text: str, key: str) -> str:
        if key in STRINGS:
            return "$str"
        if text in self._chosen and text not in self._names:
            return literal(text)
        if _UUID.fullmatch(text):
            return f"${self._name(text, key)}:uuid"
        return f"${self._name(text, key)}:str" if key in HANDLES else literal(text)

    def _name(self, text: str, key: str) -> str:
        """Return the name for an id: ``session_1`` for the first ``session_id`` that comes."""
        if text not in self._names:
            kind = re.sub(r"[^a-z0-9_]", "_", key.removesuffix("_id").lower()).strip("_0123456789") or "id"
            number = sum(name.rpartition("_")[0] == kind for name in self._names.values()) + 1
            self._names[text] = f"{kind}_{number}"
        return self._names[text]
