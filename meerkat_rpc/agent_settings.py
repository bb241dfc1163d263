"""The part of the configuration that agents and tools go by, as values.

``config_tables.py`` reads them out of the configuration files. They hold for a folder: a project may have a file of its
own. Plain tuples, for they are loaded before the first reply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple


class ProviderSettings(NamedTuple):
    """A provider of models.

    ``kind``: the protocol that is spoken: ``openai`` (Chat Completions), ``openai-responses``, ``anthropic``,
    ``google``. ``base_url``: None for the provider's own address. ``api_key_env``: the variable that has the key; None
    for the usual one, which is the provider's own name's where ``base_url`` leads elsewhere: a vendor's key is for the
    vendor. ``headers`` go with each request. ``models`` are listed in the catalogue.
    """

    name: str
    kind: str
    base_url: str | None = None
    api_key_env: str | None = None
    headers: Mapping[str, str] = {}
    models: tuple[str, ...] = ()


class McpServer(NamedTuple):
    """An MCP server: a ``command`` with ``args`` that speaks over stdio, or a ``url`` (streamable HTTP)."""

    name: str
    command: str | None = None
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = {}
    cwd: str | None = None
    url: str | None = None
    headers: Mapping[str, str] = {}
    enabled: bool = True
    requires_approval: bool = True
    timeout_s: float = 60.0


class Compacting(NamedTuple):
    """When a long history is summarised. ``threshold_tokens``: None for three quarters of the model's window."""

    auto: bool = True
    threshold_tokens: int | None = None
    keep_turns: int = 2


class Retrying(NamedTuple):
    """How often a failed model call is tried in all, and how long the first pause is; each further one doubles."""

    max_attempts: int = 4
    base_delay_ms: int = 500


class AgentSettings(NamedTuple):
    """Everything. ``builtin_tools``: those that are on. ``allow``: rules of approvals (``tools/base.py``).

    ``budget`` has the shape of ``domain.AgentConfig.budget``. ``model``: of sessions that name none; options and the
    environment go before it.
    """

    providers: Mapping[str, ProviderSettings] = {}
    mcp_servers: Mapping[str, McpServer] = {}
    builtin_tools: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    compaction: Compacting = Compacting()
    retry: Retrying = Retrying()
    budget: Mapping[str, Mapping[str, int]] = {}
    model: str | None = None


SettingsFor = Callable[[str | None], AgentSettings]
"""Gives the settings that hold in a folder (a session's ``cwd``) right now."""


def defaults(_cwd: str | None = None) -> AgentSettings:
    """Return the settings where nobody configured anything."""
    return AgentSettings()
