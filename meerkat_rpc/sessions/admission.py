"""Letting a turn in: the commit that makes its prompt durable, and after which it runs."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, field, frozen

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import (
    FIRST_PROMPT_CHARS,
    LoggedEvent,
    Owner,
    QueuedPrompt,
    RunningTurn,
    RunStarted,
    SessionChange,
    SessionHead,
    Step,
    TurnOutcome,
    TurnRecord,
)
from meerkat_rpc.errors import StoreError
from meerkat_rpc.event_json import encode_event
from meerkat_rpc.sessions.changes import queue_without, refuse_archived, refuse_running
from meerkat_rpc.sessions.ending import prompt_digest, user_message


@frozen
class FirstCommit:
    """What the commit brings besides the turn: see ``SessionChange``."""

    create_turn_id: str | None = None
    blobs: Mapping[str, bytes] = field(factory=dict)


def admitted(wanted: QueuedPrompt, owner: Owner, first: FirstCommit, head: SessionHead, last_seq: int) -> SessionChange:
    """Return the change by which ``owner`` runs the turn that is ``wanted``.

    Raises:
        SessionBusy: another process runs a turn.
        SessionNotFound: the session is archived.
    """
    refuse_running(head)
    refuse_archived(head)
    head.after(Step.ADMIT)
    at, turn_id, prompt = max(now_ms(), head.updated_ms), wanted.turn_id, wanted.prompt
    return SessionChange(
        head=evolve(
            head,
            revision=head.revision + 1,
            updated_ms=at,
            first_prompt=head.first_prompt if head.first_prompt is not None else prompt[:FIRST_PROMPT_CHARS],
            message_count=head.message_count + 1,
            turn_count=head.turn_count + 1,
            running=RunningTurn(turn_id, owner, last_seq + 1, head.message_count, at),
            turn_config=wanted.config,
            queue=queue_without(head.queue, turn_id),
        ),
        messages=[user_message(wanted, at)],
        events=[LoggedEvent(last_seq + 1, at, turn_id, encode_event(RunStarted(head.session_id, prompt)))],
        turn=TurnRecord(
            turn_id=turn_id,
            prompt_digest=prompt_digest(prompt, wanted.attachments),
            outcome=TurnOutcome.RUNNING,
            first_seq=last_seq + 1,
            first_message=head.message_count,
        ),
        create_turn_id=first.create_turn_id,
        blobs=first.blobs,
    )


def admitted_record(change: SessionChange) -> TurnRecord:
    """Return the record of the turn that ``change`` let in."""
    if change.turn is None:
        raise StoreError("a turn was let in without a record")  # no change of ``admitted`` is like that
    return change.turn
