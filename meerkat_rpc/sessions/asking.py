"""A turn's questions to people: asked once, durable before they are seen, answered from anywhere.

A question is committed with the session's head before its event is sent, and so is its answer. So a client that
attaches later finds it, another process can answer it, and a turn whose process has gone is taken up where it asked.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import (
    JSON,
    Approval,
    ApprovalRequested,
    ApprovalResolved,
    Event,
    Remember,
    SessionChange,
    SessionHead,
)
from meerkat_rpc.errors import InvalidArgument, StoreError
from meerkat_rpc.event_json import as_json
from meerkat_rpc.ids import new_id

if TYPE_CHECKING:
    from meerkat_rpc.sessions.live import LiveSession

LOOK_S = 0.25
"""How often an answer that another process took is looked for: soon for a person, and four small reads a second."""

SEPARATOR = "/"
"""Between the session's id and the question's own in an approval's id, by which its session is found."""


class Asking:
    """The questions of one turn.

    Args:
        session: the turn's session.
        turn_id: the turn.
        resumable: whether the turn's agent can take it up again in another process.
        resolved: ids of the questions whose answer is in the log already.
        emit: emits an event of the turn.
        flushed: waits until what was emitted is in the log.
        waiting: is told when the turn begins (True) and ends to wait for somebody.
    """

    def __init__(
        self,
        session: LiveSession,
        turn_id: str,
        *,
        resumable: bool,
        resolved: set[str],
        emit: Callable[[Event], Awaitable[None]],
        flushed: Callable[[], Awaitable[None]],
        waiting: Callable[[bool], None],
    ) -> None:
        self._session = session
        self._turn_id = turn_id
        self._resumable = resumable
        self._resolved = resolved
        self._emit = emit
        self._flushed = flushed
        self._waiting = waiting
        self._answers: dict[str, asyncio.Future[Approval]] = {}

    @property
    def waits_resumably(self) -> bool:
        """Whether the turn waits for somebody and could be taken up by another process."""
        return self._resumable and self.waits

    @property
    def waits(self) -> bool:
        """Whether the turn waits for somebody."""
        return any(not answer.done() for answer in self._answers.values())

    @property
    def open_keys(self) -> list[str]:
        """The keys of the turn's questions whose answer is not in the log."""
        mine = (item for item in self._session.head.approvals if item.turn_id == self._turn_id)
        return [item.key for item in mine if item.approval_id not in self._resolved]

    async def ask(
        self, kind: str, summary: str, details: JSON, choices: Sequence[str], *, key: str, rule: str | None = None
    ) -> str:
        """Ask and return the choice. See ``AgentTurn.ask``."""
        approval = self._asked_before(key)
        if approval is None:
            approval = await self._request(kind, summary, details, choices, key=key, rule=rule)
        if approval.choice is None:
            approval = await self._answer_to(approval.approval_id)
        if approval.approval_id not in self._resolved:
            self._resolved.add(approval.approval_id)
            await self._emit(ApprovalResolved(approval.approval_id, str(approval.choice)))
        if not approval.taken:  # durable before what was asked for begins: nobody begins it a second time
            await self._session.change(lambda head, _: _taken(head, approval.approval_id))
        return str(approval.choice)

    def answered(self, approval: Approval) -> None:
        """Take an answer that was committed by this process."""
        waiting = self._answers.get(approval.approval_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(approval)

    def _asked_before(self, key: str) -> Approval | None:
        mine = (item for item in self._session.head.approvals if item.turn_id == self._turn_id)
        return next((item for item in mine if item.key == key), None)

    async def _request(
        self, kind: str, summary: str, details: JSON, choices: Sequence[str], *, key: str, rule: str | None
    ) -> Approval:
        approval = Approval(
            approval_id=f"{self._session.session_id}{SEPARATOR}{new_id()}",
            turn_id=self._turn_id,
            kind=as_json(kind),
            summary=as_json(summary),
            details=as_json(details),
            choices=tuple(as_json([str(choice) for choice in choices])),
            requested_ms=now_ms(),
            key=as_json(key),
            resumable=self._resumable,
            rule=rule,
        )
        await self._flushed()  # whoever takes the turn up has to know how far it got
        await self._session.change(lambda head, _: _asked(head, approval))
        await self._emit(
            ApprovalRequested(
                approval.approval_id, approval.kind, approval.summary, approval.details, list(approval.choices)
            )
        )
        return approval

    async def _answer_to(self, approval_id: str) -> Approval:
        waiting: asyncio.Future[Approval] = asyncio.get_running_loop().create_future()
        self._answers[approval_id] = waiting
        self._waiting(True)  # noqa: FBT003 - begins
        try:
            if not self._session.journal.durable:
                return await waiting
            while not (await asyncio.wait({waiting}, timeout=LOOK_S))[0]:
                await self._look(approval_id)
            return waiting.result()
        finally:
            del self._answers[approval_id]
            self._waiting(False)  # noqa: FBT003 - ends

    async def _look(self, approval_id: str) -> None:
        """See whether another process took the answer."""
        with contextlib.suppress(StoreError):  # said to whoever next writes; the question goes on waiting
            head, _ = await self._session.journal.reload()
            for item in head.approvals if head is not None else ():
                if item.approval_id == approval_id and item.choice is not None:
                    await self._session.catch_up()  # with the rule that the answer may have brought
                    self.answered(item)


def session_of(approval_id: str) -> str:
    """Return the session that asked the question. Raises ``InvalidArgument`` when the id is none of ours."""
    session_id, separator, own = approval_id.partition(SEPARATOR)
    if not separator or not own:
        raise unknown(approval_id)
    return session_id


def unknown(approval_id: str) -> InvalidArgument:
    """Return the error for a question that nobody asks, or asks any more."""
    return InvalidArgument("params.approval_id: nothing of this id is waiting", approval_id=approval_id)


def find(head: SessionHead, approval_id: str) -> Approval:
    """Return the question. Raises ``InvalidArgument`` when it isn't there."""
    for approval in head.approvals:
        if approval.approval_id == approval_id:
            return approval
    raise unknown(approval_id)


def check_answer(approval: Approval, choice: str, remember: Remember) -> None:
    """Refuse an answer that was not offered. Raises ``InvalidArgument``."""
    if choice not in approval.choices:
        raise InvalidArgument(f"params.choice: expected one of {', '.join(approval.choices)}")
    if remember != "once" and (approval.rule is None or choice != approval.choices[0]):
        raise InvalidArgument(f'params.remember: only "{approval.choices[0]}" to a tool\'s call can be remembered')


def answered(head: SessionHead, approval_id: str, choice: str, remember: Remember) -> SessionChange:
    """Return the change that keeps an answer; the first answer stands."""
    known = find(head, approval_id)
    if known.choice is not None:
        return SessionChange(evolve(head, revision=head.revision + 1))
    approval = evolve(known, choice=choice, remember=remember)
    allowed = head.allowed
    if remember == "session" and approval.rule is not None and approval.rule not in allowed:
        allowed = (*allowed, approval.rule)
    approvals = tuple(approval if item.approval_id == approval_id else item for item in head.approvals)
    return SessionChange(evolve(head, revision=head.revision + 1, approvals=approvals, allowed=allowed))


def waiting(head: SessionHead) -> list[Approval]:
    """Return the questions of the session that nobody has answered."""
    if head.running is None:
        return []
    return [item for item in head.approvals if item.choice is None and item.turn_id == head.running.turn_id]


def waits_for_people(head: SessionHead) -> bool:
    """Return whether the session's turn waits for an answer, and could do so without a process: its agent can take it
    up again."""
    return any(item.resumable for item in waiting(head))


def _taken(head: SessionHead, approval_id: str) -> SessionChange:
    approvals = [evolve(item, taken=True) if item.approval_id == approval_id else item for item in head.approvals]
    return SessionChange(evolve(head, revision=head.revision + 1, approvals=tuple(approvals)))


def _asked(head: SessionHead, approval: Approval) -> SessionChange:
    return SessionChange(evolve(head, revision=head.revision + 1, approvals=(*head.approvals, approval)))
