"""How much room sessions take, counted beside the open store, on a connection of its own: nobody waits for it."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing

from meerkat_rpc.store.disk_blobs import blob_key, reference_key
from meerkat_rpc.store.disk_cache import FAILURES, connect, explain, key_range
from meerkat_rpc.store.disk_folder import StoreFolder


def sizes_of_sessions(folder: StoreFolder, numbers: Collection[int]) -> dict[int, int]:
    """Return how many bytes the rows of each session hold, and its shares of blobs, by its number.

    The values aren't read, only their rows' headers: it takes a second a gigabyte. Belongs to no thread.

    Raises:
        StoreError: the database can't be read.
    """
    try:
        return _measured(folder.database, numbers)
    except FAILURES as error:
        raise explain(error, folder.path) from error


def _measured(database: str, numbers: Collection[int]) -> dict[int, int]:
    with closing(connect(database, "ro")) as connection:

        def ask(question: str, *values: int | str) -> int:
            (answer,) = connection.execute(question, values).fetchone()
            return answer or 0

        def shares(number: int) -> int:
            """Return the bytes of the blobs that a session refers to, each divided by how many sessions do."""
            select = "SELECT tag FROM Cache WHERE key >= ? AND key < ? AND raw = 1"
            digests = connection.execute(select, key_range(reference_key(number, ""))).fetchall()
            return sum(ask(_BYTES, blob_key(digest)) // ask(_ROWS, digest) for (digest,) in digests)

        return {number: ask(_BYTES, number) + shares(number) for number in numbers}


_BYTES = "SELECT SUM(LENGTH(value)) FROM Cache WHERE tag = ?"
_ROWS = "SELECT COUNT(*) FROM Cache WHERE tag = ?"
