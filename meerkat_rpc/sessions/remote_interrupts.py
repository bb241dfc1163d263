"""Interrupting turns that another process runs, and those that run here for others.

Who interrupts leaves a mark in the store and waits for the end of the turn; who runs turns looks for marks while it
does. A mark names its turn: it never stops the next one.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from meerkat_rpc.domain import RunningTurn, SessionHead, TurnOutcome
from meerkat_rpc.errors import StoreError
from meerkat_rpc.sessions.changes import refuse_running
from meerkat_rpc.sessions.ending import Ending
from meerkat_rpc.sessions.live_sessions import LiveSessions
from meerkat_rpc.sessions.neighbours import Concern
from meerkat_rpc.sessions.orphans import Orphans
from meerkat_rpc.sessions.waking import Waking
from meerkat_rpc.store.base import Store

POLL_S = 0.05
"""How often the end of the turn is looked for."""

ASK_AGAIN_S = 1.0
"""After how long the mark is made anew: the turn may have been on its way from one process to another."""

PATIENCE_S = 5.0
"""How long the process that runs the turn may take: the second that an agent gets to stop, and as much again several
times over. One that is stopped, or an older version's, never answers."""


class RemoteInterrupts:
    """Interrupts the turns of other processes."""

    def __init__(self, store: Store, waking: Waking, orphans: Orphans) -> None:
        self._store = store
        self._waking = waking
        self._orphans = orphans

    async def interrupt(self, head: SessionHead) -> bool:
        """Have the turn that ``head`` says is running end; return whether it was interrupted before its end.

        Raises:
            SessionBusy: its process doesn't react.
            SessionNotFound: the session was deleted meanwhile.
        """
        running = head.running
        if running is None or not _runs(await self._orphans.interrupt_abandoned(head), running):
            return running is not None
        try:
            await self._wait(head.session_id, running)
        finally:
            with suppress(StoreError):  # it names this turn alone, and is forgotten by itself
                await self._store.withdraw_stop(head.session_id, running.turn_id)
        record = await self._store.turn(head.session_id, running.turn_id)
        return record is not None and record.outcome is TurnOutcome.INTERRUPTED

    async def _wait(self, session_id: str, running: RunningTurn) -> None:
        clock = asyncio.get_running_loop().time
        deadline, asked = clock() + PATIENCE_S, float("-inf")
        while _runs(head := await self._waking.head(session_id), running):
            if not _runs(await self._orphans.interrupt_abandoned(head), running):
                return  # its process is gone by now, and left it waiting for an answer
            if clock() >= deadline:
                refuse_running(head)
            if clock() - asked >= ASK_AGAIN_S:
                await self._store.ask_to_stop(session_id, running.turn_id)
                asked = clock()
            await asyncio.sleep(POLL_S)


def _runs(head: SessionHead | None, turn: RunningTurn) -> bool:
    return head is not None and head.running is not None and head.running.turn_id == turn.turn_id


class StopsHere:
    """Interrupts the turns of this process that others ask to stop."""

    def __init__(self, store: Store, live: LiveSessions) -> None:
        self._store = store
        self._live = live
        self._stopping: dict[str, asyncio.Task[bool]] = {}

    @property
    def concern(self) -> Concern:
        """What makes this process look for marks: that it runs turns."""
        return Concern(lambda: self._live.running_turns > 0, self._look)

    async def _look(self) -> None:
        for session_id, turn_id in (await self._store.stops()).items():
            session = self._live.find(session_id)
            turn = session.turn if session is not None else None
            if turn is not None and turn.turn_id == turn_id and turn_id not in self._stopping:
                task = asyncio.get_running_loop().create_task(turn.interrupt(Ending()), name=f"stop {turn_id}")
                self._stopping[turn_id] = task
                task.add_done_callback(lambda _, turn_id=turn_id: self._stopping.pop(turn_id))  # type: ignore[misc]
