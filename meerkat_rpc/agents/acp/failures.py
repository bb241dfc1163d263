"""What an agent's refusal means to a person, who has to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from meerkat_rpc.agents.acp.command import AcpCommand
from meerkat_rpc.errors import ProviderError

if TYPE_CHECKING:
    from acp import RequestError
    from acp.schema import InitializeResponse

AUTH_REQUIRED = -32000
"""The protocol's code for an agent that wants its user to log in."""

DETAIL_CHARS = 500
"""How much of an error's data is shown: an agent may put a page of HTML there."""


def provider_error(
    command: AcpCommand, method: str, error: RequestError, greeting: InitializeResponse | None
) -> ProviderError:
    """Return the error for a request that the agent refused."""
    detail = _detail(error.data)
    said = f"{error}: {detail}" if detail and detail not in str(error) else str(error)
    if error.code == AUTH_REQUIRED:
        return ProviderError(f"{command.shown}: it wants you to log in ({said}). {_ways(command, greeting)}")
    return ProviderError(f"{command.shown}: it refused {method}: {said}")


def _detail(data: Any) -> str:
    if isinstance(data, dict):
        data = data.get("details") or data.get("message") or data
    if not data:
        return ""
    return (data if isinstance(data, str) else orjson.dumps(data).decode())[:DETAIL_CHARS]


def _ways(command: AcpCommand, greeting: InitializeResponse | None) -> str:
    """Return the agent's ways to log in, in its own words."""
    methods = (greeting.auth_methods if greeting is not None else None) or []
    ways = [_way(method) for method in methods]
    if not ways:
        return f"Start {command.argv[0]} in a terminal and log in there."
    return "Its ways: " + "; ".join(ways) + f". In a terminal, {command.argv[0]} asks for it."


def _way(method: Any) -> str:
    described = f"{method.name} ({method.description})" if method.description else str(method.name)
    variables = [variable.name for variable in getattr(method, "vars", None) or [] if getattr(variable, "name", None)]
    return f"{described} by setting {', '.join(variables)}" if variables else described
