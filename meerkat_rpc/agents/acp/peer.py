"""A running agent, spoken to: the requests of the protocol that we make, and who answers those that it makes.

Updates are handed on in the order in which they came, and not read faster than they are taken: an agent that streams
faster than the client reads is held back by its own pipe.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

from meerkat_rpc.agents.acp.command import AcpCommand
from meerkat_rpc.agents.acp.failures import provider_error
from meerkat_rpc.agents.acp.library import load_library
from meerkat_rpc.agents.acp.lines import Message
from meerkat_rpc.agents.acp.process import AgentProcess
from meerkat_rpc.agents.acp.prompt_end import PromptEnd, usage_of
from meerkat_rpc.errors import ProviderError

if TYPE_CHECKING:
    from acp.connection import Connection
    from acp.schema import AgentCapabilities, InitializeResponse, PromptCapabilities

INITIALIZE_S = 60.0
"""How long an agent may take to start: seconds are usual, and npx may have to fetch it first."""

OPEN_SESSION_S = 60.0
"""How long it may take to open a session: it connects to its own servers then."""

OUR_NAME = "meerkat-rpc"
"""What we call ourselves to agents."""

logger = logging.getLogger(__name__)


class Listener(Protocol):
    """Who hears what the agent says while a prompt is worked on."""

    async def room(self) -> None:
        """Wait until more may be said."""
        ...

    def updated(self, update: Message) -> None:
        """Take an update of the session."""
        ...

    async def requested(self, method: str, params: Message) -> Mapping[str, Any]:
        """Answer a request. Raises ``acp.RequestError``."""
        ...


class Peer:
    """An agent in its process, and the one session that it holds for us."""

    def __init__(self, process: AgentProcess) -> None:
        from acp.connection import Connection

        self.process = process
        self.session_id = ""
        self.listener: Listener | None = None
        self.opened: Mapping[str, Any] = {}
        self.tuned: dict[str, Any] = {}
        self.writes_allowed = False
        self._scratch: TemporaryDirectory[str] | None = None
        self._greeting: InitializeResponse | None = None
        self._connection: Connection = Connection(self._handle, _HeldBack(self))

    @classmethod
    async def start(cls, command: AcpCommand, cwd: str, *, files: bool) -> Peer:
        """Start an agent and greet it. ``files``: whether it may read and write files through us.

        Raises:
            ProviderError: the library is not installed, or the agent can't be started or understood.
        """
        await load_library()
        process = await AgentProcess.start(command, cwd)
        peer = cls(process)
        try:
            await peer._initialize(files=files)
        except BaseException:
            await peer.end(grace_s=0)
            raise
        return peer

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self.process.alive

    @property
    def prompt_capabilities(self) -> PromptCapabilities:
        """What a prompt may have in it besides text and links."""
        from acp.schema import PromptCapabilities

        return self._capabilities.prompt_capabilities or PromptCapabilities()

    @property
    def _capabilities(self) -> AgentCapabilities:
        from acp.schema import AgentCapabilities

        return (self._greeting and self._greeting.agent_capabilities) or AgentCapabilities()

    def scratch(self) -> Path:
        """Return a private folder for files that the agent is to open; it goes with the agent."""
        if self._scratch is None:
            self._scratch = TemporaryDirectory(prefix="meerkat-acp-", ignore_cleanup_errors=True)
        return Path(self._scratch.name)

    async def _initialize(self, *, files: bool) -> None:
        from acp import PROTOCOL_VERSION
        from acp.schema import ClientCapabilities, FileSystemCapabilities, Implementation, InitializeResponse

        from meerkat_rpc import __version__

        answer = await self.call(
            "initialize",
            {
                "protocolVersion": PROTOCOL_VERSION,
                "clientCapabilities": _json(
                    ClientCapabilities(fs=FileSystemCapabilities(read_text_file=files, write_text_file=files))
                ),
                "clientInfo": _json(Implementation(name=OUR_NAME, version=__version__)),
            },
            within_s=INITIALIZE_S,
        )
        with self._understanding("initialize"):
            self._greeting = InitializeResponse.model_validate(answer)
        if self._greeting.protocol_version != PROTOCOL_VERSION:
            raise ProviderError(
                f"{self.process.command.shown}: it speaks version {self._greeting.protocol_version} of the Agent Client"
                f" Protocol, and we speak {PROTOCOL_VERSION}: install a version of it that does too"
            )

    async def new_session(self, cwd: str) -> None:
        """Open a session in the folder ``cwd``. Raises ``ProviderError``."""
        answer = await self.call("session/new", {"cwd": cwd, "mcpServers": []}, within_s=OPEN_SESSION_S)
        if not isinstance(session_id := answer.get("sessionId"), str):
            raise ProviderError(f"{self.process.command.shown}: it answered session/new without a sessionId")
        self.session_id, self.opened = session_id, answer

    async def take_up(self, session_id: str, cwd: str) -> bool:
        """Open a session that an earlier process of the agent had; return whether it could."""
        sessions = self._capabilities.session_capabilities
        if sessions is not None and sessions.resume is not None:
            method = "session/resume"
        elif self._capabilities.load_session:
            method = "session/load"
        else:
            return False
        try:
            self.opened = await self.call(
                method, {"sessionId": session_id, "cwd": cwd, "mcpServers": []}, within_s=OPEN_SESSION_S
            )
        except ProviderError as error:
            logger.info("an agent's session is opened anew: %s", type(error).__name__)
            return False
        self.session_id = session_id
        return True

    async def prompt(self, blocks: Sequence[Message]) -> PromptEnd:
        """Have a prompt worked on, however long that takes. What happens meanwhile goes to ``listener``.

        Raises:
            ProviderError: the agent refused it, or died.
        """
        answer = await self.call("session/prompt", {"sessionId": self.session_id, "prompt": list(blocks)})
        reason = answer.get("stopReason")
        return PromptEnd(reason if isinstance(reason, str) else "end_turn", usage_of(answer.get("usage")))

    async def cancel(self) -> None:
        """Ask the agent to stop what it does; ``prompt`` returns when it has."""
        with suppress(ConnectionError):
            await self._connection.send_notification("session/cancel", {"sessionId": self.session_id})

    async def call(self, method: str, params: Message, *, within_s: float | None = None) -> Message:
        """Make a request and return its result. ``within_s``: how long it may take, None for ever.

        Raises:
            ProviderError: the agent refused it, took too long, or is gone; the message says which.
        """
        from acp import RequestError

        try:
            async with asyncio.timeout(within_s):
                answer = await self._connection.send_request(method, params)
        except RequestError as error:
            raise provider_error(self.process.command, method, error, self._greeting) from error
        except TimeoutError:
            raise ProviderError(
                f"{self.process.command.shown}: no answer to {method} within {within_s:.0f} s: does the command speak"
                " the Agent Client Protocol?"
            ) from None
        except OSError:
            raise await self.process.failure(f"answering {method}") from None
        return answer if isinstance(answer, dict) else {}

    async def end(self, *, grace_s: float = 1.0) -> None:
        """End the agent and all that it started."""
        await self.process.end(grace_s=grace_s)
        await self._connection.close()
        if self._scratch is not None:
            await asyncio.to_thread(self._scratch.cleanup)

    # -- what the agent asks of us

    async def room(self) -> None:
        """Wait until the agent may say more."""
        if self.listener is not None:
            await self.listener.room()

    async def _handle(self, method: str, params: Any, is_notification: bool) -> Any:  # noqa: FBT001 - the library's call
        from acp import RequestError

        listener = self.listener
        params = params if isinstance(params, dict) else {}
        ours = params.get("sessionId") == self.session_id
        if is_notification:
            if method == "session/update" and listener is not None and ours and isinstance(params.get("update"), dict):
                listener.updated(params["update"])
            return None
        if listener is not None and ours:
            return await listener.requested(method, params)
        if method == "session/request_permission":
            return {"outcome": {"outcome": "cancelled"}}
        raise RequestError.method_not_found(method)

    def _understanding(self, method: str) -> _Understanding:
        return _Understanding(f"{self.process.command.shown}: it answered {method} as the protocol does not allow")


class _Understanding:
    """Turns the library's refusal of an answer into ours."""

    def __init__(self, message: str) -> None:
        self._message = message

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, ValueError):
            raise ProviderError(self._message) from error


class _HeldBack:
    """The process as the library's transport, read no faster than the listener takes it."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def send(self, message: Message) -> None:
        await self._peer.process.send(message)

    async def receive(self) -> Message | None:
        await self._peer.room()
        return await self._peer.process.receive()

    async def close(self) -> None:
        await self._peer.process.close()


def _json(model: Any) -> Message:
    dumped: Message = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dumped
