"""The real model, loaded once for all tests. In continuous integration it must be there."""

from __future__ import annotations

import os

import pytest

from meerkat_rpc.agents.smollm2 import SmolLM2Builder


@pytest.fixture(scope="session")
def builder() -> SmolLM2Builder:
    """The model's builder; skips visibly where the model is not installed."""
    found = SmolLM2Builder()
    if (missing := found.models()[0].missing) is not None:
        assert os.environ.get("CI") != "true", missing
        pytest.skip(missing)
    return found
