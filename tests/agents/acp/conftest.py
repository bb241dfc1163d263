from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from meerkat_rpc.agents.acp.agent import AcpBuilder
from tests.agents.acp.talking import Talk, acting

Talking = Callable[[Callable[[Talk], Awaitable[Any]]], Any]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def talk_with(project: Path, starts_unmeasured: None) -> Callable[..., Any]:
    """Hold a talk with the acting agent, started with the options that are given, and end the agent."""

    def hold(held: Callable[[Talk], Awaitable[Any]], *options: str, **params: Any) -> Any:
        async def main() -> Any:
            builder = AcpBuilder()
            try:
                return await held(Talk(builder, acting(*options), project, **params))
            finally:
                await builder.close()

        return asyncio.run(main())

    return hold
