"""From a provider to pydantic-ai's model of it: the one place that knows the vendors' clients.

The clients are kept, with their open connections, as long as address, key and model stay the same.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from attrs import field, frozen

from meerkat_rpc.agents.llm.hanging_up import note_answer
from meerkat_rpc.agents.llm.providers import ModelName, Provider
from meerkat_rpc.errors import ProviderError
from meerkat_rpc.heavy_imports import importing

if TYPE_CHECKING:
    from pydantic_ai.models import Model

INSTALL = 'language models need the extra "llm". Run: pip install "meerkat-rpc[llm]"'

NO_KEY = "none"
"""What is sent to a server that asks for no key: the clients insist on something."""

MAX_CONNECTIONS = 64
"""Clients that are kept. More providers and models than that, in one process, are somebody's loop over names."""


GOOGLE_TIMEOUT_S = 1200
"""What pydantic-ai gives the Gemini client. Each call sets its own, which may only be shorter."""

_Wanted = tuple[Provider, str | None, str]


@frozen
class Connection:
    """A model that can be asked. ``key`` is kept only to take it out of what is shown."""

    name: ModelName
    provider: Provider
    model: Model
    key: str | None = field(repr=False)


class Connections:
    """The models that were asked for, made once each and for each event loop, to which connections belong."""

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Wanted, Model]] = WeakKeyDictionary()

    async def connect(self, provider: Provider, key: str | None, name: ModelName) -> Connection:
        """Return the model called ``name``; the first time takes as long as the libraries' import.

        Raises:
            ProviderError: the extra is not installed, or the address makes no sense.
        """
        models = self._kept.setdefault(asyncio.get_running_loop(), {})
        made = models.get((provider, key, name.model))
        if made is None:
            made = await importing(_make, provider, key, name.model)
            while len(models) >= MAX_CONNECTIONS:
                models.pop(next(iter(models)))
            models[provider, key, name.model] = made
        return Connection(name, provider, made, key)


async def imported(module: str, install: str = INSTALL) -> Any:
    """Return one of our modules that import pydantic-ai, which takes half a second the first time.

    Raises:
        ProviderError: it isn't installed; ``install`` says how to.
    """
    try:
        return await importing(importlib.import_module, f"meerkat_rpc.agents.llm.{module}")
    except ImportError as error:
        raise ProviderError(f"{install} ({error.name or error} is missing)") from None


def _make(provider: Provider, key: str | None, model: str) -> Model:
    try:
        return _MAKERS[provider.kind](provider, key or NO_KEY, model)
    except ImportError as error:
        raise ProviderError(f"{INSTALL} ({error.name or error} is missing)") from None


def _openai(provider: Provider, key: str, model: str) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel

    return OpenAIChatModel(model, provider=_openai_provider(provider, key))


def _openai_responses(provider: Provider, key: str, model: str) -> Model:
    from pydantic_ai.models.openai import OpenAIResponsesModel

    return OpenAIResponsesModel(model, provider=_openai_provider(provider, key))


def _openai_provider(provider: Provider, key: str) -> Any:
    if not provider.own:
        from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

        return OpenAICompatibleProvider(provider.name, base_url=provider.base_url, api_key=key)
    from pydantic_ai.providers.openai import OpenAIProvider

    return OpenAIProvider(base_url=provider.base_url, api_key=key)


def _anthropic(provider: Provider, key: str, model: str) -> Model:
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    return AnthropicModel(model, provider=AnthropicProvider(api_key=key, base_url=provider.base_url))


def _google(provider: Provider, key: str, model: str) -> Model:
    from pydantic_ai.models import create_async_httpx2_client
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    client = create_async_httpx2_client(timeout=GOOGLE_TIMEOUT_S)
    client.event_hooks["response"].append(note_answer)
    return GoogleModel(model, provider=GoogleProvider(api_key=key, base_url=provider.base_url, http_client=client))


_MAKERS: Mapping[str, Callable[[Provider, str, str], Model]] = {
    "openai": _openai,
    "openai-responses": _openai_responses,
    "anthropic": _anthropic,
    "google": _google,
}
