"""Prompts that don't start a turn at once: added to the running one, waiting for its end, or only to be known."""

from __future__ import annotations

from attrs import evolve

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import Message, QueuedPrompt, SessionChange, SessionHead, TurnOutcome
from meerkat_rpc.errors import SessionNotRunning
from meerkat_rpc.ids import new_id
from meerkat_rpc.sessions import changes, replay
from meerkat_rpc.sessions.live import LiveSession
from meerkat_rpc.sessions.live_turns import LiveTurns
from meerkat_rpc.sessions.service import Injected, Queued, StartTurn
from meerkat_rpc.sessions.turn_events import Aside, TurnEvents


def prompt_of(request: StartTurn, *, steer: bool = False) -> QueuedPrompt:
    """Return the prompt that ``request`` brings, under an id of its own where it brings none."""
    turn_id = request.turn_id or new_id()
    return QueuedPrompt(turn_id, request.prompt, request.config, tuple(request.attachments), steer)


async def steer(session: LiveSession, request: StartTurn, expected_turn_id: str | None) -> Queued:
    """Add to the running turn. See ``SessionService``."""
    running = _running_turn(session)
    if request.turn_id is not None and request.turn_id == running:  # names the turn, not the addition
        request = evolve(request, turn_id=None)
    if request.turn_id is not None and await _has_begun(session, request):
        return Queued(request.turn_id, 0)
    if running is None or expected_turn_id not in (None, running):
        raise SessionNotRunning(
            "no turn is running that could be added to; turn/start or turn/enqueue starts one",
            session_id=session.session_id,
        )
    item = prompt_of(request, steer=True)
    change = await session.change(lambda head, _: changes.queued(head, item, request.blobs))
    return Queued(running, _position(change.head.queue, item.turn_id))


def _running_turn(session: LiveSession) -> str | None:
    if session.turn is not None:
        return session.turn.turn_id
    return session.head.running.turn_id if session.head.running is not None else None


async def enqueue(turns: LiveTurns, session: LiveSession, request: StartTurn) -> Queued:
    """Start a turn when the running one ends. See ``SessionService``."""
    if request.turn_id is not None and await _has_begun(session, request):
        return Queued(request.turn_id, 0)
    item = prompt_of(request)
    change = await session.change(lambda head, _: changes.queued(head, item, request.blobs))
    position = _position(change.head.queue, item.turn_id)
    if not session.busy and session.head.running is None:
        begun = turns.start_queued(session)
        if begun is not None and begun.turn_id == item.turn_id:
            return Queued(item.turn_id, 0, begun)
    return Queued(item.turn_id, position)


async def _has_begun(session: LiveSession, request: StartTurn) -> bool:
    """Return whether the turn was started before: a repeat of it starts nothing."""
    if session.turn is not None and session.turn.turn_id == request.turn_id:
        digest = replay.digest_of(session.turn)
    else:
        record = await session.journal.turn(str(request.turn_id))
        if record is None:
            return False
        if record.outcome is TurnOutcome.RUNNING and not record.prompt_digest:
            return True
        digest = record.prompt_digest
    replay.check_prompt(digest, request)
    return True


async def dequeue(session: LiveSession, turn_id: str) -> bool:
    """Take back a prompt that waits. See ``SessionService``."""
    found = False
    if session.turn is not None and turn_id in session.turn.transcript.steered:
        return False

    def build(head: SessionHead, _: int) -> SessionChange:
        nonlocal found
        found = any(item.turn_id == turn_id for item in head.queue)
        return changes.unqueued(head, turn_id)

    await session.change(build)
    return found


async def inject(turns: LiveTurns, session: LiveSession, request: StartTurn) -> Injected:
    """Add context without a turn. See ``SessionService``."""
    item = prompt_of(request)
    message = Message("user", item.prompt, item.turn_id, now_ms(), kind="context", attachments=item.attachments)
    change = await session.change(lambda head, last: changes.injected(head, last, message, request.blobs))
    head = change.head
    if change.events:
        events = TurnEvents(session.feed, item.turn_id, change.events[0].seq, ended=True)
        session.feed.publish(change.events)
        turns.tell(Aside(session.session_id, item.turn_id, events))
        session.feed.rest()
    return Injected(head.message_count + len(head.context) - 1, staged=not change.events)


def _position(queue: tuple[QueuedPrompt, ...], turn_id: str) -> int:
    return next((index for index, item in enumerate(queue) if item.turn_id == turn_id), 0)
