"""Large libraries imported by several threads at once."""

from __future__ import annotations

import subprocess
import sys

from tests.unmeasured import unmeasured

IMPORTS = """
import asyncio
from meerkat_rpc.agents.acp.library import load_library
from meerkat_rpc.agents.llm.connecting import Connections, imported
from meerkat_rpc.agents.llm.providers import ModelName, Provider, provider_of
from meerkat_rpc.agent_settings import AgentSettings

async def main():
    connections = Connections()
    names = [ModelName(name, "m") for name in ("openai", "anthropic", "google")]
    made = [connections.connect(provider_of(name.provider, AgentSettings()), "key", name) for name in names]
    await asyncio.gather(imported("running"), load_library(), *made, imported("local_model"))

asyncio.run(main())
print("imported")
"""


def test_libraries_that_import_each_other_in_circles_are_whole_whoever_asks_for_them_at_once() -> None:
    for _ in range(3):
        command = [sys.executable, "-c", IMPORTS]
        done = subprocess.run(command, env=unmeasured(), capture_output=True, text=True, check=False)
        assert done.stdout == "imported\n", done.stderr
