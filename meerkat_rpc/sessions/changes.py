"""What may be done to a session's head, apart from running turns: pure functions from a head to a change."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import AgentConfig, Labels, Message, SessionChange, SessionHead, Step, title_of
from meerkat_rpc.errors import SessionBusy, SessionNotFound
from meerkat_rpc.ids import new_id
from meerkat_rpc.sessions.service import CreateSession


def refuse_running(head: SessionHead) -> None:
    """Raise ``SessionBusy``, naming the owner, when the store says that a turn is running."""
    if head.running is not None:
        owner = head.running.owner
        raise SessionBusy(
            f"process {owner.pid} is running a turn in this session",
            session_id=head.session_id,
            turn_id=head.running.turn_id,
            owner={"pid": owner.pid, "process_id": owner.process_id, "host": owner.host},
        )


def refuse_archived(head: SessionHead) -> None:
    """Raise ``SessionNotFound`` when the session is archived: it can be read and not written."""
    if head.archived:
        raise SessionNotFound("the session is archived; session/unarchive takes it back", session_id=head.session_id)


def new_head(request: CreateSession, config: AgentConfig) -> SessionHead:
    """Return the head of a session to be; its first commit makes it revision 1."""
    at = now_ms()
    return SessionHead(
        session_id=request.session_id or new_id(),
        revision=0,
        created_ms=at,
        updated_ms=at,
        config=config,
        title=request.title,
        labels=request.labels,
        cwd=request.cwd,
    )


def forked_head(parent: SessionHead, messages: Sequence[Message]) -> SessionHead:
    """Return the head of a session that begins with ``messages`` of ``parent``."""
    at = now_ms()
    return SessionHead(
        session_id=new_id(),
        revision=0,
        created_ms=at,
        updated_ms=at,
        config=parent.config,
        title=f"{title_of(parent.title, parent.first_prompt)} (fork)",
        first_prompt=parent.first_prompt if messages else None,
        labels=dict(parent.labels),
        cwd=parent.cwd,
        message_count=len(messages),
        turn_count=sum(message.role == "user" for message in messages),
        parent_id=parent.session_id,
    )


def archived(head: SessionHead, _last_seq: int) -> SessionChange:
    """Put the session away. Raises ``SessionNotFound`` when it is, ``SessionBusy`` when a turn runs elsewhere."""
    if head.archived:
        raise SessionNotFound("the session is archived already", session_id=head.session_id)
    refuse_running(head)
    head.after(Step.ARCHIVE)
    return SessionChange(evolve(head, revision=head.revision + 1, archived=True, updated_ms=_later(head)))


def unarchived(head: SessionHead, _last_seq: int) -> SessionChange:
    """Take the session back; one that isn't archived is only touched."""
    if not head.archived:
        return SessionChange(evolve(head, revision=head.revision + 1))
    head.after(Step.UNARCHIVE)
    return SessionChange(evolve(head, revision=head.revision + 1, archived=False, updated_ms=_later(head)))


def retitled(head: SessionHead, title: str | None, labels: Labels | None) -> SessionChange:
    """Set the title and replace the labels; None leaves as is."""
    return SessionChange(
        evolve(
            head,
            revision=head.revision + 1,
            title=head.title if title is None else title,
            labels=head.labels if labels is None else labels,
            updated_ms=_later(head),
        )
    )


def _later(head: SessionHead) -> int:
    return max(now_ms(), head.updated_ms)
