"""A provider on loopback for each test, and the agent that is configured for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agents.llm.configured import Configured
from tests.providers.provider import DIALECTS, KEY, Provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider that says what the test tells it."""
    with Provider() as serving:
        yield serving


@pytest.fixture(params=list(DIALECTS))
def kind(request: pytest.FixtureRequest) -> str:
    """Each protocol."""
    name: str = request.param
    return name


@pytest.fixture
def agents(provider: Provider, kind: str, monkeypatch: pytest.MonkeyPatch) -> Configured:
    """Agents that ask the provider over each protocol."""
    monkeypatch.setenv("LOOPBACK_API_KEY", KEY)
    return Configured(provider, kind)


@pytest.fixture
def chat(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Configured:
    """Agents that ask the provider over Chat Completions, for what the protocol makes no difference to."""
    monkeypatch.setenv("LOOPBACK_API_KEY", KEY)
    return Configured(provider, "openai")
