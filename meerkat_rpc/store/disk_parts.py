"""Puts the durable store together. Imports diskcache: only the store thread does so, when the store is opened."""

from __future__ import annotations

from attrs import define

from meerkat_rpc.domain import StoreUsage
from meerkat_rpc.store import disk_index
from meerkat_rpc.store.disk_blobs import Blobs
from meerkat_rpc.store.disk_catalogue import Catalogue
from meerkat_rpc.store.disk_folder import LOG, StoreFolder
from meerkat_rpc.store.disk_folding import Folder
from meerkat_rpc.store.disk_heads import Heads
from meerkat_rpc.store.disk_lanes import Lanes
from meerkat_rpc.store.disk_leases import Leases
from meerkat_rpc.store.disk_rows import Rows, open_rows
from meerkat_rpc.store.disk_sessions import Sessions
from meerkat_rpc.store.disk_space import tidy_step
from meerkat_rpc.store.disk_stops import Stops


@define
class Parts:
    """An open store."""

    rows: Rows
    lanes: Lanes
    folder: Folder
    leases: Leases
    stops: Stops
    blobs: Blobs
    heads: Heads
    sessions: Sessions

    def tidy(self) -> bool:
        """Do a step of clearing up; return whether there was anything to do."""
        return tidy_step(self.rows, self.blobs)

    def usage(self) -> StoreUsage:
        """Return the room that the store takes."""
        folder = self.rows.folder
        sizes = folder.sizes()
        return StoreUsage(sum(sizes.values()), sizes.get(LOG, 0), self.rows.free_bytes(), folder.disk_free())


def open_parts(path: str) -> Parts:
    """Open the store in the directory ``path``, or create it. Raises ``StoreError``."""
    return parts_of(open_rows(StoreFolder(path), disk_index.begin))


def parts_of(rows: Rows) -> Parts:
    """Return the parts that work on ``rows``."""
    lanes, blobs, heads = Lanes(rows), Blobs(rows), Heads(rows)
    sessions = Sessions(rows, lanes, heads, blobs, Catalogue(rows))
    return Parts(rows, lanes, Folder(rows, lanes), Leases(rows), Stops(rows), blobs, heads, sessions)
