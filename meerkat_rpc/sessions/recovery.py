"""Ending a turn whose process is gone: what it had said is kept, and the session takes the next turn."""

from __future__ import annotations

from meerkat_rpc.domain import RunningTurn, SessionHead, TurnOutcome, TurnRecord
from meerkat_rpc.errors import RevisionConflict
from meerkat_rpc.event_json import decode_event
from meerkat_rpc.sessions.ending import HOST_EXIT, Ending, ending_change
from meerkat_rpc.sessions.transcript import TurnTranscript
from meerkat_rpc.store.base import Store

EVENT_PAGE = 512
"""Events read at a time."""


async def recover(store: Store, head: SessionHead, ending: Ending = HOST_EXIT) -> SessionHead | None:
    """End the turn that ``head`` says is running, as interrupted by its host's exit; return the head after that.

    When two processes recover the same turn, one commit wins and both see the same end.

    Raises:
        StoreError: the store refused.
    """
    running = head.running
    if running is None:
        return head
    transcript, last_seq = await _replay(store, head, running)
    record = await store.turn(head.session_id, running.turn_id) or _record_of(running)
    change = ending_change(head, record, transcript, ending, [], last_seq)
    try:
        await store.commit(change)
    except RevisionConflict:
        return await store.head(head.session_id)
    return change.head


async def _replay(store: Store, head: SessionHead, running: RunningTurn) -> tuple[TurnTranscript, int]:
    """Return what the turn had said according to the log, and where the log ends."""
    transcript = TurnTranscript(running.turn_id, {item.turn_id: item.attachments for item in head.queue})
    cursor = running.first_seq - 1
    while page := await store.events(head.session_id, cursor, EVENT_PAGE):
        for logged in page:
            event = decode_event(logged.body)
            if event is not None:
                transcript.add(event)
        cursor = page[-1].seq
    return transcript, cursor


def _record_of(running: RunningTurn) -> TurnRecord:
    return TurnRecord(running.turn_id, "", TurnOutcome.RUNNING, running.first_seq, running.first_message)
