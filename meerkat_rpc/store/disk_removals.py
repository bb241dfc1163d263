"""Sessions that were deleted and whose rows are still going. Belongs to the store thread.

    removals    [[the session's number, its id], …]

A session of some hundred megabytes takes seconds to remove. So its deletion is one small commit, which takes its head
and its log away and puts it on this list; the other rows follow in steps, between others' work, after a restart too.
Whoever looks for the session's content looks for its head or log first, so nothing that is left of it is ever seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from meerkat_rpc.store.codec import dump, read
from meerkat_rpc.store.disk_rows import Rows

REMOVALS = "removals"


def read_removals(rows: Rows) -> list[tuple[int, str]]:
    """Return number and id of each session that is being removed."""
    payload = rows.get(REMOVALS)
    return [] if payload is None else read(REMOVALS, payload, lambda found: [(int(n), str(id_)) for n, id_ in found])


def note(rows: Rows, number: int, session_id: str) -> None:
    """Put a session on the list, in the transaction that deletes it."""
    _write(rows, [*read_removals(rows), (number, session_id)])


def step(rows: Rows) -> bool:
    """Remove some rows of a session that is on the list; return whether there was one.

    Needn't be durable: after a loss of power the step is done again.
    """
    if not read_removals(rows):
        return False
    with rows.transaction(durable=False):
        removals = read_removals(rows)  # another process may have been faster
        if removals and not rows.drop_some(removals[0][0]):
            _write(rows, removals[1:])
    return True


def finish(rows: Rows, session_id: str) -> None:
    """Remove what is left of a session, in the transaction that creates another under the same id."""
    removals = read_removals(rows)
    for number, known in removals:
        if known == session_id:
            while rows.drop_some(number):
                pass
            _write(rows, [entry for entry in removals if entry[1] != session_id])


def _write(rows: Rows, removals: Sequence[tuple[int, str]]) -> None:
    if removals:
        rows.put(REMOVALS, dump(removals))
    else:
        rows.drop(REMOVALS)
