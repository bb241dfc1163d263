"""Tools that the host lends, MCP servers, and the contents of attachments."""

from __future__ import annotations

from typing import Annotated, Literal

from meerkat_rpc.wire.types.marks import JSON, Bounds, Count, Digest, Positive, Uuid, message


@message
class ToolOffer:
    """A tool that the host lends. ``input_schema`` is a JSON Schema of an object.

    ``timeout_ms`` is the deadline of each call, two minutes where it is not given.
    """

    name: Annotated[str, Bounds(minimum=1, maximum=64)]
    description: str
    input_schema: dict[str, JSON]
    requires_approval: bool = False
    timeout_ms: Positive | None = None


@message
class ToolsRegisterParams:
    """The tools; one of a name that is lent already takes the old one's place."""

    tools: list[ToolOffer]


@message
class ToolsRegisterResult:
    """The names of all the tools that are lent now."""

    registered: list[str]


@message
class ToolsUnregisterParams:
    """Without ``names``, all of them."""

    names: list[str] | None = None


@message
class ToolsListParams:
    """With ``session_id``, those that its turns have."""

    session_id: Uuid | None = None


@message
class Tool:
    """A tool. ``source``: ``host``, ``builtin`` or ``mcp:NAME``."""

    name: str
    description: str
    input_schema: JSON
    source: str
    requires_approval: bool


@message
class ToolsListResult:
    """What there is now."""

    tools: list[Tool]


@message
class ToolExecuteParams:
    """A call of a tool that the host lent. When it takes too long, or its turn ends, ``$/cancelRequest`` follows."""

    session_id: Uuid
    turn_id: Uuid
    id: str
    name: str
    args: JSON


@message
class ToolExecuteResult:
    """What came of it. An answer of any other shape is taken for the result itself; an error is told to the model."""

    result: JSON
    is_error: bool = False


@message
class McpServer:
    """An MCP server. ``error`` says why it isn't ready, ``stderr`` what it last said there.

    ``origin`` tells where it comes from: the user's configuration, that of a session's project, or a request ("added"),
    and then it is gone when this program ends.
    """

    name: str
    transport: Literal["stdio", "http"]
    state: Literal["connecting", "ready", "failed", "disabled"]
    tools: list[str]
    origin: Literal["config", "project", "added"]
    error: str | None = None
    stderr: str | None = None


@message
class McpListResult:
    """Every server that is configured."""

    servers: list[McpServer]


@message
class McpAddParams:
    """A server: ``command`` with ``args`` (stdio), or ``url`` (streamable HTTP). ``persist``: write it to the
    configuration file; else it is there until this program ends. ``timeout`` is in seconds."""

    name: Annotated[str, Bounds(minimum=1, maximum=64)]
    command: str | None = None
    args: list[str] | None = None
    env: dict[str, str] | None = None
    cwd: str | None = None
    url: str | None = None
    headers: dict[str, str] | None = None
    requires_approval: bool = True
    timeout: Positive | None = None
    persist: bool = True


@message
class McpRemoveParams:
    """The server's name."""

    name: str


@message
class McpRemoveResult:
    """False when there was none of that name."""

    removed: bool


@message
class McpReloadParams:
    """Without ``name``, every server is started anew."""

    name: str | None = None


@message
class BlobGetParams:
    """The content's SHA-256."""

    digest: Digest


@message
class BlobGetResult:
    """The content as base64; ``size`` is in bytes."""

    digest: Digest
    size: Count
    data: str
