"""What the agent costs beside pydantic-ai used bare: ``python -m tests.agents.llm.overhead [KIND …]``.

Both ask the same server, which is another process, by turns and in the same run. Times are medians in milliseconds.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic_ai import Agent
from pydantic_ai.messages import PartDeltaEvent, PartStartEvent

from meerkat_rpc.agent_settings import AgentSettings, ProviderSettings
from meerkat_rpc.agents.registry import AgentRegistry
from meerkat_rpc.domain import JSON, AgentConfig, Event, TextDelta
from meerkat_rpc.tools.base import ToolOutcome
from tests.agents.turns import RecordedTurn
from tests.providers.provider import DIALECTS, MODELS, Provider
from tests.providers.records import Asked
from tests.providers.script import Call, Reply, Text, reply

ROUNDS = 100

WARM_UP = 20

TOOL_CALLS = 10
"""In a turn with tools, one after the other."""

SAID = Text("The quick brown fox jumps over the lazy dog.", chunks=9)

IMPORTING = """
import importlib, sys, time, psutil
import meerkat_rpc.agents.registry, meerkat_rpc.agents.llm.builder
from meerkat_rpc.agent_settings import AgentSettings
from meerkat_rpc.agents.llm import connecting
from meerkat_rpc.agents.llm.providers import provider_of
def cost(work):
    before, began = psutil.Process().memory_info().rss, time.perf_counter()
    work()
    spent, grown = time.perf_counter() - began, psutil.Process().memory_info().rss - before
    return f"{spent * 1000:.0f} ms, {grown / 2**20:.0f} MiB"
provider = provider_of(sys.argv[1], AgentSettings())
loop = cost(lambda: importlib.import_module("meerkat_rpc.agents.llm.running"))
client = cost(lambda: connecting._make(provider, "sk-none", "some-model"))
print(f"import: the loop {loop}; the client of {provider.name} {client}")
"""
"""What the libraries cost a fresh process."""

URL = "http://127.0.0.1:{}{}"


DELTAS = (PartStartEvent, PartDeltaEvent)

Runs = Callable[[str], Awaitable[float]]
"""Runs a turn and returns when its first text was there."""


def bare(kind: str, url: str) -> Runs:
    """Return what runs a turn of pydantic-ai's."""
    agent = Agent(_model(kind, url))

    @agent.tool_plain
    async def look() -> str:
        return "seen"

    async def run(prompt: str) -> float:
        times: list[float] = []
        async with agent.iter(prompt) as loop:
            async for node in loop:
                if Agent.is_model_request_node(node):
                    async with node.stream(loop.ctx) as stream:
                        times += [time.perf_counter() async for event in stream if isinstance(event, DELTAS)][:1]
        return times[0]

    return run


def ours(kind: str, url: str) -> Runs:
    """Return what runs a turn of ours."""
    settings = AgentSettings({"loop": ProviderSettings("loop", kind, url)})
    registry = AgentRegistry(settings_for=lambda _cwd: settings)

    async def look(_args: JSON) -> ToolOutcome:
        return ToolOutcome("seen")

    async def run(prompt: str) -> float:
        times: list[float] = []

        def watch(event: Event) -> None:
            if not times and isinstance(event, TextDelta):
                times.append(time.perf_counter())

        config = AgentConfig(model=f"loop:{MODELS[kind]}")
        turn = RecordedTurn(prompt, config, functions={"look": look}, watch=watch)
        await registry.build(config).run(turn)
        return times[0]

    return run


def _model(kind: str, url: str) -> Any:
    """Return pydantic-ai's model, as ``tests/providers/bare.py`` makes it, of a server in another process."""
    from tests.providers.bare import model

    class Elsewhere:
        def base_url(self, _kind: str) -> str:
            return url

    return model(kind, Elsewhere(), key="none")  # type: ignore[arg-type]


async def compare(kind: str, port: int) -> None:
    url = URL.format(port, "/v1" if kind.startswith("openai") else "")
    both = (bare(kind, url), ours(kind, url))
    plain = await _times(both, "Say it.")
    tools = await _times(both, "Look.")
    for number, name in enumerate(("a turn", "first text")):
        _tell(_line(kind, name, plain[0][number], plain[1][number]))
    calls = [(tools[at][0] - plain[at][0]) / TOOL_CALLS for at in (0, 1)]
    _tell(_line(kind, "a tool call", *calls))


def _line(kind: str, name: str, theirs: float, own: float) -> str:
    return f"{kind:17} {name:12} bare {theirs:6.2f}  ours {own:6.2f}  more {own - theirs:+6.2f}"


async def _times(both: tuple[Runs, Runs], prompt: str) -> list[tuple[float, float]]:
    """Return, for bare and ours, the median of a whole turn and of its first text."""
    spent: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    for number in range(WARM_UP + ROUNDS):
        for side, run in zip(spent, both, strict=True):
            began = time.perf_counter()
            first = await run(prompt)
            if number >= WARM_UP:
                side.append(((time.perf_counter() - began) * 1000, (first - began) * 1000))
    return [(statistics.median(a for a, _ in side), statistics.median(b for _, b in side)) for side in spent]


def serve() -> None:
    """Serve until the parent closes our stdin."""

    def choose(asked: Asked) -> Reply:
        said = str(asked.body)
        return reply(Call("look", {})) if "Look." in said and said.count("seen") < TOOL_CALLS else reply(SAID)

    with Provider(key="none") as provider:
        provider.always(choose)
        _tell(str(provider.port))
        threading.Thread(target=_forget, args=(provider,), daemon=True).start()
        sys.stdin.read()


def _forget(provider: Provider) -> None:
    while True:
        time.sleep(1)
        provider.requests = []


def main(kinds: list[str]) -> None:
    if kinds == ["serve"]:
        serve()
        return
    for provider in ("openai", "anthropic", "google"):
        _tell(subprocess.check_output([sys.executable, "-c", IMPORTING, provider], text=True).strip())
    command = [sys.executable, "-m", "tests.agents.llm.overhead", "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        port = int(server.stdout.readline())
        for kind in kinds or DIALECTS:
            asyncio.run(compare(kind, port))
        server.stdin.close()


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
