"""Which running turns their processes are asked to stop: one row, there only while somebody asks.

Belongs to the store thread.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define

from meerkat_rpc.clock import now_ms
from meerkat_rpc.errors import StoreCorrupt
from meerkat_rpc.store.codec import dump, read
from meerkat_rpc.store.disk_rows import Rows

STOPS = "stops"

FORGOTTEN_MS = 60 * 1000
"""After how long a request is forgotten whose process left before it withdrew it. It names a turn that is over."""


@define
class Stops:
    """The requests of a store: by session, the turn and when it was asked for."""

    _rows: Rows

    def ask(self, session_id: str, turn_id: str) -> None:
        """Note that the turn is to stop. Needn't be durable: with the power the turn is gone too."""
        with self._rows.transaction(durable=False):
            oldest = now_ms() - FORGOTTEN_MS
            try:
                known = {session: asked for session, asked in self._read().items() if asked[1] > oldest}
            except StoreCorrupt:
                known = {}  # whoever still waits will ask again
            self._rows.put(STOPS, dump(known | {session_id: (turn_id, now_ms())}))

    def withdraw(self, session_id: str, turn_id: str) -> None:
        """Forget that the turn is to stop."""
        with self._rows.transaction(durable=False):
            known = self._read()
            if session_id not in known or known[session_id][0] != turn_id:
                return
            del known[session_id]
            if known:
                self._rows.put(STOPS, dump(known))
            else:
                self._rows.drop(STOPS)

    def all(self) -> Mapping[str, str]:
        """Return the turns that are to stop, by session."""
        return {session_id: turn_id for session_id, (turn_id, _) in self._read().items()}

    def _read(self) -> dict[str, tuple[str, int]]:
        payload = self._rows.get(STOPS)
        return {} if payload is None else read(STOPS, payload, _checked)


def _checked(stops: dict[str, tuple[str, int]]) -> dict[str, tuple[str, int]]:
    return {str(session_id): (str(turn_id), int(at_ms)) for session_id, (turn_id, at_ms) in stops.items()}
