"""Taking up a turn that another process left waiting for an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from meerkat_rpc.domain import LoggedEvent, Owner, QueuedPrompt, SessionChange, SessionHead, TurnRecord
from meerkat_rpc.errors import SessionNotRunning, StoreError
from meerkat_rpc.event_json import decode_event
from meerkat_rpc.sessions.transcript import TurnTranscript

if TYPE_CHECKING:
    from meerkat_rpc.sessions.live import LiveSession

EVENT_PAGE = 512
"""Events read at a time."""


async def wanted_by(session: LiveSession) -> QueuedPrompt:
    """Return what the session's waiting turn was started with.

    Raises:
        SessionNotRunning: no turn waits.
        StoreError: its prompt isn't there.
    """
    head = session.head
    if head.running is None:
        raise SessionNotRunning("no turn is running", session_id=head.session_id)
    messages = await session.journal.messages(head.running.first_message, 1)
    if not messages:
        raise StoreError("the prompt of the turn that waits is missing", session_id=head.session_id)
    return QueuedPrompt(head.running.turn_id, messages[0].content, head.turn_config, messages[0].attachments)


async def replayed(session: LiveSession, turn_id: str, transcript: TurnTranscript) -> tuple[TurnRecord, int]:
    """Fill ``transcript`` with what the turn has done; return its record and when it began (ms since the epoch)."""
    record = await session.journal.turn(turn_id)
    if record is None or session.head.running is None:
        raise StoreError("the record of the turn that waits is missing", session_id=session.session_id)
    cursor = record.first_seq - 1
    while page := await session.journal.events(cursor, EVENT_PAGE):
        _add(page, transcript)
        cursor = page[-1].seq
    return record, session.head.running.started_ms


def _add(page: Sequence[LoggedEvent], transcript: TurnTranscript) -> None:
    for logged in page:
        event = decode_event(logged.body)
        if event is not None and logged.turn_id == transcript.turn_id:
            transcript.add(event)


def taken_up(head: SessionHead, turn_id: str, owner: Owner) -> SessionChange:
    """Return the change with which ``owner`` begins to go on with the turn, which is its own already.

    Raises:
        SessionNotRunning: the turn is over.
    """
    if head.running is None or head.running.turn_id != turn_id or head.running.owner != owner:
        raise SessionNotRunning("the turn is over, or another process', by now", turn_id=turn_id)
    return SessionChange(evolve(head, revision=head.revision + 1))


def taken_over(change: SessionChange, gone: Owner, owner: Owner) -> SessionChange:
    """Return ``change`` with the turn of the process ``gone`` made ``owner``'s, unless somebody else was faster."""
    running = change.head.running
    if running is None or running.owner != gone:
        return change
    return evolve(change, head=evolve(change.head, running=evolve(running, owner=owner)))
