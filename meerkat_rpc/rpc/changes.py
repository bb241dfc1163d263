"""Which sessions changed, on its way to a client that wants to know."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from meerkat_rpc.event_json import encode_json
from meerkat_rpc.rpc.channel import EVENTS_HIGH_WATER, Channel

COLLECT_S = 0.05
"""How long is waited for what else changes before a notification goes out: one tells of a hundred deletions."""

PAUSE_S = 0.25
"""What lies between two notifications: a client that lists its sessions at each does so four times a second."""

MAX_IDS = 100
"""How many sessions a notification names. To one that is told of more, listing them is cheaper than asking for each."""


class SessionChanges:
    """Sends ``sessions/changed`` while ``wanted``."""

    def __init__(self, channel: Channel) -> None:
        self.wanted = False
        self._channel = channel
        self._changed: dict[str, None] = {}
        self._unknown = False
        self._sending: asyncio.Task[None] | None = None

    def note(self, session_ids: Collection[str] | None) -> None:
        """Take note that these sessions changed; None: it isn't known which."""
        if not self.wanted:
            return
        if session_ids is None:
            self._unknown = True
        else:
            self._changed.update(dict.fromkeys(session_ids))
        if self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send(), name="sessions changed")

    async def _send(self) -> None:
        try:
            while self._changed or self._unknown:
                await asyncio.sleep(COLLECT_S)
                await self._channel.room(EVENTS_HIGH_WATER)
                params = self._take()
                if self.wanted:
                    self._channel.send(encode_json({"jsonrpc": "2.0", "method": "sessions/changed", "params": params}))
                await asyncio.sleep(PAUSE_S - COLLECT_S)
        finally:
            self._sending = None

    def _take(self) -> dict[str, list[str]]:
        changed, unknown = self._changed, self._unknown
        self._changed, self._unknown = {}, False
        return {} if unknown or len(changed) > MAX_IDS else {"session_ids": list(changed)}
