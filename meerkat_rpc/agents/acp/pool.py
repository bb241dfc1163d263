"""The agents that run: one for each session that uses one, kept for the session's next turn, within bounds.

An agent takes seconds to start and hundreds of megabytes to keep. So it stays for a while after a turn, and makes room
for another session's when too many are kept.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attrs import define, field, frozen

from meerkat_rpc.agents.acp.command import AcpCommand
from meerkat_rpc.agents.acp.peer import Peer
from meerkat_rpc.errors import CapacityExhausted

IDLE_S = 600.0
"""How long an agent is kept after a turn: a person reads, thinks and answers within it, mostly."""

MAX_AGENTS = 16
"""How many agents run at once. Each is a process of 100 to 500 MB."""

MAX_REMEMBERED = 1_000
"""Of how many sessions is remembered what their agent calls them, so that a new process can take one up."""


@frozen
class Place:
    """Whose agent it is, which command, and in which folder."""

    session_id: str
    command: AcpCommand
    cwd: str
    files: bool


@define(eq=False)
class Seat:
    """What is known of a session's agent. ``acp_session`` and ``last_turn`` outlive its process."""

    peer: Peer | None = None
    acp_session: str | None = None
    last_turn: str | None = None
    using: asyncio.Lock = field(factory=asyncio.Lock)
    idle: asyncio.TimerHandle | None = None

    @property
    def vacant(self) -> bool:
        """Whether nobody uses it and no process runs in it."""
        return self.peer is None and not self.using.locked()


class AgentPool:
    """The agents of one server.

    Args:
        idle_s: how long one is kept after a turn, in seconds.
        max_agents: how many run at once.
    """

    def __init__(self, *, idle_s: float = IDLE_S, max_agents: int = MAX_AGENTS) -> None:
        self._idle_s = idle_s
        self._max_agents = max_agents
        self._seats: OrderedDict[Place, Seat] = OrderedDict()
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    @asynccontextmanager
    async def seat(self, place: Place) -> AsyncIterator[Seat]:
        """Lend the seat of ``place``, with an agent that runs in it; a former turn of the session is waited for.

        Raises:
            ProviderError: the agent can't be started.
            CapacityExhausted: too many are in use.
        """
        seat = self._seats.setdefault(place, Seat())
        self._seats.move_to_end(place)
        async with seat.using:
            if seat.idle is not None:
                seat.idle.cancel()
            try:
                await self._fill(seat, place)
                yield seat
            finally:
                self._leave(seat)

    async def close(self) -> None:
        """End every agent; return when they are gone."""
        self._closed = True
        for seat in self._seats.values():
            self._vacate(seat)
        self._seats.clear()
        while self._ending:
            await asyncio.wait(self._ending)

    @property
    def running(self) -> int:
        """How many agents run."""
        return sum(seat.peer is not None for seat in self._seats.values())

    async def _fill(self, seat: Seat, place: Place) -> None:
        if seat.peer is not None and seat.peer.alive:
            return
        self._vacate(seat)
        self._make_room()
        seat.peer = await Peer.start(place.command, place.cwd, files=place.files)

    def _make_room(self) -> None:
        """Let the agent go that was not used for longest, where there are too many, one that starts counted."""
        taken = [seat for seat in self._seats.values() if not seat.vacant]
        if len(taken) <= self._max_agents:
            return
        idle = next((seat for seat in taken if not seat.using.locked()), None)
        if idle is None:
            raise CapacityExhausted(
                f"{self._max_agents} ACP agents are at work, which is as many as may be; wait for a turn to end",
                active=len(taken) - 1,
                max=self._max_agents,
            )
        self._vacate(idle)

    def _leave(self, seat: Seat) -> None:
        if seat.peer is None:
            return
        if self._closed or not seat.peer.alive:
            self._vacate(seat)
        else:
            seat.idle = asyncio.get_running_loop().call_later(self._idle_s, self._rest, seat)
        self._forget()

    def _rest(self, seat: Seat) -> None:
        if not seat.using.locked():
            self._vacate(seat)

    def _vacate(self, seat: Seat) -> None:
        """End the seat's agent, beside whatever goes on."""
        peer, seat.peer = seat.peer, None
        if seat.idle is not None:
            seat.idle.cancel()
        if peer is not None:
            task = asyncio.create_task(peer.end())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    def _forget(self) -> None:
        for place in [place for place, seat in self._seats.items() if seat.vacant][: -MAX_REMEMBERED or None]:
            del self._seats[place]
