"""The client: a server process of one's own, and what can be asked of it."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from meerkat_rpc.client.calls import Calls, given
from meerkat_rpc.client.events import Event, Position
from meerkat_rpc.client.feed import Routes
from meerkat_rpc.client.lending import Lending, LentTool
from meerkat_rpc.client.link import Link
from meerkat_rpc.client.process import Launch, StderrLines
from meerkat_rpc.client.stream import follow
from meerkat_rpc.client.turn import Turn
from meerkat_rpc.ids import canonical_id, new_id

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Unpack

    from meerkat_rpc.client import results
    from meerkat_rpc.client.blocks import Prompt


class Client(Calls):
    """A meerkat-rpc server started by this process, spoken to over its stdin and stdout.

    Use as ``async with Client.spawn() as client:``; leaving the block ends the server. One event loop, any number of
    tasks.
    """

    def __init__(self, link: Link, routes: Routes, lending: Lending) -> None:
        """Take the way to a server; ``spawn`` makes it."""
        self._link = link
        self._lending = lending
        self._routes = routes
        self._turns: set[Turn] = set()

    @classmethod
    def spawn(  # noqa: PLR0913 - each is a choice of the parent's, and all are optional
        cls,
        command: Sequence[str] | None = None,
        *,
        store: str | None = None,
        ephemeral: bool = False,
        model: str | None = None,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        framing: Literal["jsonl", "content-length"] = "jsonl",
        reconnect: bool = True,
        prepare: bool = False,
        session_changes: bool = False,
        on_stderr: Callable[[str], None] | None = None,
        on_notification: Callable[[str, Mapping[str, Any]], None] | None = None,
        tools: Sequence[LentTool] = (),
    ) -> Self:
        """Return a client whose server starts when the ``async with`` block is entered (or ``open`` is called).

        Args:
            command: the server's program and first arguments; by default this Python's own ``meerkat-rpc serve``.
            store: the store's folder (``--store``); by default the user's own.
            ephemeral: keep nothing (``--ephemeral``).
            model: the default model (``--model``).
            args: further options for the command line.
            env: environment variables to set beside the inherited ones.
            cwd: the server's working directory.
            framing: how messages are told apart on the pipe.
            reconnect: start the server anew when it dies, and go on where things stood.
            prepare: have the default model made ready at once: somebody is about to ask it something.
            session_changes: tell ``on_notification`` (``sessions/changed``) when a list of sessions is out of date.
            on_stderr: called with each line of the server's stderr. The last lines are kept in ``stderr_tail`` anyway.
            on_notification: called with method and params of each notification that no turn or event stream took.
            tools: tools of this process' for the agents; ``lend`` adds to them.
        """
        argv = [*(DEFAULT_COMMAND if command is None else command)]
        argv += [*(["--store", store] if store else []), *(["--ephemeral"] if ephemeral else [])]
        argv += [*(["--model", model] if model else []), *args]
        routes = Routes(on_notification)
        sink = StderrLines(on_stderr) if on_stderr else None
        launch, lending = Launch(argv, env, cwd), Lending(tools)
        wanted = {"prepare": prepare, "session_changes": session_changes}
        link = Link(launch, framing, routes, reconnect=reconnect, on_stderr=sink, lending=lending, capabilities=wanted)
        return cls(link, routes, lending)

    async def open(self) -> Self:
        """Start the server and wait for its greeting.

        Raises:
            StartFailed: it can't be started, or ended before the greeting; shows its exit code and stderr.
        """
        await self._link.open()
        return self

    async def close(self) -> None:
        """End the server: running turns are interrupted and saved. Waits, then terminates, then kills."""
        await self._link.close(interrupt=bool(self._turns))

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def server(self) -> results.InitializeResult:
        """What the server said of itself: name, version, methods, capabilities, store."""
        return self._link.greeting

    @property
    def pid(self) -> int | None:
        """The server's process id; None while there is no server."""
        return None if self._link.current is None else self._link.current.process.pid

    @property
    def stderr_tail(self) -> str:
        """The last lines of the server's stderr."""
        return "" if self._link.current is None else self._link.current.process.stderr_tail

    async def request(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Call any method by name and return its result. Cancelling the caller cancels the request.

        When the server dies meanwhile, a request that does no harm the second time is sent to the next one.

        Raises:
            RpcError: the server answered with an error.
            ServerDied: it went away, and whether the call took effect is unknown.
        """
        return await self._link.request(method, params)

    async def lend(self, *tools: LentTool) -> None:
        """Lend tools, in place of those of the same names. A server that is started anew is told of them too."""
        for tool in tools:
            self._lending.add(tool)
        await self.request("tools/register", {"tools": [tool.offer() for tool in tools]})

    async def take_back(self, *names: str) -> None:
        """Take lent tools back; calls in flight go on."""
        self._lending.remove(names)
        await self.request("tools/unregister", {"names": names})

    async def notify(self, method: str, params: Mapping[str, Any] | None = None) -> None:
        """Send a notification."""
        (await self._link.connection()).notify(method, params)

    def start(
        self,
        prompt: Prompt,
        *,
        title: str | None = None,
        labels: Mapping[str, str] | None = None,
        cwd: str | None = None,
        session_id: str | None = None,
        turn_id: str | None = None,
        **settings: Unpack[results.AgentSettings],
    ) -> Turn:
        """Create a session and run its first turn; ``turn.session_id`` names it at once.

        ``session_id`` and ``turn_id`` may be the caller's own UUIDs: a repeat returns the stored result, runs nothing.
        """
        about = given(title=title, labels=labels, cwd=cwd, **settings)
        ids = _ids(session_id, turn_id)
        return self._run("session/create", {**ids, "prompt": prompt, **about})

    def turn(
        self,
        session_id: str,
        prompt: Prompt,
        *,
        turn_id: str | None = None,
        **settings: Unpack[results.AgentSettings],
    ) -> Turn:
        """Start a turn. ``async for event in turn`` streams it, ``await turn.result()`` waits for its end.

        ``turn_id`` may be the caller's own UUID: a repeat returns the stored result and runs nothing.
        """
        return self._run("turn/start", {**_ids(session_id, turn_id), "prompt": prompt, **settings})

    def _run(self, method: str, params: Mapping[str, Any]) -> Turn:
        turn = Turn(self._link, self._routes, method, params)
        self._turns.add(turn)
        turn.ended.add_done_callback(lambda _: self._turns.discard(turn))
        return turn

    def events(self, session_id: str, from_seq: int | None = None) -> AsyncGenerator[Event, None]:
        """Follow a session's events from ``from_seq`` (the first is 1), or what happens from now on.

        Ends when the session is deleted. Wrap it in ``contextlib.aclosing`` to close the stream when leaving early.
        """
        return follow(self._link, canonical_id(session_id), Position(from_seq))


DEFAULT_COMMAND = (sys.executable, "-P", "-m", "meerkat_rpc", "serve")
"""The server of this Python. ``-P`` keeps a folder that the parent happens to be in out of the module path."""


def _ids(session_id: str | None, turn_id: str | None) -> dict[str, str]:
    ids = {"session_id": session_id, "turn_id": turn_id}
    return {name: new_id() if given is None else canonical_id(given) for name, given in ids.items()}
