"""Language models that are configured to be asked of the provider on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from attrs import define, field

from meerkat_rpc.agent_settings import AgentSettings, ProviderSettings, Retrying
from meerkat_rpc.agents.base import AgentResult
from meerkat_rpc.agents.registry import AgentRegistry
from meerkat_rpc.domain import AgentConfig
from tests.agents.turns import RecordedTurn
from tests.providers.provider import MODELS, Provider

T = TypeVar("T")

BOUND_S = 60
"""A guard against hangs."""

QUICKLY = Retrying(max_attempts=4, base_delay_ms=1)


@define
class Configured:
    """A registry whose provider ``loopback`` is the one of the test. ``changes`` are made to its settings."""

    provider: Provider
    kind: str
    retry: Retrying = QUICKLY
    changes: Mapping[str, Any] = field(factory=dict)

    @property
    def settings(self) -> AgentSettings:
        configured = ProviderSettings(
            "loopback", self.kind, self.provider.base_url(self.kind), api_key_env="LOOPBACK_API_KEY"
        )._replace(**self.changes)
        return AgentSettings(providers={"loopback": configured}, retry=self.retry)

    @property
    def registry(self) -> AgentRegistry:
        return AgentRegistry(settings_for=lambda _cwd: self.settings)

    def config(self, **given: Any) -> AgentConfig:
        return AgentConfig(model=f"loopback:{MODELS[self.kind]}", **given)

    def turn(self, prompt: str = "What is 2 + 3?", *, config: AgentConfig | None = None, **given: Any) -> RecordedTurn:
        return RecordedTurn(prompt, config or self.config(), **given)

    async def run(self, turn: RecordedTurn) -> AgentResult:
        return await self.registry.build(turn.config).run(turn)

    def complete(self, turn: RecordedTurn) -> AgentResult:
        """Run the turn to its end."""
        return on_a_loop(lambda: self.run(turn))


def on_a_loop(test: Callable[[], Awaitable[T]]) -> T:
    """Run ``test``, within a bound."""

    async def bounded() -> T:
        async with asyncio.timeout(BOUND_S):
            return await test()

    return asyncio.run(bounded())
