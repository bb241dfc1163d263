"""Every setting there is, as one tree of tables: what the configuration files may say.

The one definition: the checks, the reader (``config_tables.py``), ``docs/configuration.md`` and ``schema/config.json``
go by it. Loaded only where a configuration file has one of its tables in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from meerkat_rpc.agent_settings import Compacting, McpServer, Retrying
from meerkat_rpc.config_keys import KEYS, Key

PROVIDER_KINDS = ("openai", "openai-responses", "anthropic", "google")
"""The protocols that providers of models speak."""

WELL_KNOWN_PROVIDERS = (*PROVIDER_KINDS, "openrouter", "ollama", "lmstudio", "vllm")
"""Providers that need no table (``agents/llm/providers.py``)."""

BUILTIN_TOOLS = ("read_file", "list_files", "search", "write_file", "edit_file", "run_command")
"""The built-in tools, as ``tools.builtin`` names them."""

BUILTIN_GROUPS: Mapping[str, tuple[str, ...]] = {
    "read": BUILTIN_TOOLS[:3],
    "write": BUILTIN_TOOLS[3:5],
    "run": BUILTIN_TOOLS[5:],
    "all": BUILTIN_TOOLS,
}
"""Names for several of them at once."""

MAX_ATTEMPTS = 20
"""Tries of a model call at most: with doubled pauses, more would be a turn that never ends."""

MAX_BASE_DELAY_MS = 60_000
"""The longest first pause: each further one is twice as long."""

MAX_KEPT_TURNS = 1000
"""Turns that a compaction may be told to leave alone: more than any model's window holds."""

MAX_TIMEOUT_S = 86_400
"""How long a call of a tool may take at most: a day."""

_PROVIDER_NAME = re.compile(r"(?!acp\Z)[^\s:\x00-\x1f\x7f]{1,64}")
"""``acp:`` begins the name of a program."""
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)


class Table(NamedTuple):
    """A table of settings. ``complaint`` says what is wrong with its content as a whole; None when nothing is."""

    name: str
    doc: str
    nodes: Mapping[str, Node]
    complaint: Callable[[Mapping[str, Any]], str | None] | None = None


class Entries(NamedTuple):
    """A table of tables, each under a name that the user gives, which ``form`` matches (``expected``, for people)."""

    name: str
    doc: str
    entry: Table
    form: re.Pattern[str]
    expected: str


Node = Key | Table | Entries


def _nodes(*nodes: Node) -> Mapping[str, Node]:
    return {node.name: node for node in nodes}


def _trusted(name: str, kind: str, doc: str, **more: Any) -> Key:
    return Key(name, kind, doc, live=True, project="trusted", **more)


def _harmless(name: str, kind: str, doc: str, **more: Any) -> Key:
    return Key(name, kind, doc, live=True, project="any", **more)


def _server_complaint(server: Mapping[str, Any]) -> str | None:
    if ("command" in server) == ("url" in server):
        return "expected either command or url"
    if server.get("timeout") == 0:
        return "timeout: expected more than 0 seconds"
    stray = [name for name in (("headers",) if "command" in server else ("args", "env", "cwd")) if name in server]
    if stray:
        return f"{stray[0]} is for a server with {'a url' if 'command' in server else 'a command'}"
    return None


def _limits_complaint(limits: Mapping[str, Any]) -> str | None:
    both = "duration" in limits and "duration_ms" in limits
    return "expected either duration or duration_ms" if both else None


_PROVIDER = Table(
    "NAME",
    "a provider of models: its models are called NAME:MODEL",
    _nodes(
        _trusted(
            "kind", "choice", "protocol that is spoken; by default NAME where that is one, else openai",
            choices=PROVIDER_KINDS,
        ),
        _trusted("base_url", "url", "address of the service; by default the provider's own"),
        _trusted("api_key_env", "variable", "variable that has the key; by default the usual one of the kind"),
        _trusted("headers", "headers", "headers to send with each request"),
        _trusted("models", "texts", "models to list in the catalogue"),
    ),
)  # fmt: skip

_MCP = McpServer("")

_SERVER = Table(
    "NAME",
    "an MCP server: a command that speaks over stdin and stdout, or a url (streamable HTTP)",
    _nodes(
        _trusted("command", "text", "program to start"),
        _trusted("args", "texts", "its arguments"),
        _trusted("env", "table", "variables for it, besides the harmless ones of our own environment"),
        _trusted("cwd", "text", "folder to start it in; a project's may be relative to the project"),
        _trusted("url", "url", "address of a server that runs already"),
        _trusted("headers", "headers", "headers to send with each request"),
        _trusted("enabled", "flag", "whether its tools are offered", default=_MCP.enabled),
        _trusted("requires_approval", "flag", "whether its tools ask first", default=_MCP.requires_approval),
        _trusted("timeout", "seconds", "time for a call", default=_MCP.timeout_s, most=MAX_TIMEOUT_S),
    ),
    _server_complaint,
)


def _limits(scope: str) -> Table:
    return Table(
        scope,
        f"what a {scope} may use up; without a limit, there is none",
        _nodes(
            _harmless("tokens", "count", "tokens, read and written"),
            _harmless("duration", "duration", "time"),
            _harmless("duration_ms", "count", "the same in milliseconds"),
            _harmless("tool_calls", "count", "calls of tools"),
            _harmless("model_calls", "count", "calls of the model"),
        ),
        _limits_complaint,
    )


TABLES: Mapping[str, Node] = _nodes(
    Entries(
        "providers",
        "providers of models",
        _PROVIDER,
        _PROVIDER_NAME,
        "a name of at most 64 characters without a colon or white space, and not acp",
    ),
    Table(
        "mcp",
        "tools of MCP servers",
        _nodes(
            Entries(
                "servers", "the servers", _SERVER, _TOOL_NAME, 'a name of at most 32 letters, digits, "_" and "-"'
            )
        ),
    ),
    Table(
        "tools",
        "built-in tools",
        _nodes(
            _harmless(
                "builtin", "texts", "those that are on, confined to the session's folder",
                choices=(*BUILTIN_GROUPS, *BUILTIN_TOOLS),
            )
        ),
    ),
    Table(
        "approvals",
        "what needs no question",
        _nodes(_trusted("allow", "texts", "calls of tools that are allowed without asking: TOOL or TOOL:DETAIL")),
    ),
    Table(
        "compaction",
        "when a long history is summarised",
        _nodes(
            _harmless("auto", "flag", "whether it happens by itself", default=Compacting().auto),
            _harmless(
                "threshold_tokens", "count", "tokens from which on; by default three quarters of the model's window"
            ),
            _harmless(
                "keep_turns", "number", "last turns to leave whole",
                default=Compacting().keep_turns, most=MAX_KEPT_TURNS,
            ),
        ),
    ),
    Table(
        "retry",
        "model calls that failed in a way that may pass",
        _nodes(
            _harmless(
                "max_attempts", "count", "tries in all", default=Retrying().max_attempts, most=MAX_ATTEMPTS
            ),
            _harmless(
                "base_delay_ms", "number", "first pause in milliseconds; each further one is twice as long",
                default=Retrying().base_delay_ms, most=MAX_BASE_DELAY_MS,
            ),
        ),
    ),
    Table("budget", "limits; a session's own go before these", _nodes(_limits("turn"), _limits("session"))),
    Key(
        "trusted_projects",
        "folders",
        "projects (exactly these folders, none below them) whose configuration file may do what yours may",
        live=True,
    ),
)  # fmt: skip
"""The settings of agents and tools, which hold for sessions."""

SETTINGS: Mapping[str, Node] = {**KEYS, **TABLES}
"""All there is, by its name at the top of a file."""


def walk(nodes: Iterable[Node] | None = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Yield each node with its path, tables before what is in them; ``NAME`` stands for the user's own names."""
    for node in SETTINGS.values() if nodes is None else nodes:
        here = (*path, node.name)
        yield here, node
        if isinstance(node, Table):
            yield from walk(node.nodes.values(), here)
        elif isinstance(node, Entries):
            yield from walk([node.entry], here)
