"""What every store refuses, in one place."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence

from attrs import frozen

from meerkat_rpc.domain import Folding, LoggedEvent, Message, QueuedPrompt, SessionChange, SessionHead, TurnOutcome
from meerkat_rpc.errors import RevisionConflict, TurnTaken

FOLD_BLOCK = 512
"""What is folded at once lies between two multiples of this sequence number: a turn that has to wait for it waits some
milliseconds. A longer run of deltas becomes several events."""


_DIGEST = re.compile(r"[0-9a-f]{64}")


@frozen
class Stored:
    """What is stored of a session that is to be changed; the defaults say that there is none.

    Args:
        revision: the head's.
        created_ms: the head's. It tells a session from one that was deleted and had the same id.
        message_count: the head's.
        last_seq: the log's last sequence number.
    """

    revision: int = 0
    created_ms: int = 0
    message_count: int = 0
    last_seq: int = 0


def refuse_stale(change: SessionChange, stored: Stored, *, holder: str | None, turn_taken: bool) -> None:
    """Refuse ``change`` unless it was made from what is stored.

    Args:
        change: what is to be committed.
        stored: what there is.
        holder: the session that was created with ``change.create_turn_id`` already, if any.
        turn_taken: whether there is a record of the turn that ``admitted_turn`` names.

    Raises:
        RevisionConflict: it wasn't.
        ValueError: its head doesn't count the messages it brings.
    """
    head, where = change.head, change.head.session_id
    if stored.revision != head.revision - 1:
        raise _conflict(where, f"is at revision {stored.revision}, and the change would make it {head.revision}")
    if stored.revision and stored.created_ms != head.created_ms:
        raise _conflict(where, "was deleted, and its id is another session's now")
    if holder is not None:
        raise _conflict(where, f"can't be created: its first turn's id belongs to session {holder}")
    if turn_taken:
        raise TurnTaken(f"Session {where} has that turn already. Nothing was written.", session_id=where)
    refuse_gap(where, change.events, stored.last_seq)
    if head.message_count != stored.message_count + len(change.messages):
        raise ValueError(
            f"session {where} has {stored.message_count} messages, the change brings {len(change.messages)}, "
            f"and its head says {head.message_count}"
        )


def admitted_turn(change: SessionChange) -> str | None:
    """Return the id of the turn that ``change`` lets in, or None."""
    return change.turn.turn_id if change.turn and change.turn.outcome is TurnOutcome.RUNNING else None


def refuse_gap(session_id: str, events: Sequence[LoggedEvent], last_seq: int) -> None:
    """Raise ``RevisionConflict`` unless the sequence numbers of ``events`` go on from ``last_seq``."""
    for seq, event in enumerate(events, last_seq + 1):
        if event.seq != seq:
            raise _conflict(session_id, f"expects event {seq} next, and was given {event.seq}")


def run_checksum(run: Iterable[LoggedEvent], checksum: int = 0) -> int:
    """Return the checksum of a run of events, for ``Folding``: what they are and whose they are.

    ``checksum`` is that of the part of the run before ``run``.
    """
    for event in run:
        checksum = zlib.crc32(event.body, zlib.crc32(event.turn_id.encode(), checksum))
    return checksum


def refuse_wide(foldings: Iterable[Folding]) -> None:
    """Raise ``ValueError`` unless each run lies within one block."""
    for first, _, event in foldings:
        if not 1 <= first <= event.seq or (first - 1) // FOLD_BLOCK != (event.seq - 1) // FOLD_BLOCK:
            raise ValueError(f"events {first} to {event.seq} can't be folded at once")


def is_unfolded(folding: Folding, run: Sequence[LoggedEvent]) -> bool:
    """Return whether ``run``, what is stored in its place, is what ``folding`` was made of."""
    return len(run) == folding.event.seq + 1 - folding.first_seq and run_checksum(run) == folding.checksum


def refuse_other(seen: SessionHead | None, revision: int, created_ms: int) -> None:
    """Raise ``RevisionConflict`` when the stored head, of which these are parts, is not the one ``seen``."""
    if seen is not None and (seen.revision, seen.created_ms) != (revision, created_ms):
        raise _conflict(seen.session_id, "has changed since it was looked at")


def referred_blobs(change: SessionChange) -> set[str]:
    """Return the digests of the blobs that the session refers to because of ``change``."""
    head = change.head
    return digests_in((*change.messages, *head.context, *head.queue)) | change.blobs.keys()


def digests_in(holders: Iterable[Message | QueuedPrompt]) -> set[str]:
    """Return the digests of what is attached to any of ``holders``."""
    return {attachment.digest for holder in holders if holder.attachments for attachment in holder.attachments}


def refuse_misnamed(blobs: Mapping[str, bytes]) -> None:
    """Raise ``ValueError`` unless each content has the digest under which it is brought."""
    for digest, content in blobs.items():
        if not is_content(digest, content):
            raise ValueError(f"the content brought as blob {digest} has another digest")


def is_digest(text: str) -> bool:
    """Return whether ``text`` is a digest as attachments have it."""
    return _DIGEST.fullmatch(text) is not None


def is_content(digest: str, content: bytes | bytearray) -> bool:
    """Return whether ``content`` is that of the blob ``digest``."""
    return hashlib.sha256(content).hexdigest() == digest


def missing_blobs(session_id: str, digests: Collection[str]) -> ValueError:
    """Return the refusal of a change that refers to blobs that are neither stored nor brought."""
    return ValueError(f"session {session_id} would refer to blobs that aren't there: {', '.join(sorted(digests))}")


def gone(session_id: str) -> RevisionConflict:
    """Return the refusal to append to a session that isn't there."""
    return _conflict(session_id, "is gone")


def _conflict(session_id: str, what: str) -> RevisionConflict:
    return RevisionConflict(f"Session {session_id} {what}. Nothing was written.", session_id=session_id)
