"""A session in memory: its head, its feed, and at most one turn.

The head changes only in ``change``, under one lock and by compare-and-set on the revision, so a rename may happen while
a turn runs and a neighbour process may write between two of our turns. Admission is synchronous: ``turn`` is None and
then it isn't, with no await between, so exactly one of racing callers wins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from meerkat_rpc.domain import Owner, SessionChange, SessionHead
from meerkat_rpc.errors import RevisionConflict, SessionBusy, SessionNotFound, StoreError, TurnTaken
from meerkat_rpc.sessions.changes import refuse_archived
from meerkat_rpc.sessions.feed import Feed
from meerkat_rpc.sessions.journal import Journal
from meerkat_rpc.sessions.turn import LiveTurn

COMMIT_ATTEMPTS = 100
"""How often a change is made again after somebody else committed first. Each loss means that another writer won; the
end of a turn must not be given up because another process keeps renaming its session."""

BuildChange = Callable[[SessionHead, int], SessionChange]


class LiveSession:
    """One session held by this process.

    ``head`` is the head as last committed; before the first commit its revision is 0.
    """

    def __init__(self, head: SessionHead, last_seq: int, journal: Journal, owner: Owner) -> None:
        self.head = head
        self.journal = journal
        self.owner = owner
        self.feed = Feed(last_seq, journal.events)
        self.turn: LiveTurn | None = None
        self.create_turn_id: str | None = None
        self.leaving = False
        self.reserved = False
        self.taking_up = False
        self.draining = False
        self.gone = False
        self.on_turn_over: Callable[[LiveSession], object] | None = None
        self.on_change: Callable[[str], None] | None = None
        self.used = 0
        self._users = 0
        self._turn_task: asyncio.Task[None] | None = None
        self._committing = asyncio.Lock()

    @property
    def session_id(self) -> str:
        """The session's id."""
        return self.head.session_id

    @property
    def busy(self) -> bool:
        """Whether no turn can be let in for the moment: one is, or somebody is alone with the session."""
        return self.turn is not None or self.reserved

    @property
    def idle(self) -> bool:
        """Whether the session could be put to rest: no turn, no follower, nobody who is about to do something."""
        return (
            not self.busy
            and not self.taking_up
            and not self._users
            and not self.feed.followed
            and not self._committing.locked()
        )

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep the session from being put to rest within the block."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let no turn in within the block.

        Raises:
            SessionBusy: a turn is running, or somebody else wants to be alone.
        """
        self._refuse_busy()
        self.reserved = True
        try:
            yield
        finally:
            self.reserved = False
            self._let_next_in()

    def admit(self, make: Callable[[], LiveTurn]) -> LiveTurn:
        """Let one turn in, now: the one that ``make`` makes.

        Raises:
            SessionBusy: a turn is running.
            SessionNotFound: the session is archived, or about to be archived or deleted.
        """
        self._refuse_busy()
        refuse_archived(self.head)
        if self.leaving or self.gone:
            raise SessionNotFound("the session is being put away", session_id=self.session_id)
        self.turn = make()
        return self.turn

    def _refuse_busy(self) -> None:
        if self.turn is not None:
            raise SessionBusy(
                "a turn is running in this session", session_id=self.session_id, turn_id=self.turn.turn_id
            )
        if self.reserved:
            raise SessionBusy("the session's history is being compacted", session_id=self.session_id)

    def turn_over(self) -> None:
        """Note that the turn is over: the next one may be let in, before anybody else has the time to ask."""
        self.turn = None
        self._let_next_in()

    def _let_next_in(self) -> None:
        if self.on_turn_over is not None:
            self.on_turn_over(self)

    async def run(self, turn: LiveTurn) -> None:
        """Start the admitted turn's task and wait until the turn is accepted or refused."""
        self._turn_task = asyncio.get_running_loop().create_task(turn.run(), name=f"turn {turn.turn_id}")
        self._turn_task.add_done_callback(self._forget)
        await asyncio.shield(turn.accepted)

    def _forget(self, task: asyncio.Task[None]) -> None:
        """Let go of an ended turn and all it said."""
        if self._turn_task is task:
            self._turn_task = None

    async def turn_ended(self) -> None:
        """Wait until no turn is running."""
        while self.turn is not None:
            await asyncio.wait({self.turn.done})

    async def change(self, build: BuildChange) -> SessionChange:
        """Commit what ``build`` makes of the head and the log's last sequence number; return what was committed.

        ``build`` is called again when somebody else committed first. Events are the caller's to publish.

        Raises:
            SessionNotFound: the session was deleted.
            TurnTaken: it would admit a turn that is there already.
            StoreError: the store refused, and the change is not there.
        """
        async with self._committing:
            for _ in range(COMMIT_ATTEMPTS):
                change = build(self.head, self.feed.last_seq)
                if await self._commit(change):
                    self.head = change.head
                    if self.on_change is not None:
                        self.on_change(self.session_id)
                    return change
            raise RevisionConflict("others keep changing the session; try again", session_id=self.session_id)

    async def reload(self) -> None:
        """Read the head again, and where the log ends.

        Raises:
            SessionNotFound: the session was deleted, even if its id is another session's by now.
        """
        head, last_seq = await self.journal.reload()
        if head is None or not self.is_of(head):
            self.end()
            raise SessionNotFound("there is no such session", session_id=self.session_id)
        self.head = head
        self.feed.jump(last_seq)

    async def catch_up(self) -> None:
        """Take over what another process did to the head beside the turn that runs here."""
        async with self._committing:
            await self.reload()

    async def committed(self) -> None:
        """Wait until what is being committed is."""
        async with self._committing:
            return

    async def refresh(self) -> None:
        """Catch up with what others committed, unless a turn runs here, which makes us the authority."""
        async with self._committing:
            if self.turn is None:
                await self.reload()

    def lose(self) -> None:
        """Give the session up: the store knows better than we do what state it is in."""
        self.turn = None
        self.end()

    def end(self) -> None:
        """Let go of the session; whoever follows it reaches the end."""
        self.gone = True
        self.feed.close()

    def is_of(self, head: SessionHead) -> bool:
        """Return whether ``head`` is this session's, and not that of a later one under the same id."""
        return head.created_ms == self.head.created_ms

    async def _commit(self, change: SessionChange) -> bool:
        """Commit; return False when somebody else was first. An unknown outcome is settled by reading the head
        again."""
        try:
            await self.journal.commit(change)
        except TurnTaken:
            raise
        except RevisionConflict:
            if change.head.revision == 1:
                raise
            await self.reload()
            return False
        except StoreError:
            if not await self._took_effect(change):
                raise
        return True

    async def _took_effect(self, change: SessionChange) -> bool:
        try:
            head, _ = await self.journal.reload()
        except StoreError:
            return False
        return head == change.head
