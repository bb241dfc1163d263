"""What the client raises.

    ClientError
    ├── StartFailed            the server could not be started; shows how it ended and what it said
    ├── ServerDied             the server went away and the call's outcome is unknown
    ├── ClientClosed           the client was closed meanwhile
    └── RpcError               the server answered with an error
        ├── InvalidParams      a parameter is missing, of the wrong type, or out of range
        ├── SessionNotFound    the session is unknown, deleted, or archived and the call would write
        ├── SessionBusy        a turn is running, here or in another process
        └── TurnInterrupted    the turn was interrupted, or died with the server that ran it

An error of another code is a plain ``RpcError``; tell those apart by ``name`` (contract section 4).
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from typing import Any

from meerkat_rpc.wire.catalog import ERRORS

_NAMES = {error.number: error.code for error in ERRORS}


class ClientError(Exception):
    """Base of everything this package raises on purpose."""


class ServerGone(ClientError):
    """Base of the two that tell of a process: how it ended, and the last lines of its stderr."""

    def __init__(self, reason: str, command: Sequence[str], exit_code: int | None = None, stderr: str = "") -> None:
        self.reason = reason
        self.command = tuple(command)
        self.exit_code = exit_code
        self.stderr = stderr
        super().__init__(reason, self.command, exit_code, stderr)

    def __str__(self) -> str:
        lines = [f"{self.reason}: {' '.join(self.command)}"]
        if self.exit_code is not None:
            lines[0] += f" ({describe_exit(self.exit_code)})"
        if self.stderr.strip():
            lines += ["its last words on stderr:", *(f"    {line}" for line in self.stderr.rstrip().splitlines())]
        return "\n".join(lines)


class StartFailed(ServerGone):
    """The server could not be started, or ended before it said hello."""


class ServerDied(ServerGone):
    """The server went away. Whether the call took effect is unknown."""


class ClientClosed(ClientError):
    """The client was closed before the call was answered."""


class RpcError(ClientError):
    """An error that the server answered with.

    ``code`` is JSON-RPC's number, ``name`` the stable upper-case name, ``data`` the facts (``session_id`` …).
    """

    def __init__(self, code: int, message: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(code, message, data)
        self.code = code
        self.message = message
        self.data: Mapping[str, Any] = data or {}
        self.name: str = self.data.get("code") or _NAMES.get(code, "UNKNOWN")

    def __str__(self) -> str:
        return f"{self.message} [{self.name}]"


class InvalidParams(RpcError):
    """A parameter is missing, of the wrong type, or out of range; the message names its path."""


class SessionNotFound(RpcError):
    """The session is unknown, deleted, or archived and the call would write."""


class SessionBusy(RpcError):
    """A turn is running in the session, here or in another process (``data["owner"]``)."""


class TurnInterrupted(RpcError):
    """The turn was interrupted, or died with the server that ran it. What it had said is kept."""

    @property
    def text(self) -> str:
        """What the turn had said."""
        return str(self.data.get("text") or "")


_CLASSES: Mapping[int, type[RpcError]] = {
    -32602: InvalidParams,
    -32001: SessionNotFound,
    -32002: SessionBusy,
    -32005: TurnInterrupted,
}


def rpc_error(error: Mapping[str, Any]) -> RpcError:
    """Return the exception for the ``error`` member of an answer."""
    code = error.get("code", 0)
    data = error.get("data")
    kind = _CLASSES.get(code, RpcError)
    return kind(code, str(error.get("message", "")), data if isinstance(data, Mapping) else None)


def describe_exit(code: int) -> str:
    """Return how a process ended, for a person: ``exit code 2``, ``killed by SIGKILL``."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
