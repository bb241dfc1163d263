"""Stores with sessions in them, and whether the embedded model is there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meerkat_rpc.agents.smollm2 import SmolLM2Builder
from meerkat_rpc.client import Client

ScriptedSession = Callable[..., str]


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "store")


@pytest.fixture
def scripted(store: str) -> ScriptedSession:
    """Return a function that makes a session whose turns do what a script says, and returns its id."""

    def make(*script: dict[str, Any], title: str = "Scripted", cwd: Path | None = None) -> str:
        async def create() -> str:
            async with Client.spawn(store=store, model="scripted") as client:
                folder = None if cwd is None else str(cwd)
                return await client.create(title=title, cwd=folder, provider_params={"script": list(script)})

        return asyncio.run(create())

    return make


@pytest.fixture(scope="session")
def model() -> str:
    """The embedded model's name. In continuous integration it must be installed; elsewhere its absence is a skip."""
    missing = SmolLM2Builder().models()[0].missing
    if missing is not None:
        assert os.environ.get("CI") != "true", missing
        pytest.skip(missing)
    return "smollm2"
