"""Answers to the questions of turns, and by-hand compaction: what happens to a live session beside its turns."""

from __future__ import annotations

from collections.abc import Iterable

from meerkat_rpc.agents.base import Summariser
from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import (
    Approval,
    CompactionCompleted,
    CompactionFailed,
    Event,
    LoggedEvent,
    Owner,
    Remember,
    SessionChange,
    SessionHead,
)
from meerkat_rpc.errors import CapabilityUnavailable, ProviderError, StoreError
from meerkat_rpc.event_json import encode_event
from meerkat_rpc.ids import new_id
from meerkat_rpc.sessions import asking
from meerkat_rpc.sessions.changes import refuse_archived, refuse_running, without_change
from meerkat_rpc.sessions.compacting import Compactor
from meerkat_rpc.sessions.compaction import estimated_tokens
from meerkat_rpc.sessions.live import LiveSession
from meerkat_rpc.sessions.live_turns import LiveTurns
from meerkat_rpc.sessions.reading import read_messages
from meerkat_rpc.sessions.service import Compacted, Waiting
from meerkat_rpc.sessions.surroundings import Surroundings
from meerkat_rpc.sessions.taking_up import taken_over
from meerkat_rpc.sessions.turn_events import Aside, TurnEvents


async def respond(
    session: LiveSession,
    surroundings: Surroundings,
    approval_id: str,
    choice: str,
    remember: Remember,
    gone: Owner | None = None,
) -> Approval:
    """Keep an answer, and pass it to the turn if that runs here. See ``SessionService``.

    ``gone``: the turn's process, if it has ended. The commit that has the answer makes the turn ours: whoever looks at
    the session afterwards must not take it for abandoned.
    """
    approval = asking.find(session.head, approval_id)
    asking.check_answer(approval, choice, remember)
    if remember == "always" and approval.choice is None:
        await _remember(surroundings, str(approval.rule))

    def build(head: SessionHead, _: int) -> SessionChange:
        change = asking.answered(head, approval_id, choice, remember)
        return change if gone is None else taken_over(change, gone, session.owner)

    change = await session.change(build)
    kept = asking.find(change.head, approval_id)
    if session.turn is not None:
        session.turn.answered(kept)
    return kept


async def _remember(surroundings: Surroundings, rule: str) -> None:
    if surroundings.remember is None:
        raise StoreError('there is no configuration file that could keep this; answer with remember: "session"')
    await surroundings.remember(rule)


def waiting_in(heads: Iterable[SessionHead]) -> list[Waiting]:
    """Return the questions that wait in the sessions of ``heads``, the oldest first."""
    found = [Waiting(head.session_id, approval) for head in heads for approval in asking.waiting(head)]
    return sorted(found, key=lambda item: item.approval.requested_ms)


async def compact(turns: LiveTurns, session: LiveSession) -> Compacted:
    """Compact a session that runs no turn. See ``SessionService``."""
    refuse_archived(session.head)
    refuse_running(session.head)
    settings = turns.surroundings.settings_for(session.head.cwd).compaction
    with session.alone():
        agent = turns.build(session.head.config)
        if not isinstance(agent, Summariser):
            raise CapabilityUnavailable(
                f"model {session.head.config.model} can't summarise; choose a language model for the session",
                session_id=session.session_id,
            )
        log = _Log(turns, session)
        before = session.head.compaction
        start = before.first_kept if before else 0
        messages = await read_messages(session.journal, session.head.message_count - start, start)
        try:
            usage = await Compactor(session, settings, agent, log.emit).compact(messages, estimated_tokens(messages))
        finally:
            log.close()
        if usage is not None:
            await session.change(lambda head, _: without_change(head, usage))
        return log.result(len(messages) + (before is not None and bool(before.summary)))


class _Log:
    """Logs what happens outside of turns, each event in a commit of its own."""

    def __init__(self, turns: LiveTurns, session: LiveSession) -> None:
        self._turns = turns
        self._session = session
        self._id = new_id()
        self._last: Event | None = None
        self._shown: TurnEvents | None = None

    async def emit(self, event: Event) -> None:
        """Log and publish ``event``."""
        self._last = event
        body = encode_event(event)

        def build(head: SessionHead, last_seq: int) -> SessionChange:
            refuse_running(head)
            change = without_change(head)
            logged = LoggedEvent(last_seq + 1, now_ms(), self._id, body)
            return SessionChange(change.head, events=[logged])

        change = await self._session.change(build)
        self._session.feed.publish(change.events)
        if self._shown is None:
            self._shown = TurnEvents(self._session.feed, self._id, change.events[0].seq)
            self._turns.tell(Aside(self._session.session_id, self._id, self._shown))

    def close(self) -> None:
        """Note that nothing more happens."""
        if self._shown is not None:
            self._shown.ended = True
        self._session.feed.look_again()
        self._session.feed.rest()

    def result(self, count: int) -> Compacted:
        """Return what came of it. Raises ``ProviderError`` when it failed."""
        if isinstance(self._last, CompactionFailed):
            raise ProviderError(
                f"the history was not compacted: {self._last.error}", session_id=self._session.session_id
            )
        if isinstance(self._last, CompactionCompleted):
            done = self._last
            return Compacted(done.messages_before, done.messages_after, done.summary_tokens)
        return Compacted(count, count, 0)
