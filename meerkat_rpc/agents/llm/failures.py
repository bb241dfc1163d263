"""What goes wrong with a provider: whether it is worth another try, and what to tell the user.

pydantic-ai has an exception for each kind of failure, and reads what the providers say about it; here they become one
``ProviderError`` with what to do about it.
"""

from __future__ import annotations

import asyncio
import random
import re
from typing import Any

from pydantic_ai import exceptions

from meerkat_rpc.agent_settings import Retrying
from meerkat_rpc.agents.llm.connecting import Connection
from meerkat_rpc.agents.llm.keys import SERVICE, scrubbed
from meerkat_rpc.errors import ProviderError

LONGEST_PAUSE_S = 60.0
"""A provider that wants a longer one than that is not waited for: a person decides."""

RETRIED_STATUSES = frozenset({408, 409, 429})
"""Besides these, everything from 500 on."""

SERVER_ERRORS = 500

SHOWN_BYTES = 600
"""How much of a provider's own words is repeated. The reason comes first; some append whole web pages."""


def is_passing(error: Exception) -> bool:
    """Return whether the same call may succeed a little later."""
    if isinstance(error, exceptions.ModelQuotaExceededError):
        return False
    if isinstance(error, exceptions.ModelHTTPError):
        return error.status_code in RETRIED_STATUSES or error.status_code >= SERVER_ERRORS
    passing = (
        exceptions.ModelConnectionError,
        exceptions.ModelServerError,
        exceptions.ModelUnavailableError,
        exceptions.ModelRateLimitError,
        exceptions.ModelRequestTimeout,
    )
    return isinstance(error, passing) or _is_transport(error)


def pause_s(error: Exception, attempt: int, retrying: Retrying) -> float | None:
    """Return how long to wait after the failed ``attempt`` (counted from 1); None for not trying again.

    What the provider asks for holds where it is longer than our own doubling pause.
    """
    if attempt >= retrying.max_attempts or not is_passing(error):
        return None
    own = retrying.base_delay_ms / 1000 * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311 - a jitter
    asked = getattr(error, "retry_after", None) or 0.0
    return None if asked > LONGEST_PAUSE_S else min(max(own, asked), LONGEST_PAUSE_S)


def said(error: Exception, connection: Connection) -> str:
    """Return in one line what happened."""
    if isinstance(error, exceptions.ModelHTTPError):
        words = f"HTTP {error.status_code}: {_words(error.body) or 'no reason given'}"
    elif isinstance(error, exceptions.ModelAPIError):
        words = _words(error.body) or str(error)
    else:
        words = str(error) or type(error).__name__
    return _one_line(scrubbed(words, connection.key))


def provider_error(error: Exception, connection: Connection) -> ProviderError:
    """Return the error that the turn ends with."""
    status = getattr(error, "status_code", None)
    data: dict[str, Any] = {"provider": connection.provider.name, "model": connection.name.model}
    if status is not None:
        data["status"] = status
    happened = said(error, connection)
    advice = _advice(error, connection)
    return ProviderError(f"{connection.name}: {happened}{'. ' if advice else ''}{advice}", **data)


def _advice(error: Exception, connection: Connection) -> str:  # noqa: PLR0911 - a table, but by classes
    """Return what a person can do about it."""
    provider = connection.provider
    if isinstance(error, exceptions.ModelTimeoutError | exceptions.ModelRequestTimeout):
        return f"{provider.base_url} sent nothing for too long; provider_params.timeout sets another limit, in seconds"
    if isinstance(error, exceptions.ModelAuthenticationError):
        return _about_key(connection)
    if isinstance(error, exceptions.ModelQuotaExceededError):
        return f"The account at {provider.name} has no credit or quota left"
    if isinstance(error, exceptions.ModelRateLimitError):
        return f"{provider.name} allows no more requests for now: wait, or use another model"
    if isinstance(error, exceptions.ModelContextWindowExceededError):
        return "The conversation is too long for the model: compact the session, or use one with a larger window"
    if isinstance(error, exceptions.ModelNotFoundError):
        return f"{_about_model(error, connection)}; models/catalog lists others. The address was {provider.base_url}"
    if isinstance(error, exceptions.ModelConnectionError) or _is_transport(error):
        return _about_address(connection)
    if isinstance(error, exceptions.ModelUnavailableError | exceptions.ModelServerError):
        return f"{provider.name} has trouble of its own: try again later, or use another model"
    return ""


def _about_key(connection: Connection) -> str:
    provider = connection.provider
    names = " or ".join(provider.key_names) or "the key"
    return f"Check {names} (or the keyring's entry {SERVICE}/{provider.name}), and that the key may use this model"


def _about_model(error: Exception, connection: Connection) -> str:
    suggested = getattr(error, "suggested_model_id", None)
    return (
        f"Perhaps {suggested} is meant" if suggested else f"{connection.provider.name} has no {connection.name.model}"
    )


def _about_address(connection: Connection) -> str:
    provider = connection.provider
    return f"The address is {provider.base_url}: is the network, or that server, up?"


def _is_transport(error: BaseException) -> bool:
    """Return whether the connection itself failed, in whichever library's words."""
    if isinstance(error, OSError | asyncio.TimeoutError):
        return True
    home = type(error).__module__.partition(".")[0]
    return home in {"httpx", "httpx2", "httpcore", "httpcore2", "h11", "aiohttp", "anyio"}


def _words(body: object) -> str:
    """Return what a provider's error says, out of the several forms there are."""
    if isinstance(body, dict):
        inner = body.get("error", body)
        for holder in (inner, body):
            if isinstance(holder, dict) and isinstance(message := holder.get("message"), str):
                return message
        return inner if isinstance(inner, str) else ""
    if isinstance(body, list) and body:
        return _words(body[0])
    return body if isinstance(body, str) else ""


def _one_line(text: str) -> str:
    line = re.sub(r"\s+", " ", text).strip()
    return line if len(line) <= SHOWN_BYTES else line[: SHOWN_BYTES - 1] + "…"
