"""A provider for each test; ``kind`` goes through the protocols it speaks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.providers.provider import DIALECTS, Provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider that says what the test tells it."""
    with Provider() as serving:
        yield serving


@pytest.fixture(params=list(DIALECTS))
def kind(request: pytest.FixtureRequest) -> str:
    """Each protocol, by the name that the configuration has for it."""
    name: str = request.param
    return name
