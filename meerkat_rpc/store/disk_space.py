"""Giving the space of what was deleted back to the disk, a few milliseconds at a time. Belongs to the store thread."""

from __future__ import annotations

from meerkat_rpc.store import disk_removals
from meerkat_rpc.store.disk_blobs import Blobs
from meerkat_rpc.store.disk_rows import Rows

SPARE_PAGES = 256
"""Free pages (of 4 KiB) that stay: the next turns use them at once, and a file that breathes is not worth a write."""

MANY_PAGES = 16_384
"""Free pages from which giving back goes before removing: SQLite looks for each page in the list of all free ones, so
a list of a gigabyte would make that slow."""

STEP_PAGES = 128
"""Pages given back at once, for the reason of ``STEP_BYTES``."""


def tidy_step(rows: Rows, blobs: Blobs) -> bool:
    """Remove something of a deleted session, or give some space back; return whether there was anything to do.

    Raises:
        StoreError: the store refused.
    """
    if rows.free_pages() <= MANY_PAGES and (disk_removals.step(rows) or blobs.step()):
        return True
    before = rows.free_pages()
    if before <= SPARE_PAGES:
        return False
    rows.give_back(min(STEP_PAGES, before - SPARE_PAGES))
    return rows.free_pages() < before
