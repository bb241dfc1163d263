"""The client: a server process of one's own, and what can be asked of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from meerkat_rpc.client.calls import Calls

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Unpack

    from meerkat_rpc.client import results
    from meerkat_rpc.client.events import Event
    from meerkat_rpc.client.turn import Turn


class Client(Calls):
    """A meerkat-rpc server started by this process, spoken to over its stdin and stdout.

    Use as ``async with Client.spawn() as client:``; leaving the block ends the server. One event loop, any number of tasks.
    """

    @classmethod
    def spawn(
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
        on_stderr: Callable[[str], None] | None = None,
        on_notification: Callable[[str, Mapping[str, Any]], None] | None = None,
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
            on_stderr: called with each line of the server's stderr. The last lines are kept in ``stderr_tail`` anyway.
            on_notification: called with method and params of each notification that no turn or event stream took.
        """
        raise NotImplementedError

    async def open(self) -> Self:
        """Start the server and wait for its greeting.

        Raises:
            StartFailed: it can't be started, or ended before the greeting; shows its exit code and stderr.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """End the server: running turns are interrupted and saved. Waits, then terminates, then kills."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def server(self) -> results.InitializeResult:
        """What the server said of itself: name, version, methods, capabilities, store."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """The server's process id."""
        raise NotImplementedError

    @property
    def stderr_tail(self) -> str:
        """The last lines of the server's stderr."""
        raise NotImplementedError

    async def request(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Call any method by name and return its result. Cancelling the caller cancels the request."""
        raise NotImplementedError

    async def notify(self, method: str, params: Mapping[str, Any] | None = None) -> None:
        """Send a notification."""
        raise NotImplementedError

    def start(
        self,
        prompt: str,
        *,
        title: str | None = None,
        labels: Mapping[str, str] | None = None,
        cwd: str | None = None,
        session_id: str | None = None,
        turn_id: str | None = None,
        **settings: Unpack[results.AgentSettings],
    ) -> Turn:
        """Create a session and run its first turn: ``turn.session_id`` names it at once."""
        raise NotImplementedError

    def turn(
        self,
        session_id: str,
        prompt: str,
        *,
        turn_id: str | None = None,
        **settings: Unpack[results.AgentSettings],
    ) -> Turn:
        """Start a turn. ``async for event in turn`` streams it, ``await turn.result()`` waits for its end."""
        raise NotImplementedError

    def events(self, session_id: str, from_seq: int | None = None) -> AsyncIterator[Event]:
        """Follow a session's events from ``from_seq`` (the first is 1), or what happens from now on."""
        raise NotImplementedError
