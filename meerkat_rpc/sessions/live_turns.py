"""Starting turns in live sessions: asked for by a caller, waiting in the queue, or taken up from another process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from meerkat_rpc.domain import QueuedPrompt
from meerkat_rpc.errors import MeerkatError, TurnTaken
from meerkat_rpc.sessions.changes import unqueued
from meerkat_rpc.sessions.live import LiveSession
from meerkat_rpc.sessions.service import EventSource
from meerkat_rpc.sessions.surroundings import Surroundings
from meerkat_rpc.sessions.taking_up import wanted_by
from meerkat_rpc.sessions.turn import BuildAgent, LiveTurn

logger = logging.getLogger(__name__)


class LiveTurns:
    """Makes turns and lets them in.

    Args:
        build: makes the agent of a turn.
        surroundings: tools and settings of every turn.
        closed: tells whether the service is closing: nothing begins by itself then.
    """

    def __init__(self, build: BuildAgent, surroundings: Surroundings, closed: Callable[[], bool]) -> None:
        self.build = build
        self.surroundings = surroundings
        self._closed = closed
        self._starting: set[asyncio.Task[None]] = set()
        self._started: Callable[[EventSource], None] | None = None
        self._admitted: Callable[[], None] = _nothing

    def watch_started(self, callback: Callable[[EventSource], None]) -> None:
        """See ``SessionService``."""
        self._started = callback

    def watch_admitted(self, callback: Callable[[], None]) -> None:
        """Call back whenever a turn has been let in."""
        self._admitted = callback

    def admit(self, session: LiveSession, wanted: QueuedPrompt, blobs: Mapping[str, bytes]) -> LiveTurn:
        """Let a turn in. Raises as ``LiveSession.admit``."""
        turn = session.admit(lambda: LiveTurn(session, wanted, self.build, self.surroundings))
        turn.bring(blobs)
        self._admitted()
        return turn

    async def take_up(self, session: LiveSession) -> LiveTurn:
        """Go on with the turn that waits in ``session`` and whose process is gone.

        Raises:
            SessionNotRunning: another process was faster, and the turn is over.
            SessionBusy: another call was.
        """
        wanted = await wanted_by(session)
        turn = session.admit(lambda: LiveTurn(session, wanted, self.build, self.surroundings, resumed=True))
        self._admitted()
        await session.run(turn)
        self.tell(turn)
        return turn

    def start_queued(self, session: LiveSession) -> LiveTurn | None:
        """Begin the next turn that waits in the queue, if it can begin; the answer comes at once."""
        head = session.head
        if not head.queue or head.archived or session.busy or session.leaving or self._closed():
            return None
        turn = self.admit(session, head.queue[0], {})
        task = asyncio.get_running_loop().create_task(self._see_in(session, turn), name=f"start {turn.turn_id}")
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)
        return turn

    async def _see_in(self, session: LiveSession, turn: LiveTurn) -> None:
        try:
            try:
                await session.run(turn)
            except TurnTaken:  # it has run, in another process perhaps: what is behind it must not wait for ever
                await session.change(lambda head, _: unqueued(head, turn.turn_id))
                self.start_queued(session)
                return
        except MeerkatError as error:  # it stays in the queue, and its session says why when it is next used
            logger.warning("turn %s, which waited, could not begin: %s", turn.turn_id, error.message)
        else:
            self.tell(turn)

    def tell(self, source: EventSource) -> None:
        """Pass on what begins without a call that sends its events."""
        if self._started is not None:
            self._started(source)


def _nothing() -> None:
    """Do nothing: nobody asked."""
