"""What every store refuses, in one place."""

from __future__ import annotations

from collections.abc import Sequence

from meerkat_rpc.domain import LoggedEvent, SessionChange
from meerkat_rpc.errors import RevisionConflict


def refuse_stale(change: SessionChange, revision: int, message_count: int, last_seq: int, holder: str | None) -> None:
    """Refuse ``change`` unless it was made from what is stored.

    Args:
        change: what is to be committed.
        revision: the stored head's; 0 when there is none.
        message_count: the stored head's; 0 when there is none.
        last_seq: the log's last sequence number.
        holder: the session that was created with ``change.create_turn_id`` already, if any.

    Raises:
        RevisionConflict: it wasn't.
        ValueError: its head doesn't count the messages it brings.
    """
    head = change.head
    if revision != head.revision - 1:
        raise _conflict(head.session_id, f"is at revision {revision}, and the change would make it {head.revision}")
    if holder is not None:
        raise _conflict(head.session_id, f"can't be created: its first turn's id belongs to session {holder}")
    refuse_gap(head.session_id, change.events, last_seq)
    if head.message_count != message_count + len(change.messages):
        raise ValueError(
            f"session {head.session_id} has {message_count} messages, the change brings {len(change.messages)}, "
            f"and its head says {head.message_count}"
        )


def refuse_gap(session_id: str, events: Sequence[LoggedEvent], last_seq: int) -> None:
    """Raise ``RevisionConflict`` unless the sequence numbers of ``events`` go on from ``last_seq``."""
    for seq, event in enumerate(events, last_seq + 1):
        if event.seq != seq:
            raise _conflict(session_id, f"expects event {seq} next, and was given {event.seq}")


def gone(session_id: str) -> RevisionConflict:
    """Return the refusal to append to a session that isn't there."""
    return _conflict(session_id, "is gone")


def _conflict(session_id: str, what: str) -> RevisionConflict:
    return RevisionConflict(f"Session {session_id} {what}. Nothing was written.", session_id=session_id)
