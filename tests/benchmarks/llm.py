"""Language models behind the server, against pydantic-ai used bare: the same provider, the same replies, by turns.

The provider is a process of its own on loopback, so what is left of a turn is the client's libraries and ours.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import orjson
from attrs import frozen

from tests.benchmarks.figures import AT_MOST, Figure, benchmark, median
from tests.benchmarks.server import Server, messages, now
from tests.providers.provider import MODELS

if TYPE_CHECKING:
    from pydantic_ai import Agent

ROUNDS = 45
WARM_UP = 5
"""Rounds that don't count: the first ones import and connect."""

KEY = "sk-benchmark-0123456789"
LONG_TURNS = 500

CLOCK = [{"wait_ms": 30}, {"clock": True}, {"wait_ms": 20}]
"""The time at which it is said, between two pauses: no provider answers while the request is still being sent, and its
end would be part of the same read."""

TEXT = [{"text": "The quick brown fox jumps over the lazy dog and is gone.", "chunks": 20}]
CALL = [{"tool": "add", "args": {"a": 1, "b": 2}}]
ADD = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}


@frozen
class Loopback:
    """A provider that runs."""

    port: int

    def url(self, kind: str) -> str:
        """Return what a client of the protocol ``kind`` takes for its base address."""
        return f"http://127.0.0.1:{self.port}{'/v1' if kind.startswith('openai') else ''}"

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables by which a server finds it."""
        return {
            "OPENAI_BASE_URL": self.url("openai"),
            "ANTHROPIC_BASE_URL": self.url("anthropic"),
            "GOOGLE_GEMINI_BASE_URL": self.url("google"),
            "XDG_CONFIG_HOME": os.path.join(os.sep, "nowhere"),  # whoever runs this may have configured something
            **dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"), KEY),
        }


@contextmanager
def loopback(replies: Sequence[object]) -> Iterator[Loopback]:
    """A provider that gives ``replies`` one after the other, and the last one ever after."""
    command = [sys.executable, "-m", "tests.providers", "-", "--key", KEY]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n".join(orjson.dumps(reply) for reply in replies))
        process.stdin.close()
        try:
            yield Loopback(int(process.stdout.readline()))
        finally:
            process.kill()


@contextmanager
def both(kind: str, replies: Sequence[object]) -> Iterator[tuple[Server, Bare]]:
    """The server and pydantic-ai, both asking the same provider, each having had a turn to load everything."""
    with (
        loopback(replies) as provider,
        tempfile.TemporaryDirectory() as store,
        Server("--store", store, environ=provider.environ) as server,
        Bare(kind, provider) as bare,
    ):
        server.greet()
        yield server, bare


class Bare:
    """pydantic-ai in this process, streaming like the server does."""

    def __init__(self, kind: str, provider: Loopback) -> None:
        self._kind = kind
        self._provider = provider
        self._loop = asyncio.new_event_loop()
        self._agent = self._made()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.close()

    def _made(self) -> Agent[None, str]:
        from pydantic_ai import Agent

        from tests.providers.bare import connected

        agent: Agent[None, str] = Agent(
            connected(self._kind, self._provider.url(self._kind), MODELS[self._kind], KEY), output_type=str
        )

        @agent.tool_plain
        def add(a: int, b: int) -> int:
            """Add two numbers."""
            return a + b

        return agent

    def turn(self) -> tuple[float, float]:
        """Run a turn; return its milliseconds, and when its first text was there."""
        begin = now()
        first = self._loop.run_until_complete(self._run())
        return now() - begin, first

    def clock(self) -> float:
        """Run a turn that says the time; return the milliseconds from then to its first event."""
        self._said = ""
        _, first = self.turn()
        return first - int(self._said) / 1e6

    async def _run(self) -> float:
        from pydantic_ai import Agent, PartStartEvent
        from pydantic_ai.messages import TextPart

        first = 0.0
        async with self._agent.iter("go") as running:
            async for node in running:
                if not (Agent.is_model_request_node(node) or Agent.is_call_tools_node(node)):
                    continue
                async with node.stream(running.ctx) as events:
                    async for event in events:
                        if not first and isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
                            first, self._said = now(), event.part.content
        return first


# -- What is measured --------------------------------------------------------------------------------------------


@benchmark
def llm_first_event() -> Iterable[Figure]:
    """From the provider's first byte of text to the client's first event, over each protocol."""
    for kind in MODELS:
        with both(kind, [CLOCK]) as (server, bare):
            pairs = [(_clock(server, _session(server, kind)), bare.clock()) for _ in range(ROUNDS)][WARM_UP:]
        ours, theirs = zip(*pairs, strict=True)
        yield median(f"{kind}: provider's first byte → client", ours, "ms")
        yield median("  pydantic-ai bare, in its own process", theirs, "ms")
        yield Figure("  ours more", statistics.median(ours) - statistics.median(theirs), "ms", (AT_MOST, 1.0))


@benchmark
def llm_turn() -> Iterable[Figure]:
    """A whole turn of twenty deltas, over each protocol, durable."""
    for kind in MODELS:
        with both(kind, [TEXT]) as (server, bare):
            pairs = [(_turn(server, _session(server, kind)), bare.turn()[0]) for _ in range(ROUNDS)][WARM_UP:]
        yield from _compared(f"{kind}: turn of 20 deltas", pairs)


@benchmark
def llm_tool() -> Iterable[Figure]:
    """A turn with one call of a tool, which the host runs; of pydantic-ai's, in its own process."""
    for kind in MODELS:
        with both(kind, [CALL, TEXT] * (2 * ROUNDS + 2)) as (server, bare):
            server.call("tools/register", {"tools": [{"name": "add", "description": "Add.", "input_schema": ADD}]})
            pairs = [(_tool_turn(server, _session(server, kind)), bare.turn()[0]) for _ in range(ROUNDS)][WARM_UP:]
        yield from _compared(f"{kind}: turn with a tool call", pairs)


@benchmark
def llm_long() -> Iterable[Figure]:
    """What a long conversation's turn makes another request wait: the clients read through the whole history."""
    for kind, name in MODELS.items():
        with (
            loopback([TEXT]) as provider,
            tempfile.TemporaryDirectory() as store,
            Server("--store", store, environ=provider.environ) as server,
        ):
            server.greet().call("turn/start", _session(server, kind))
            long = {"session_id": server.create(model="echo"), "prompt": "hello there"}
            for _ in range(LONG_TURNS):
                server.call("turn/start", long)
            turn = {**long, "model": f"{kind}:{name}"}
            samples = [max(_asked_until(server, server.send("turn/start", turn))) for _ in range(5)]
        yield median(f"{kind}: longest wait beside a turn of {2 * LONG_TURNS:,} messages", samples, "ms")


@benchmark
def llm_import() -> Iterable[Figure]:
    """What the extra costs: to import, to hold, and to whoever else asks while it is being imported."""
    for what, statement in _IMPORTS.items():
        samples = [_imported(statement) for _ in range(5)]
        yield median(f"import of {what}", [seconds for seconds, _ in samples], "s")
        yield median("its memory", [megabytes for _, megabytes in samples], "MB")
    for kind in MODELS:
        yield from _first_turn(kind)


_IMPORTS = {
    "pydantic-ai": "import pydantic_ai",
    "pydantic-ai and openai": "import pydantic_ai.models.openai",
    "pydantic-ai and anthropic": "import pydantic_ai.models.anthropic",
    "pydantic-ai and google": "import pydantic_ai.models.google",
}
_MEASURED = """
import psutil, time
before, begin = psutil.Process().memory_info().rss, time.perf_counter()
{}
print(time.perf_counter() - begin, (psutil.Process().memory_info().rss - before) / 1e6)
"""


def _imported(statement: str) -> tuple[float, float]:
    command = [sys.executable, "-c", _MEASURED.format(statement)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, megabytes = done.stdout.split()
    return float(seconds), float(megabytes)


def _first_turn(kind: str) -> Iterable[Figure]:
    """Yield what the first turn of a server takes, and what another request waits for meanwhile."""
    with (
        loopback([TEXT]) as provider,
        tempfile.TemporaryDirectory() as store,
        Server("--store", store, environ=provider.environ) as server,
    ):
        session = _session(server.greet(), kind)
        before = server.resident_mb
        begin = now()
        turn = server.send("turn/start", session)
        waits = _asked_until(server, turn)
        first = now() - begin
        yield Figure(f"{kind}: first turn of a server", first, "ms")
        yield Figure(f"{kind}: longest wait of another request meanwhile", max(waits), "ms")
        yield Figure(f"{kind}: resident before", before, "MB")
        yield Figure(f"{kind}: resident after", server.resident_mb, "MB")


def _asked_until(server: Server, turn: int) -> list[float]:
    """Ask one small thing after the other until the turn is answered; return how long each took."""
    waits: list[float] = []
    begin, asked = now(), server.send("runtime/health")
    for line in server.lines():
        answered = orjson.loads(line).get("id")
        if answered == turn:
            return [*waits, now() - begin]
        if answered == asked:
            waits.append(now() - begin)
            begin, asked = now(), server.send("session/list", {"limit": 1})
    raise AssertionError


def _session(server: Server, kind: str) -> dict[str, Any]:
    """Return a turn in a session of its own: pydantic-ai used bare has no history either."""
    return {"session_id": server.create(model=f"{kind}:{MODELS[kind]}"), "prompt": "go"}


def _clock(server: Server, session: Mapping[str, Any]) -> float:
    turn = server.send("turn/start", session)
    line = next(line for line in server.lines() if b"text_delta" in line)
    took = now() - int(messages(line)[0]["params"]["event"]["delta"]) / 1e6
    server.answer(turn)
    return took


def _turn(server: Server, session: Mapping[str, Any]) -> float:
    return server.timed("turn/start", session)


def _tool_turn(server: Server, session: Mapping[str, Any]) -> float:
    """Run a turn and the tool it calls; return the milliseconds."""
    begin = now()
    turn = server.send("turn/start", session)
    call = orjson.loads(next(line for line in server.lines() if b'"tool/execute"' in line))
    answer = {"jsonrpc": "2.0", "id": call["id"], "result": {"result": sum(call["params"]["args"].values())}}
    server.write(orjson.dumps(answer) + b"\n")
    server.answer(turn)
    return now() - begin


def _compared(what: str, pairs: Sequence[tuple[float, float]]) -> Iterable[Figure]:
    ours, theirs = zip(*pairs, strict=True)
    yield median(what, ours, "ms")
    yield median("  pydantic-ai bare", theirs, "ms")
    yield Figure("  ours more", statistics.median(ours) - statistics.median(theirs), "ms")
    yield Figure("  ours by bare", statistics.median(ours) / statistics.median(theirs), "×")
