"""What is known of a server, for people."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

State = Literal["connecting", "ready", "failed", "disabled"]
Transport = Literal["stdio", "http"]

Origin = Literal["config", "project", "added"]
"""Where a server comes from: the user's configuration, that of some session's folder, or a request to this process."""


@frozen
class McpStatus:
    """A server as it is now.

    ``tools`` are their names as models see them. ``error`` is why the server isn't ready, or was not when it was last
    tried; ``stderr`` is the end of what it said there by then.
    """

    name: str
    transport: Transport
    state: State
    tools: tuple[str, ...]
    origin: Origin
    error: str | None = None
    stderr: str | None = None
