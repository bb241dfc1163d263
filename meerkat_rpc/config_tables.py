"""What the configuration files say about agents and tools, as ``AgentSettings``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from meerkat_rpc.agent_settings import AgentSettings, Compacting, McpServer, ProviderSettings, Retrying
from meerkat_rpc.config_schema import PROVIDER_KINDS
from meerkat_rpc.durations import duration_ms

DEFAULT_KIND = "openai"
"""What a provider speaks that doesn't say: everybody's servers speak Chat Completions."""


def agent_settings(config: Mapping[str, Any]) -> AgentSettings:
    """Return what ``config`` says, which was checked."""
    servers = config.get("mcp", {}).get("servers", {})
    return AgentSettings(
        providers={name: _provider(name, given) for name, given in config.get("providers", {}).items()},
        mcp_servers={name: mcp_server(name, given) for name, given in servers.items()},
        builtin_tools=tuple(dict.fromkeys(config.get("tools", {}).get("builtin", ()))),
        allow=tuple(dict.fromkeys(config.get("approvals", {}).get("allow", ()))),
        compaction=Compacting(**config.get("compaction", {})),
        retry=Retrying(**config.get("retry", {})),
        budget={scope: limits(given) for scope, given in config.get("budget", {}).items()},
        model=config.get("model"),
    )


def _provider(name: str, given: Mapping[str, Any]) -> ProviderSettings:
    kind = given.get("kind", name if name in PROVIDER_KINDS else DEFAULT_KIND)
    return ProviderSettings(name, **{**given, "kind": kind, "models": tuple(given.get("models", ()))})


def mcp_server(name: str, given: Mapping[str, Any]) -> McpServer:
    """Return the server that a table describes. A relative folder of its begins in the user's home."""
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    if "timeout" in values:
        values["timeout_s"] = float(values.pop("timeout"))
    if "cwd" in values:
        values["cwd"] = folder(values["cwd"], "~")
    return McpServer(name, **values)


def mcp_table(server: McpServer) -> dict[str, Any]:
    """Return the table that describes ``server``, without what is so by default."""
    usual = McpServer(server.name)._asdict()
    given = {key: value for key, value in server._asdict().items() if key != "name" and value != usual[key]}
    if "timeout_s" in given:
        given["timeout"] = given.pop("timeout_s")
    return {key: _plain(value) for key, value in given.items()}


def limits(given: Mapping[str, Any]) -> dict[str, int]:
    """Return the limits that a table of a budget has, time in milliseconds."""
    found = {name: value for name, value in given.items() if name != "duration"}
    return found | {"duration_ms": duration_ms(given["duration"], "duration")} if "duration" in given else found


def folder(path: str, home: str) -> str:
    """Return ``path`` absolute: a relative one begins in ``home``."""
    return os.path.normpath(os.path.join(os.path.expanduser(home), os.path.expanduser(path)))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value
