"""Which providers of models there are, and which of them a model's name means.

A name is ``provider:model``, or a bare one that its vendor's prefix tells. What is configured goes over what is known
here, provider by provider.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple

from attrs import frozen

from meerkat_rpc.agent_settings import AgentSettings, ProviderSettings
from meerkat_rpc.errors import ProviderError, cut

KINDS = ("openai", "openai-responses", "anthropic", "google")
"""The protocols that are spoken."""


class _Known(NamedTuple):
    """A provider that needs no configuration. ``base_url``: where it is, where the kind's own client doesn't know."""

    kind: str
    key_names: tuple[str, ...] = ()
    base_url: str | None = None
    base_url_env: str | None = None


_KNOWN: Mapping[str, _Known] = {
    "anthropic": _Known("anthropic", ("ANTHROPIC_API_KEY",), "https://api.anthropic.com", "ANTHROPIC_BASE_URL"),
    "openai": _Known("openai", ("OPENAI_API_KEY",), "https://api.openai.com/v1", "OPENAI_BASE_URL"),
    "openai-responses": _Known("openai-responses", ("OPENAI_API_KEY",), "https://api.openai.com/v1", "OPENAI_BASE_URL"),
    "google": _Known(
        "google",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "https://generativelanguage.googleapis.com",
        "GOOGLE_GEMINI_BASE_URL",
    ),
    "openrouter": _Known("openai", ("OPENROUTER_API_KEY",), "https://openrouter.ai/api/v1", "OPENROUTER_BASE_URL"),
    "ollama": _Known("openai", (), "http://127.0.0.1:11434/v1", "OLLAMA_BASE_URL"),
    "lmstudio": _Known("openai", (), "http://127.0.0.1:1234/v1", "LMSTUDIO_BASE_URL"),
    "vllm": _Known("openai", (), "http://127.0.0.1:8000/v1", "VLLM_BASE_URL"),
}
"""The variables are those that the vendors' own clients read."""

_PREFIXES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"claude-"), "anthropic"),
    (re.compile(r"(gpt-|chatgpt-|o[134](-|$))"), "openai"),
    (re.compile(r"gemini-"), "google"),
)
"""How meerkat's bare names begin, and whose they are."""

_VENDORS = frozenset({"anthropic", "openai", "openai-responses", "google"})
"""Providers that have their own models only."""


@frozen
class Provider:
    """A provider as a session's folder has it.

    ``own``: it is the vendor's own service, which knows all its protocol has. ``key_names``: the variables that may
    hold the key, first one first; ``key_required``: nothing works without one.
    """

    name: str
    kind: str
    base_url: str
    own: bool
    key_names: tuple[str, ...]
    key_required: bool
    headers: tuple[tuple[str, str], ...] = ()


@frozen
class ModelName:
    """A model's name in two parts."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.model}"


def parse(name: str, provider: str | None = None) -> ModelName | None:
    """Return what ``name`` means, ``provider`` being what was given beside it; None when it means no model of ours.

    A vendor that was given doesn't get another vendor's model: the name's prefix knows better.
    """
    before, colon, after = name.partition(":")
    if colon and before in _KNOWN and after:
        return ModelName(before, after)
    vendor = next((owner for prefix, owner in _PREFIXES if prefix.match(name)), None)
    if provider is not None and (vendor is None or provider not in _VENDORS or _KNOWN[provider].kind == vendor):
        return ModelName(provider, name)
    if provider == "openai-responses" and vendor == "openai":
        return ModelName(provider, name)
    if vendor is not None:
        return ModelName(vendor, name)
    return ModelName(before, after) if colon and before and after else None


def names(settings: AgentSettings) -> list[str]:
    """Return every provider that ``settings`` know, ours first."""
    return [*_KNOWN, *(name for name in settings.providers if name not in _KNOWN)]


def provider_of(name: str, settings: AgentSettings) -> Provider:
    """Return the provider called ``name``.

    Raises:
        ProviderError: there is none, or it speaks a protocol that we don't.
    """
    known, configured = _KNOWN.get(name), settings.providers.get(name)
    if configured is not None:
        return _configured(configured, known)
    if known is None:
        there_are = ", ".join(names(settings))
        raise ProviderError(
            f"there is no provider {cut(name)!r}; there are: {there_are}. Others are added to the configuration: "
            f'[providers.{cut(name)}] with kind = "openai" and base_url = "…"'
        )
    base_url = _base_url(known)
    return Provider(
        name, known.kind, base_url, _is_own(known, base_url), _key_names(name, known), bool(known.key_names)
    )


def _configured(settings: ProviderSettings, known: _Known | None) -> Provider:
    if settings.kind not in KINDS:
        raise ProviderError(
            f"providers.{settings.name}.kind: expected one of {', '.join(KINDS)}, got {cut(settings.kind)!r}"
        )
    usual = known if known is not None and known.kind == settings.kind else _KNOWN[settings.kind]
    base_url = settings.base_url or _base_url(usual)
    own = settings.base_url is None or _is_own(usual, base_url)
    key_names = (settings.api_key_env,) if settings.api_key_env else _key_names(settings.name, usual if own else None)
    required = settings.api_key_env is not None or (own and bool(usual.key_names))
    return Provider(settings.name, settings.kind, base_url, own, key_names, required, tuple(settings.headers.items()))


def _key_names(name: str, known: _Known | None) -> tuple[str, ...]:
    """Return the variables to look into: a key of the vendor's is never sent to somebody else's address."""
    own = re.sub(r"\W", "_", name).upper() + "_API_KEY"
    usual = known.key_names if known is not None else ()
    return usual if own in usual else (*usual, own) if name in _KNOWN else (own, *usual)


def _base_url(known: _Known) -> str:
    given = os.environ.get(known.base_url_env, "") if known.base_url_env else ""
    return given or known.base_url or ""


def _is_own(known: _Known, base_url: str) -> bool:
    return base_url == known.base_url and known.kind in KINDS and known.base_url.startswith("https:")
