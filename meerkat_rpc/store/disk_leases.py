"""Until when each process that uses the store said it is alive: one row, for there are few processes.

Belongs to the store thread.
"""

from __future__ import annotations

from attrs import define

from meerkat_rpc.clock import now_ms
from meerkat_rpc.errors import StoreCorrupt
from meerkat_rpc.store.codec import dump, read
from meerkat_rpc.store.disk_rows import Rows

LEASES = "leases"

FORGOTTEN_MS = 24 * 3600 * 1000
"""After how long a process that left without a word is forgotten."""


@define
class Leases:
    """The leases of a store."""

    _rows: Rows

    def renew(self, process_id: str, expires_ms: int) -> None:
        """Note that the process is alive until ``expires_ms``."""
        with self._rows.transaction(durable=False):
            oldest = now_ms() - FORGOTTEN_MS
            try:
                known = {process: until for process, until in self._read().items() if until > oldest}
            except StoreCorrupt:
                known = {}  # whoever is alive will say so again
            self._rows.put(LEASES, dump(known | {process_id: expires_ms}))

    def expiry(self, process_id: str) -> int | None:
        """Return until when the process said it is alive, or None."""
        return self._read().get(process_id)

    def drop(self, process_id: str) -> None:
        """Forget the process."""
        with self._rows.transaction(durable=False):
            known = self._read()
            if known.pop(process_id, None) is not None:
                self._rows.put(LEASES, dump(known))

    def _read(self) -> dict[str, int]:
        payload = self._rows.get(LEASES)
        return {} if payload is None else read(LEASES, payload, _checked)


def _checked(leases: dict[str, int]) -> dict[str, int]:
    return {str(process): int(until) for process, until in leases.items()}
