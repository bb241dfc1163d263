"""The methods about the server itself: greeting, capabilities, models, configuration, health, the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from attrs import frozen

from meerkat_rpc import __version__
from meerkat_rpc.agents.base import ModelInfo
from meerkat_rpc.errors import StoreError
from meerkat_rpc.rpc import mapping
from meerkat_rpc.rpc.channel import Channel
from meerkat_rpc.rpc.client_capabilities import ClientCapabilities
from meerkat_rpc.rpc.dialect import Dialect
from meerkat_rpc.rpc.greeting import Identity, initialize_result
from meerkat_rpc.rpc.handlers.table import handlers
from meerkat_rpc.rpc.lifecycle import Lifecycle
from meerkat_rpc.rpc.opening import Opening
from meerkat_rpc.rpc.protocol import Handler, SessionProtocol
from meerkat_rpc.sessions.service import ServiceHealth
from meerkat_rpc.wire import types as wire

if TYPE_CHECKING:
    from meerkat_rpc.config_file import ConfigFile
    from meerkat_rpc.config_live import LiveConfig


@frozen
class Models:
    """What the agents offer: every model, and the default one, which ``prepare`` makes ready for its first turn."""

    all: Callable[[], list[ModelInfo]]
    default: Callable[[], str | None]
    prepare: Callable[[], Awaitable[None]]


@frozen
class Surroundings:
    """What the runtime methods speak about.

    ``config`` gives the user's configuration file, or that of the project in a folder; ``live_config`` what holds.
    ``started`` is the monotonic time of the start, in seconds.
    """

    identity: Identity
    models: Models
    config: Callable[[str | None], ConfigFile]
    live_config: LiveConfig
    max_sessions: int
    started: float


class RuntimeMethods:
    """Handlers of everything that is not a session. ``apply`` is told what the client says of itself."""

    def __init__(
        self,
        opening: Opening,
        channel: Channel,
        protocol: SessionProtocol,
        lifecycle: Lifecycle,
        surroundings: Surroundings,
        apply: Callable[[ClientCapabilities], None],
    ) -> None:
        self._opening = opening
        self._channel = channel
        self._protocol = protocol
        self._lifecycle = lifecycle
        self._about = surroundings
        self._apply = apply

    def table(self) -> Mapping[str, Handler]:
        """Return the handlers by method."""
        return handlers(
            {
                "initialize": self.initialize,
                "initialized": self.nothing,
                "capabilities/get": self.capabilities,
                "models/catalog": self.models,
                "config/get": self.config_get,
                "config/set": self.config_set,
                "config/patch": self.config_patch,
                "runtime/health": self.health,
                "cancel": self.cancel,
                "$/cancelRequest": self.cancel_request,
                "shutdown": self.shutdown,
                "exit": self.exit,
            }
        )

    async def initialize(self, params: wire.InitializeParams) -> dict[str, Any]:
        """Say what the server is and can do."""
        return self.greet(params.contract_version, params.process_id, params.capabilities)

    def greet(self, contract_version: str | None, process_id: int | None, capabilities: object) -> dict[str, Any]:
        """Take note of what ``initialize`` asks for and return its result."""
        said = ClientCapabilities.of(capabilities)
        result = initialize_result(self._about.identity, contract_version, said)
        self._channel.dialect = Dialect(result["contract_version"])
        if process_id is not None:
            self._lifecycle.watch_parent(process_id)
        self._apply(said)
        if said.prepare:
            self._preparing = asyncio.ensure_future(self._about.models.prepare())
        return result

    async def nothing(self, _params: wire.NoParams) -> None:
        """Do nothing."""

    async def capabilities(self, _params: wire.NoParams) -> wire.CapabilitiesResult:
        """Say what is on, what is off, and how to turn it on."""
        stored = self._about.identity.store_kind != "memory"
        on = [
            _capability("sessions", "Create, list, read, archive, fork and export sessions."),
            _capability("streaming", "Events of running turns as notifications."),
            _capability("stream_replay", "Events from any sequence number, then live."),
            _capability("exactly_once", "A repeated turn_id never runs the agent twice."),
            _capability(
                "persistence",
                "Sessions survive the process, acknowledged turns the loss of power.",
                None if stored else "start the server without --ephemeral",
            ),
        ]
        on += [
            _capability("approvals", "Turns ask before they act, and wait; the question outlives the process."),
            _capability("host_tools", "Tools that the host lends (tools/register)."),
            _capability("steering", "Adding to a running turn, and queueing behind it."),
            _capability("attachments", "Prompts in blocks: text, images, files."),
            _capability("budgets", "Limits of tokens, time, model and tool calls, for a turn and for a session."),
            _capability("compaction", "Summarising a long history with the session's model."),
            _capability("language_models", "Models of every provider.", _missing("pydantic_ai", "llm")),
            _capability("mcp", "Tools of MCP servers.", _missing("mcp", "llm")),
            _capability("acp", "Agents that speak the Agent Client Protocol.", _missing("acp", "acp")),
        ]
        return wire.CapabilitiesResult(self._channel.dialect.contract_version, on)

    async def models(self, _params: wire.NoParams) -> wire.ModelsCatalogResult:
        """List the models. Other packages' agents are imported for it, which is not the event loop's business."""
        offered = await asyncio.to_thread(self._about.models.all)
        default = self._about.models.default()
        return wire.ModelsCatalogResult([mapping.model(info, default) for info in offered], default)

    async def config_get(self, params: wire.ConfigGetParams) -> wire.ConfigResult:
        """Read the configuration."""
        file = self._about.config(params.project)
        return await self._config_result(file, await asyncio.to_thread(file.read), params.project)

    async def config_set(self, params: wire.ConfigSetParams) -> wire.ConfigResult:
        """Replace the configuration."""
        file = self._about.config(params.project)
        state = await asyncio.to_thread(file.write, params.config, params.expected_generation)
        return await self._config_result(file, state, params.project)

    async def config_patch(self, params: wire.ConfigPatchParams) -> wire.ConfigResult:
        """Change the configuration."""
        file = self._about.config(params.project)
        state = await asyncio.to_thread(file.patch, params.patch, params.expected_generation)
        return await self._config_result(file, state, params.project)

    async def _config_result(
        self, file: ConfigFile, state: tuple[dict[str, Any], int], project: str | None
    ) -> wire.ConfigResult:
        live = self._about.live_config
        restart = await asyncio.to_thread(live.restart)
        report = await asyncio.to_thread(live.report, project)
        ignored = [wire.IgnoredSetting(item.setting, item.reason) for item in report.ignored]
        return wire.ConfigResult(
            config=state[0],
            generation=state[1],
            path=file.path,
            restart=restart or None,
            ignored=ignored or None,
            problems=list(report.problems) or None,
        )

    async def health(self, _params: wire.NoParams) -> wire.HealthResult:
        """Give figures; "degraded" when the store can't be used."""
        try:
            figures = await (await self._opening.service()).health()
        except StoreError:
            figures = ServiceHealth(0, 0, 0, self._about.max_sessions, store_answers=False)
        identity, usage = self._about.identity, figures.usage
        return wire.HealthResult(
            status="ok" if figures.store_answers else "degraded",
            version=__version__,
            uptime_ms=int((time.monotonic() - self._about.started) * 1000),
            live_sessions=figures.live_sessions,
            running_turns=figures.running_turns,
            stored_sessions=figures.stored_sessions,
            max_sessions=figures.max_sessions,
            tasks=len(asyncio.all_tasks()),
            memory_bytes=_resident_bytes(),
            store_bytes=usage.store_bytes if usage else None,
            wal_bytes=usage.wal_bytes if usage else None,
            free_bytes=usage.free_bytes if usage else None,
            disk_free_bytes=usage.disk_free_bytes if usage else None,
            store=wire.StoreInfo(identity.store_kind, identity.store_path),
        )

    async def cancel(self, params: wire.CancelParams) -> wire.CancelResult:
        """Cancel a request in flight."""
        return wire.CancelResult(self._protocol.cancel_request(params.request_id))

    async def cancel_request(self, params: wire.CancelRequestParams) -> None:
        """Cancel a request in flight, as language servers spell it."""
        self._protocol.cancel_request(params.id)

    async def shutdown(self, _params: wire.NoParams) -> None:
        """Interrupt running turns, save them, and take no more requests."""
        await self._lifecycle.shut_down()

    async def exit(self, _params: wire.NoParams) -> None:
        """End the process."""
        self._lifecycle.exit()


def _capability(name: str, description: str, hint: str | None = None) -> wire.Capability:
    """Return a capability: on, or off with what to do about it."""
    status: Any = "Available" if hint is None else {"DisabledByPolicy": {"description": hint}}
    return wire.Capability(name, description, available=hint is None, status=status, hint=hint)


def _missing(package: str, extra: str) -> str | None:
    """Return how to install the extra that brings ``package``; None when that is there."""
    return None if find_spec(package) is not None else f"pip install 'meerkat-rpc[{extra}]'"


def _resident_bytes() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)
