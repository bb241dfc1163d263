"""Turns that another process runs, or ran: waited for by whoever repeats their id, taken up once they have their
answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from meerkat_rpc.domain import Approval, Owner, RunResult, SessionChange, SessionHead, TurnOutcome
from meerkat_rpc.errors import MeerkatError, SessionBusy, SessionNotFound, SessionNotRunning
from meerkat_rpc.sessions import replay
from meerkat_rpc.sessions.asking import session_of
from meerkat_rpc.sessions.changes import without_change
from meerkat_rpc.sessions.lease import Lease
from meerkat_rpc.sessions.live import LiveSession
from meerkat_rpc.sessions.live_turns import LiveTurns
from meerkat_rpc.sessions.orphans import Orphans
from meerkat_rpc.sessions.replay import Replay
from meerkat_rpc.sessions.service import StartTurn
from meerkat_rpc.sessions.taking_up import taken_over
from meerkat_rpc.sessions.waking import Waking
from meerkat_rpc.store.base import Store

POLL_S = 0.1
"""How often a turn that another process runs is looked at by a caller who repeated its id."""

logger = logging.getLogger(__name__)


class RemoteTurns:
    """The turns of other processes over the same store."""

    def __init__(self, store: Store, waking: Waking, orphans: Orphans, lease: Lease, turns: LiveTurns) -> None:
        self._store = store
        self._waking = waking
        self._orphans = orphans
        self._lease = lease
        self._turns = turns
        self._taking_up: set[asyncio.Task[None]] = set()
        self._watching: set[asyncio.Task[None]] = set()

    async def find(self, session: LiveSession, request: StartTurn) -> Replay | None:
        """Return the handle of the turn asked for when another process is running it."""
        if request.turn_id is None or session.turn is not None:
            return None
        record = await self._store.turn(request.session_id, request.turn_id)
        if record is None or record.outcome is not TurnOutcome.RUNNING:
            return None
        replay.check_prompt(record.prompt_digest, request)
        turn_id = request.turn_id
        return Replay(request.session_id, turn_id, lambda: self._result(session, turn_id))

    async def _result(self, session: LiveSession, turn_id: str) -> RunResult:
        while True:
            await self._waking.head(session.session_id)  # ends the turn if its process is gone
            record = await self._store.turn(session.session_id, turn_id)
            if record is None:
                raise SessionNotFound("there is no such session", session_id=session.session_id)
            if record.outcome is not TurnOutcome.RUNNING:
                return await replay.of_ended(session.journal, session.session_id, record)
            await asyncio.sleep(POLL_S)

    async def answer(self, session: LiveSession, keep: Callable[[Owner | None], Awaitable[Approval]]) -> Approval:
        """Have ``keep`` commit an answer; go on with the turn here if its process, which ``keep`` is told, is gone."""
        gone = await self._gone_owner(session)
        if gone is None:
            approval = await keep(None)
            if session.turn is None:
                self._watch(session, approval)
            return approval
        session.taking_up = True
        try:
            approval = await keep(gone)
        except BaseException:
            session.taking_up = False
            raise
        self._begin(session, approval.turn_id)
        return approval

    async def _gone_owner(self, session: LiveSession) -> Owner | None:
        """Return the process of the session's turn if it has ended. This one is ready then to be it."""
        running = session.head.running
        if running is None or not await self._orphans.is_abandoned(session.head):
            return None
        await self._lease.hold()
        return running.owner

    def _watch(self, session: LiveSession, approval: Approval) -> None:
        """See to it that the answer reaches its turn, whose process may be about to end."""
        task = asyncio.get_running_loop().create_task(self._see_through(session, approval), name="see through")
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    async def _see_through(self, session: LiveSession, approval: Approval) -> None:
        """Wait until the turn has its answer; go on with it here if its process ends before."""
        session.taking_up = True  # whoever looks at the session here must not take it for abandoned
        with session.in_use(), suppress(MeerkatError):  # said to whoever next looks at it
            try:
                while (owner := await self._owner_of_open(approval)) is not None:
                    if not await self._lease.is_held_by(owner):
                        await self._lease.hold()
                        await session.change(partial(_made_ours, gone=owner, owner=session.owner))
                        break
                    await asyncio.sleep(POLL_S)
            finally:
                self._begin(session, approval.turn_id)

    async def _owner_of_open(self, approval: Approval) -> Owner | None:
        """Return the process of the turn that asked, as long as it hasn't taken the answer."""
        head = await self._store.head(session_of(approval.approval_id))
        if head is None or head.running is None or head.running.turn_id != approval.turn_id:
            return None
        taken = all(item.taken for item in head.approvals if item.approval_id == approval.approval_id)
        return None if taken else head.running.owner

    def _begin(self, session: LiveSession, turn_id: str) -> None:
        """Begin to go on with the turn, which has its answer, if it has become this process'."""
        running = session.head.running
        session.taking_up = running is not None and running.owner == session.owner
        if session.taking_up:
            task = asyncio.get_running_loop().create_task(self._take_up(session), name=f"take up {turn_id}")
            self._taking_up.add(task)
            task.add_done_callback(self._taking_up.discard)

    async def _take_up(self, session: LiveSession) -> None:
        """Go on with a turn: the answer is kept whatever comes of this."""
        with session.in_use():
            try:
                await self._turns.take_up(session)
            except (SessionBusy, SessionNotRunning):  # it runs, or was interrupted meanwhile
                return
            except MeerkatError as error:
                logger.warning("session %s: its turn could not be taken up: %s", session.session_id, error.message)
                session.taking_up = False
                await self._orphans.give_up(session.session_id)
            finally:
                session.taking_up = False

    async def begun(self) -> None:
        """Wait until what is being taken up runs."""
        while self._taking_up:
            await asyncio.wait(self._taking_up)

    def close(self) -> None:
        """Take nothing up any more."""
        for task in (*self._taking_up, *self._watching):
            task.cancel()


def _made_ours(head: SessionHead, _last_seq: int, *, gone: Owner, owner: Owner) -> SessionChange:
    return taken_over(without_change(head), gone, owner)
