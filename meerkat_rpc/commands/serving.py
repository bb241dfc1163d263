"""The heavy half of ``meerkat-rpc serve``: builds the service and serves it."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import sys
from functools import cache, partial
from typing import TYPE_CHECKING, NoReturn

from meerkat_rpc.agents.registry import AgentRegistry
from meerkat_rpc.commands.server_log import log_unhandled, start_log
from meerkat_rpc.composition import ephemeral_service, persistent_service
from meerkat_rpc.config import Settings
from meerkat_rpc.config_live import LiveConfig
from meerkat_rpc.rpc.greeting import Greeting, Identity
from meerkat_rpc.rpc.handlers.runtime import Models, Surroundings
from meerkat_rpc.rpc.input import InputThread
from meerkat_rpc.rpc.server import Launch, serve
from meerkat_rpc.rpc.stderr_relay import StderrRelay
from meerkat_rpc.rpc.stdio import Stdio
from meerkat_rpc.sessions.ephemeral import EphemeralSessionService
from meerkat_rpc.sessions.persistent import PersistentSessionService
from meerkat_rpc.sessions.service import SessionService
from meerkat_rpc.sessions.surroundings import Surroundings as TurnSurroundings
from meerkat_rpc.store.disk import DiskStore
from meerkat_rpc.tools.toolbox import Toolbox

if TYPE_CHECKING:
    from meerkat_rpc.config_file import ConfigFile


def run(settings: Settings, stdio: Stdio, reader: InputThread, greeting: Greeting, started: float) -> NoReturn:
    """Serve until the end of the connection, then end the process."""
    relay = _relay(stdio.error_fd)
    start_log(settings.log_level, settings.log_file)
    config = LiveConfig(settings.config_file, os.environ)
    isolated = _temporary_store() if settings.isolated else None
    registry = AgentRegistry(settings.given_model, config.settings)
    tools = Toolbox(config.settings)
    around = TurnSurroundings([tools], config.settings, partial(_remember, settings.config_file))
    service = cache(
        lambda: _service(settings, registry, isolated or settings.store, around)
    )  # one, however often it is opened
    launch = Launch(
        input=reader,
        greeting=greeting,
        output_fd=stdio.output_fd,
        open_service=lambda: _opened(service()),
        surroundings=Surroundings(
            identity=Identity(
                "memory" if settings.ephemeral else "diskcache", isolated or settings.store, settings.contract
            ),
            models=Models(registry.models, lambda: registry.default_model, registry.prepare),
            config=lambda project: _config_file(settings.config_file, project),
            live_config=config,
            max_sessions=settings.max_sessions,
            started=started,
        ),
        tools=tools,
        close_parts=partial(_close, tools, registry),
        drain_timeout_s=settings.drain_timeout_s,
        default_cwd=settings.cwd,
        give_up=lambda: _exit(1, isolated, relay),
    )
    try:
        exit_code = asyncio.run(_serve(launch))
    except BaseException:
        logging.getLogger(__name__).critical("the server failed", exc_info=True)
        exit_code = 70  # EX_SOFTWARE of sysexits.h
    _exit(exit_code, isolated, relay)


async def _serve(launch: Launch) -> int:
    asyncio.get_running_loop().set_exception_handler(log_unhandled)
    return await serve(launch)


async def _close(tools: Toolbox, registry: AgentRegistry) -> None:
    """End the processes that agents and tools have started."""
    await asyncio.gather(tools.close(), registry.close(), return_exceptions=True)


def _config_file(path: str, project: str | None = None) -> ConfigFile:
    from meerkat_rpc.config_file import ConfigFile
    from meerkat_rpc.config_project import PROJECT_FILE

    return ConfigFile(path) if project is None else ConfigFile(os.path.join(project, PROJECT_FILE), project)


async def _remember(path: str, rule: str) -> None:
    """Keep a rule of approvals for every session to come."""
    await asyncio.to_thread(_config_file(path).allow_rule, rule)


def _temporary_store() -> str:
    import tempfile

    return tempfile.mkdtemp(prefix="meerkat-rpc-")


def _service(
    settings: Settings, registry: AgentRegistry, store: str | None, around: TurnSurroundings
) -> EphemeralSessionService | PersistentSessionService:
    if store is None:
        return ephemeral_service(registry, settings.max_sessions, around)
    return persistent_service(registry, settings.max_sessions, DiskStore(store), around, settings.fold_after_ms)


async def _opened(service: EphemeralSessionService | PersistentSessionService) -> SessionService:
    if isinstance(service, PersistentSessionService):
        await service.open()
    return service


def _relay(error_fd: int) -> StderrRelay | None:
    """Put the relay between file descriptors 1 and 2 and the real standard error, where the platform can."""
    if sys.platform == "win32":
        return None
    relay = StderrRelay(error_fd)
    os.dup2(relay.write_fd, 1)
    os.dup2(relay.write_fd, 2)
    relay.start()
    return relay


def _exit(exit_code: int, isolated: str | None, relay: StderrRelay | None) -> NoReturn:
    """End the process at once: tearing down the interpreter takes longer than everything else at the end."""
    if isolated is not None:
        import shutil

        shutil.rmtree(isolated, ignore_errors=True)
    atexit._run_exitfuncs()  # noqa: SLF001 - what libraries and coverage registered; there is no public name for it
    if relay is not None:
        relay.flush()
    os._exit(exit_code)
