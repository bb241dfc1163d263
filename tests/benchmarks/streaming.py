"""Events at the client: how many a second, and how soon after the model spoke."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.benchmarks.figures import AT_LEAST, AT_MOST, Figure, benchmark, median
from tests.benchmarks.server import Server, messages, now, script

DELTAS = 20_000
TURNS = 5
FIRST_DELTAS = 50

AGENT = """
import asyncio
import time
from meerkat_rpc.agents.base import AgentResult, ModelInfo
from meerkat_rpc.domain import TextComplete, TextDelta, TurnCompleted, TurnStarted, Usage

class Builder:
    def models(self):
        return [ModelInfo("clock", "clock", "says what time it is")]

    def build(self, config):
        return self

    async def run(self, turn):
        await turn.emit(TurnStarted(1))
        said = str(time.clock_gettime_ns(time.CLOCK_MONOTONIC))
        await turn.emit(TextDelta(said))
        await asyncio.sleep(0.02)
        await turn.emit(TextComplete(said))
        await turn.emit(TurnCompleted("end_turn", Usage(1, 1)))
        return AgentResult()
"""
"""A model whose only word is the time at which it says it, on the clock that all processes share. Like any model it
takes a while for the next: were that its end, the word would wait for the commit that ends the turn."""


def _rate(*options: str) -> list[float]:
    """Return the notifications a second at the client, over the whole turn, in a few turns."""
    rates = []
    with Server(*options) as server:
        session = {"session_id": server.greet().create(model="scripted")}
        for _ in range(TURNS):
            begin = now()
            turn = server.send("turn/start", {**session, **script({"text": "ab ", "repeat": DELTAS})})
            data = server.until_answer(turn)
            seconds = (now() - begin) / 1e3  # before the check, which is the benchmark's work and not a client's
            rates.append(_checked(data) / seconds)
    return rates


def _checked(data: bytes) -> int:
    """Return how many notifications ``data`` holds, each having come once, in order, and none after the end."""
    *events, answer = messages(data)
    seqs = [message["params"]["seq"] for message in events]
    deltas = sum(message["params"]["event"]["type"] == "text_delta" for message in events)
    if seqs != list(range(seqs[0], seqs[0] + len(seqs))) or deltas != DELTAS or "result" not in answer:
        raise AssertionError(f"{len(seqs)} events, {deltas} deltas, {answer}")
    return len(events)


@benchmark
def notifications() -> Iterable[Figure]:
    """A turn of many small deltas."""
    with tempfile.TemporaryDirectory() as store:
        rates = _rate("--store", store)
    yield median("20,000 deltas, logged: notifications", rates, "/s", (AT_LEAST, 100_000), "51,600 not logged")
    yield median("20,000 deltas, ephemeral: notifications", _rate("--ephemeral"), "/s")


def install_clock(directory: Path) -> None:
    """Make an installed package of ``AGENT`` in ``directory``."""
    (directory / "clock_agent.py").write_text(AGENT)
    info = directory / "clock_agent-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: clock-agent\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[meerkat_rpc.agents]\nclock = clock_agent:Builder\n")


@benchmark
def first_delta() -> Iterable[Figure]:
    """From the model's first byte to the client's."""
    samples = []
    with tempfile.TemporaryDirectory() as store, tempfile.TemporaryDirectory() as packages:
        install_clock(Path(packages))
        with Server("--store", store, environ={"PYTHONPATH": packages}) as server:
            session = {"session_id": server.greet().create(model="clock")}
            for _ in range(FIRST_DELTAS):
                turn = server.send("turn/start", {**session, "prompt": "?"})
                line = next(line for line in server.lines() if b"text_delta" in line)
                samples.append(now() - int(messages(line)[0]["params"]["event"]["delta"]) / 1e6)
                server.answer(turn)
    yield median("model's first byte → client", samples, "ms", (AT_MOST, 0.5), "0.23 … 0.48")
