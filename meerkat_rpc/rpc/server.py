"""The wiring of one connection: input → framer → protocol → handlers → service, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from attrs import frozen

from meerkat_rpc.rpc.changes import SessionChanges
from meerkat_rpc.rpc.channel import EVENTS_HIGH_WATER, Channel
from meerkat_rpc.rpc.client_capabilities import ClientCapabilities
from meerkat_rpc.rpc.contract import choose_contract
from meerkat_rpc.rpc.delivery import Delivery
from meerkat_rpc.rpc.dialect import Dialect
from meerkat_rpc.rpc.greeting import Greeting
from meerkat_rpc.rpc.handlers.approvals import ApprovalMethods
from meerkat_rpc.rpc.handlers.events import EventMethods
from meerkat_rpc.rpc.handlers.mcp import McpMethods
from meerkat_rpc.rpc.handlers.prompts import PromptMethods
from meerkat_rpc.rpc.handlers.runtime import RuntimeMethods, Surroundings
from meerkat_rpc.rpc.handlers.sessions import SessionMethods
from meerkat_rpc.rpc.handlers.table import warm_up
from meerkat_rpc.rpc.handlers.tools import ToolMethods
from meerkat_rpc.rpc.handlers.turns import TurnMethods
from meerkat_rpc.rpc.input import InputThread, LoopInput
from meerkat_rpc.rpc.lifecycle import Lifecycle
from meerkat_rpc.rpc.mapping import wire_error
from meerkat_rpc.rpc.opening import Opening, OpenService
from meerkat_rpc.rpc.protocol import SessionProtocol
from meerkat_rpc.rpc.stdio import can_be_awaited
from meerkat_rpc.rpc.streams import Streams
from meerkat_rpc.sessions.service import SessionService
from meerkat_rpc.tools.toolbox import Toolbox
from meerkat_rpc.wire.framing import FramingError, Style

END_S = 2.0
"""How long interrupted turns get to be saved and their answers to be sent: with the flush below, under the 3 s that a
signal allows."""

WARM_UP_S = 0.3
"""When what the first use of each method costs is paid in advance: after the burst of a client's start."""

FLUSH_S = 0.7
"""How long the last answers get to be read by the client."""


@frozen
class Launch:
    """What a server is started with.

    Args:
        input: reads standard input; the greeting has it until the server is up.
        greeting: what came in so far.
        output_fd: where messages go.
        open_service: opens the session service.
        surroundings: what the runtime methods speak about.
        tools: every source of tools.
        close_parts: ends the processes that agents and tools started; once no turn runs any more.
        drain_timeout_s: how long requests in flight may take after the end of input.
        default_cwd: the folder of sessions that name none.
        give_up: ends the process on the spot; for a second signal.
    """

    input: InputThread
    greeting: Greeting
    output_fd: int
    open_service: OpenService
    surroundings: Surroundings
    tools: Toolbox
    close_parts: Callable[[], Awaitable[None]]
    drain_timeout_s: float
    default_cwd: str | None
    give_up: Callable[[], None]


async def serve(launch: Launch) -> int:
    """Serve one connection until its end; return the exit code."""
    server = _Server(launch)
    server.start()
    drain, exit_code = await server.lifecycle.wait()
    await server.finish(drain=drain)
    return exit_code


class _Server:
    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._framer = launch.greeting.framer
        self._opening = Opening(launch.open_service, self._opened)
        self.lifecycle = Lifecycle(self._shut_down)
        contract = choose_contract(None, launch.surroundings.identity.contract)
        self._channel = Channel(launch.output_fd, self._style, Dialect(contract), broken=self.lifecycle.end)
        self._streams = Streams(self._channel)
        self._delivery = Delivery(self._channel, self._streams)
        self._changes = SessionChanges(self._channel)
        self._loop_input: LoopInput | None = None
        self._protocol = self._make_protocol()

    def _opened(self, service: SessionService) -> None:
        service.watch_started(self._delivery.begin)
        if self._changes.wanted:
            service.watch_changes(self._changes.note)

    def _make_protocol(self) -> SessionProtocol:
        protocol = SessionProtocol(self._channel)
        about, launch = self._launch.surroundings, self._launch
        launch.tools.host.connect(self._ask_host)
        self._runtime = RuntimeMethods(self._opening, self._channel, protocol, self.lifecycle, about, self._apply)
        for methods in (
            self._runtime,
            SessionMethods(self._opening),
            TurnMethods(self._opening, self._delivery, launch.default_cwd),
            PromptMethods(self._opening),
            ApprovalMethods(self._opening),
            ToolMethods(self._opening, launch.tools, launch.default_cwd),
            McpMethods(launch.tools, about.config),
            EventMethods(self._opening, self._channel, self._streams, protocol),
        ):
            for name, handler in methods.table().items():
                protocol.fm.feature(name)(handler)
        return protocol

    def _apply(self, capabilities: ClientCapabilities) -> None:
        """Serve the client as it says it wants to be."""
        self._delivery.session_events = capabilities.session_events
        if self._changes.wanted != capabilities.session_changes:
            self._changes.wanted = capabilities.session_changes
            if self._opening.opened is not None:
                self._opening.opened.watch_changes(self._changes.note if self._changes.wanted else None)

    async def _ask_host(self, method: str, params: Mapping[str, Any]) -> Any:
        """Ask the host about a turn, behind the events that led to the question."""
        session_id = params["session_id"]
        latest = await (await self._opening.service()).latest_seq(session_id)
        await self._delivery.caught_up(session_id, latest)
        return await self._protocol.host.ask(method, params)

    def start(self) -> None:
        """Begin to serve, with what came in while the program was loading."""
        self._opening.begin()
        self.lifecycle.catch_signals(again=self._launch.give_up)
        self._divert(self._launch.input)
        asyncio.get_running_loop().call_later(WARM_UP_S, self._warm_up)
        greeting = self._launch.greeting
        if greeting.greeted:
            said = greeting.params
            self._runtime.greet(said.get("contract_version"), said.get("process_id"), said.get("capabilities"))
        for frame in greeting.frames:
            self._protocol.receive(frame)
        for _ in range(greeting.chunks):
            self._launch.input.taken()
        if greeting.failure is not None:
            self._break(greeting.failure)
        elif greeting.ended:
            self._host_gone()
            self.lifecycle.end(drain=True)

    def _warm_up(self) -> None:
        self._warming_up = asyncio.get_running_loop().create_task(warm_up(), name="warm up")

    def _divert(self, thread: InputThread) -> None:
        """Have input come here: by way of the thread, and from its next chunk on without it where that can be."""
        loop = asyncio.get_running_loop()
        relieve = None
        if can_be_awaited(thread.fd):
            self._loop_input = LoopInput(thread.fd, self._take, loop)
            relieve = partial(_post, loop, self._loop_input.resume)
        thread.divert(partial(_post, loop, self._take), relieve)

    def _style(self) -> Style:
        return self._framer.style or "jsonl"

    def _take(self, chunk: bytes) -> None:
        """Take a chunk of input; an empty one is its end."""
        try:
            for frame in self._framer.feed(chunk) if chunk else self._framer.end():
                self._protocol.receive(frame)
        except FramingError as failure:
            self._break(failure)
            return
        if not chunk:
            self._host_gone()
            self.lifecycle.end(drain=True)
        elif self._channel.is_flooded:
            self._pause()
        else:
            self._launch.input.taken()

    def _host_gone(self) -> None:
        """Nothing more comes from the host: no answer to a request of ours, none to a question."""
        self._launch.tools.host.connect(None)
        self._protocol.host.host_gone()

    def _pause(self) -> None:
        """Read no more until the client has read some."""
        if self._loop_input is not None:
            self._loop_input.pause()
        self._resuming = asyncio.get_running_loop().create_task(self._resume_later())

    async def _resume_later(self) -> None:
        await self._channel.room(EVENTS_HIGH_WATER)
        self._launch.input.taken()
        if self._loop_input is not None:
            self._loop_input.resume()

    def _break(self, failure: FramingError) -> None:
        """The input can't be understood from here on: say so and end."""
        for frame in failure.frames:
            self._protocol.receive(frame)
        self._protocol.send_error(None, wire_error("PARSE_ERROR", failure.message))
        self.lifecycle.end(exit_code=1)

    async def _shut_down(self) -> None:
        self._protocol.refusal = "the server is shutting down"
        self._delivery.server_ends()
        await self._opening.close()
        await self._launch.close_parts()

    async def finish(self, *, drain: bool) -> None:
        """Let what runs end, in its own time or now; answer everything; write it all."""
        if drain:
            await self._drain()
        await _within(END_S, self._shut_down())
        await _within(END_S, self._all_answered())
        self._channel.close(FLUSH_S)

    async def _drain(self) -> None:
        """Let what runs finish, until that takes too long or there is a reason not to wait."""
        quiet = asyncio.get_running_loop().create_task(self._all_quiet())
        either: set[asyncio.Future[None]] = {quiet, self.lifecycle.hurried}
        await asyncio.wait(either, timeout=self._launch.drain_timeout_s, return_when=asyncio.FIRST_COMPLETED)

    async def _all_quiet(self) -> None:
        if self._opening.opened is not None:
            self._opening.opened.drain()
        await self._protocol.quiet()
        if self._opening.opened is not None:
            await self._opening.opened.turns_ended()

    async def _all_answered(self) -> None:
        await self._protocol.quiet()
        await self._delivery.all_delivered()


async def _within(seconds: float, work: Coroutine[Any, Any, None]) -> None:
    """Give ``work`` that long; leave it behind when it takes longer."""
    await asyncio.wait({asyncio.get_running_loop().create_task(work)}, timeout=seconds)


def _post(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *args: bytes) -> None:
    try:
        loop.call_soon_threadsafe(callback, *args)
    except RuntimeError:  # the loop is closed: the program is at its end
        return
