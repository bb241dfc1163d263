"""The agent itself: finds provider, key and model for the session's folder, and hands the turn to ``running``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meerkat_rpc.agent_settings import AgentSettings, SettingsFor
from meerkat_rpc.agents.base import AgentResult, AgentTurn, Summary
from meerkat_rpc.agents.llm.connecting import Connection, Connections, imported
from meerkat_rpc.agents.llm.keys import key_for
from meerkat_rpc.agents.llm.parameters import settings_for_calls, settings_of
from meerkat_rpc.agents.llm.providers import ModelName, provider_of
from meerkat_rpc.domain import AgentConfig, Message


class LlmAgent:
    """Runs turns with the model called ``name``."""

    resumes = True

    def __init__(
        self, name: ModelName, config: AgentConfig, settings_for: SettingsFor, connections: Connections
    ) -> None:
        self._name = name
        self._settings_for = settings_for
        self._connections = connections
        self._call_settings = settings_of(config)
        self._cwd: str | None = None

    async def run(self, turn: AgentTurn) -> AgentResult:
        """See ``Agent``.

        Raises:
            ProviderError: there is no such provider or no key for it, the extra isn't installed, or a call failed.
        """
        self._cwd = turn.cwd
        connection, settings, calls = await self._connected()
        running = await imported("running")
        result: AgentResult = await running.Running(turn, connection, settings, calls).run()
        return result

    async def summarise(self, messages: Sequence[Message]) -> Summary:
        """See ``Summariser``."""
        connection, settings, calls = await self._connected()
        summarising = await imported("summarising")
        summary: Summary = await summarising.summarise(messages, connection, settings.retry, calls)
        return summary

    async def _connected(self) -> tuple[Connection, AgentSettings, dict[str, Any]]:
        settings = self._settings_for(self._cwd)
        provider = provider_of(self._name.provider, settings)
        key = await key_for(provider)
        connection = await self._connections.connect(provider, key, self._name)
        return connection, settings, settings_for_calls(self._call_settings, provider)
