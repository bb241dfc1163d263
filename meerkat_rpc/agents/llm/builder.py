"""What the registry knows of language models: which names are theirs, which there are, and how an agent is built."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from meerkat_rpc.agent_settings import AgentSettings, SettingsFor, defaults
from meerkat_rpc.agents.base import ModelInfo
from meerkat_rpc.agents.llm.agent import LlmAgent
from meerkat_rpc.agents.llm.catalogue import CURATED
from meerkat_rpc.agents.llm.connecting import INSTALL, Connections, imported
from meerkat_rpc.agents.llm.keys import key_in_environment, missing_key
from meerkat_rpc.agents.llm.providers import names, parse, provider_of
from meerkat_rpc.domain import AgentConfig
from meerkat_rpc.errors import ProviderError, cut


class LlmBuilder:
    """Builds ``LlmAgent`` and keeps the connections to the providers."""

    def __init__(self) -> None:
        self._settings_for: SettingsFor = defaults
        self._connections = Connections()

    def configure(self, settings_for: SettingsFor) -> None:
        """Go by these settings from now on."""
        self._settings_for = settings_for

    def knows(self, model: str, provider: str | None = None) -> bool:
        """Return whether ``model`` is a language model's name. Whether its provider exists, its turn finds out."""
        return parse(model, provider) is not None

    def provider(self, model: str, provider: str | None = None) -> str | None:
        """Return whose ``model`` is."""
        name = parse(model, provider)
        return name.provider if name is not None else None

    def models(self) -> Sequence[ModelInfo]:
        """See ``AgentBuilder``. Asks no provider and imports no client."""
        settings = self._settings_for(None)
        return [info for name in names(settings) for info in self._models_of(name, settings)]

    def build(self, config: AgentConfig) -> LlmAgent:
        """See ``AgentBuilder``."""
        name = parse(config.model or "", config.provider)
        if name is None:
            raise ProviderError(f"there is no model {cut(config.model or '')!r}")
        return LlmAgent(name, config, self._settings_for, self._connections)

    async def prepare(self) -> None:
        """Import what runs a turn, before there is one. Raises ``ProviderError`` when it isn't installed."""
        await imported("running")

    def _models_of(self, name: str, settings: AgentSettings) -> list[ModelInfo]:
        configured = settings.providers.get(name)
        offered = dict.fromkeys(configured.models if configured is not None else ())
        try:
            missing = _missing(name, settings)
        except ProviderError as error:
            missing = error.message
        infos = [ModelInfo(f"{name}:{model}", name, f"configured for {name}", None, missing) for model in offered]
        return infos + [
            ModelInfo(f"{name}:{model.id}", name, model.description, model.context_window, missing)
            for model in CURATED.get(name, ())
            if model.id not in offered
        ]


def _missing(name: str, settings: AgentSettings) -> str | None:
    """Return what to install or to set before ``name`` can be used. The keyring isn't asked: it may ask a person."""
    provider = provider_of(name, settings)
    if find_spec("pydantic_ai") is None:
        return INSTALL
    if provider.key_required and key_in_environment(provider) is None:
        return missing_key(provider)
    return None
