"""What may be done to a session's head, apart from running turns: pure functions from a head to a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import (
    AgentConfig,
    Compaction,
    ContextInjected,
    Labels,
    LoggedEvent,
    Message,
    QueuedPrompt,
    SessionChange,
    SessionHead,
    Step,
    Usage,
    title_of,
)
from meerkat_rpc.errors import InvalidArgument, SessionBusy, SessionNotFound
from meerkat_rpc.event_json import encode_event
from meerkat_rpc.ids import new_id
from meerkat_rpc.sessions.asking import waits_for_people
from meerkat_rpc.sessions.service import CreateSession


def refuse_running(head: SessionHead) -> None:
    """Raise ``SessionBusy``, naming the owner, when the store says that a turn is running."""
    if head.running is not None:
        owner = head.running.owner
        raise SessionBusy(
            "a turn waits for an approval in this session (approval/list): answer it, or interrupt the turn"
            if waits_for_people(head)
            else f"process {owner.pid} is running a turn in this session",
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


def queue_without(queue: Sequence[QueuedPrompt], turn_id: str) -> tuple[QueuedPrompt, ...]:
    """Return ``queue`` without the prompt that becomes, or no longer is to become, the turn ``turn_id``."""
    return tuple(item for item in queue if item.turn_id != turn_id)


def queued(head: SessionHead, item: QueuedPrompt, blobs: Mapping[str, bytes]) -> SessionChange:
    """Put a prompt into the queue. Raises ``InvalidArgument`` when its id is there already with another prompt."""
    refuse_archived(head)
    for known in head.queue:
        if known.turn_id == item.turn_id:
            if (known.prompt, known.attachments) != (item.prompt, item.attachments):
                raise InvalidArgument("params.turn_id: this id was used before, with another prompt")
            return SessionChange(evolve(head, revision=head.revision + 1))
    queue = (*head.queue, item)
    return SessionChange(evolve(head, revision=head.revision + 1, queue=queue, updated_ms=_later(head)), blobs=blobs)


def unqueued(head: SessionHead, turn_id: str) -> SessionChange:
    """Take a prompt out of the queue."""
    return SessionChange(evolve(head, revision=head.revision + 1, queue=queue_without(head.queue, turn_id)))


def injected(head: SessionHead, last_seq: int, message: Message, blobs: Mapping[str, bytes]) -> SessionChange:
    """Add a message to the history without a turn; behind the running turn's, where there is one."""
    refuse_archived(head)
    at = _later(head)
    if head.running is not None:
        context = (*head.context, message)
        return SessionChange(evolve(head, revision=head.revision + 1, updated_ms=at, context=context), blobs=blobs)
    said = LoggedEvent(last_seq + 1, at, message.turn_id, encode_event(ContextInjected(message.content)))
    count = head.message_count + 1
    changed = evolve(head, revision=head.revision + 1, updated_ms=at, message_count=count)
    return SessionChange(changed, messages=[message], events=[said], blobs=blobs)


def without_change(head: SessionHead, usage: Usage | None = None) -> SessionChange:
    """Return a change of nothing but ``usage``, which is added."""
    return SessionChange(
        evolve(head, revision=head.revision + 1, usage=head.usage + usage if usage is not None else head.usage)
    )


def reconfigured(head: SessionHead, config: AgentConfig) -> SessionHead:
    """Return the head with the session's settings changed: they hold from the next turn on."""
    return evolve(head, config=head.config.overlaid(config))


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
        turn_count=sum(message.role == "user" and message.kind is None for message in messages),
        parent_id=parent.session_id,
        allowed=parent.allowed,
        compaction=_compaction_within(parent, len(messages)),
    )


def _compaction_within(parent: SessionHead, count: int) -> Compaction | None:
    """Return the parent's compaction if it stands for nothing beyond its first ``count`` messages."""
    known = parent.compaction
    return known if known is not None and known.first_kept <= count else None


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


def updated(head: SessionHead, title: str | None, labels: Labels | None, config: AgentConfig) -> SessionChange:
    """Set the title, replace the labels, change the session's settings; None leaves as is."""
    return SessionChange(
        evolve(
            reconfigured(head, config),
            revision=head.revision + 1,
            title=head.title if title is None else title,
            labels=head.labels if labels is None else labels,
            updated_ms=_later(head),
        )
    )


def _later(head: SessionHead) -> int:
    return max(now_ms(), head.updated_ms)
