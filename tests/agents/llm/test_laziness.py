"""What nobody asked for is not imported, and never in the event loop's way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.imported import packages_after

HEAVY = {"pydantic_ai", "pydantic", "openai", "anthropic", "google", "httpx", "httpx2", "keyring", "jsonschema", "mcp"}

ECHO = """
import asyncio
from meerkat_rpc.agents.registry import AgentRegistry
from meerkat_rpc.domain import AgentConfig
from tests.agents.turns import RecordedTurn
registry = AgentRegistry('echo')
registry.complete(AgentConfig(model='claude-x'))
turn = RecordedTurn('hi', AgentConfig(model='echo'))
asyncio.run(registry.build(turn.config).run(turn))
registry.build(AgentConfig(model='openai:gpt-6'))
registry.models()
"""

WITHOUT = """
import asyncio, sys
sys.modules['pydantic_ai'] = None
from meerkat_rpc.agents.registry import AgentRegistry
from meerkat_rpc.domain import AgentConfig
from tests.agents.turns import RecordedTurn
turn = RecordedTurn('hi', AgentConfig(model='ollama:qwen3'))
try:
    asyncio.run(AgentRegistry().build(turn.config).run(turn))
except Exception as error:
    print(type(error).__name__, error)
"""


def test_sessions_of_other_agents_the_catalogue_and_names_import_no_client() -> None:
    assert not packages_after(f"exec({ECHO!r})") & HEAVY


def test_without_the_extra_the_message_says_how_to_install_it() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True, env=at_home())
    assert done.stdout.startswith("ProviderError")
    assert 'pip install "meerkat-rpc[llm]"' in done.stdout


def at_home() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}


LOADING = """
import asyncio, time
from meerkat_rpc.agents.registry import AgentRegistry
from meerkat_rpc.domain import AgentConfig
from meerkat_rpc.agent_settings import AgentSettings, ProviderSettings, Retrying
from tests.agents.turns import RecordedTurn
async def main():
    mine = ProviderSettings('mine', 'openai', 'http://127.0.0.1:9/v1')
    registry = AgentRegistry(settings_for=lambda _: AgentSettings({'mine': mine}, retry=Retrying(1, 1)))
    turn = RecordedTurn('hi', AgentConfig(model='mine:x'))
    running = asyncio.ensure_future(registry.build(turn.config).run(turn))
    ticks = 0
    while not turn.begun.is_set():
        await asyncio.sleep(0.001)
        ticks += 1
    await asyncio.wait([running])
    running.exception()
    print(ticks)
asyncio.run(main())
"""


def test_the_event_loop_goes_on_while_the_libraries_are_imported() -> None:
    done = subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True, check=True, env=at_home())
    assert int(done.stdout) > 10
