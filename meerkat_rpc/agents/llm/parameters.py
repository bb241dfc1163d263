"""From ``provider_params`` to the settings of a model call, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from meerkat_rpc.agents.llm.providers import Provider
from meerkat_rpc.domain import JSON, AgentConfig
from meerkat_rpc.errors import ProviderError, cut

STALL_TIMEOUT_S = 120.0
"""How long a provider may send nothing before the call counts as dead. Reasoning models are silent for a minute and
more; beyond two, nobody has seen one come back. ``provider_params.timeout`` sets another."""

SAMPLING = ("temperature", "top_p", "top_k")
SAMPLING_VERSION = "2023-06-01"
"""Of Anthropic's API: later ones have no parameters of sampling, and refuse a request that has one. Models that never
had them are not given them either way."""

EFFORTS = ("minimal", "low", "medium", "high", "xhigh", "max")
"""How hard a model may think; what a provider doesn't have becomes its nearest."""


class _Parameter(NamedTuple):
    """``setting``: what pydantic-ai calls it. ``accepts``: whether a value will do."""

    setting: str
    expected: str
    accepts: Callable[[JSON], bool]


def _number(minimum: float | None = None, maximum: float | None = None) -> Callable[[JSON], bool]:
    def accepts(value: JSON) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return (minimum is None or value >= minimum) and (maximum is None or value <= maximum)

    return accepts


def _whole(minimum: int | None = None) -> Callable[[JSON], bool]:
    in_range = _number(minimum)
    return lambda value: isinstance(value, int) and in_range(value)


def _positive(value: JSON) -> bool:
    return _number(0)(value) and value > 0


def _boolean(value: JSON) -> bool:
    return isinstance(value, bool)


def _strings(value: JSON) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _headers(value: JSON) -> bool:
    return isinstance(value, Mapping) and all(isinstance(item, str) for item in value.values())


def _object(value: JSON) -> bool:
    return isinstance(value, Mapping)


def _effort(value: JSON) -> bool:
    return isinstance(value, bool) or value in EFFORTS


_EXPECTED_EFFORT = f"true, false or one of {', '.join(EFFORTS)}"

_PARAMETERS: Mapping[str, _Parameter] = {
    "temperature": _Parameter("temperature", "a number ≥ 0", _number(0)),
    "top_p": _Parameter("top_p", "a number from 0 to 1", _number(0, 1)),
    "top_k": _Parameter("top_k", "an integer ≥ 0", _whole(0)),
    "seed": _Parameter("seed", "an integer", _whole()),
    "stop_sequences": _Parameter("stop_sequences", "a list of strings", _strings),
    "presence_penalty": _Parameter("presence_penalty", "a number from -2 to 2", _number(-2, 2)),
    "frequency_penalty": _Parameter("frequency_penalty", "a number from -2 to 2", _number(-2, 2)),
    "parallel_tool_calls": _Parameter("parallel_tool_calls", "true or false", _boolean),
    "timeout": _Parameter("timeout", "a number of seconds > 0", _positive),
    "thinking": _Parameter("thinking", _EXPECTED_EFFORT, _effort),
    "reasoning_effort": _Parameter("thinking", _EXPECTED_EFFORT, _effort),
    "cache": _Parameter("cache", "true or false", _boolean),
    "extra_body": _Parameter("extra_body", "an object", _object),
    "extra_headers": _Parameter("extra_headers", "an object of strings", _headers),
}
"""The ``provider_params`` that are read. Others belong to other agents and are ignored."""


def settings_of(config: AgentConfig) -> dict[str, Any]:
    """Return what ``config`` asks of each model call, by pydantic-ai's names.

    Raises:
        ProviderError: a parameter is of the wrong type or out of range; the message names it.
    """
    settings: dict[str, Any] = {} if config.max_tokens is None else {"max_tokens": config.max_tokens}
    params = config.provider_params or {}
    for name, parameter in _PARAMETERS.items():
        if (value := params.get(name)) is None:
            continue
        if not parameter.accepts(value):
            shown = cut(orjson.dumps(value).decode())
            raise ProviderError(f"provider_params.{name}: expected {parameter.expected}, got {shown}")
        settings[parameter.setting] = value
    return settings


def settings_for_calls(settings: Mapping[str, Any], provider: Provider) -> dict[str, Any]:
    """Return ``settings`` with what each call to ``provider`` has beside them.

    The clients' own retries are off: ours are told of, and theirs are not.
    """
    sampled = provider.kind == "anthropic" and any(name in settings for name in SAMPLING)
    version = {"anthropic-version": SAMPLING_VERSION} if sampled else {}
    headers = {**version, **dict(provider.headers), **settings.get("extra_headers", {})}
    usual: dict[str, Any] = {"timeout": STALL_TIMEOUT_S, "max_retries": 0, "cache": provider.kind == "anthropic"}
    return {**usual, **settings, **({"extra_headers": headers} if headers else {})}
