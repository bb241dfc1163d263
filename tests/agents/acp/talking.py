"""Talks with the acting agent through our agent, without a session service around it."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from attrs import define, field

from meerkat_rpc.agents.acp.agent import AcpBuilder
from meerkat_rpc.agents.base import AgentResult
from meerkat_rpc.domain import JSON, AgentConfig
from tests.agents.turns import RecordedTurn

WAIT_S = 60
"""A bound on hangs, not a measure of speed."""

ACTING_AGENT = Path(__file__).with_name("acting_agent.py")


def acting(*options: str) -> str:
    """Return the model name of the acting agent with ``options``."""
    return f"acp:{shlex.join([sys.executable, str(ACTING_AGENT), *options])}"


def script(*steps: dict[str, Any]) -> str:
    """Return the prompt that makes the acting agent play ``steps``."""
    return orjson.dumps(list(steps)).decode()


@define
class AskedTurn(RecordedTurn):
    """A turn whose questions are kept; ``answers`` are given in order, and once they run out nobody answers."""

    answers: list[str] = field(factory=list)
    questions: list[dict[str, Any]] = field(factory=list)
    asked: asyncio.Event = field(factory=asyncio.Event)

    async def ask(
        self, kind: str, summary: str, details: JSON, choices: Sequence[str], *, key: str, rule: str | None = None
    ) -> str:
        question = {"kind": kind, "summary": summary, "details": details, "choices": list(choices), "key": key}
        self.questions.append(question)
        self.asked.set()
        if not self.answers:
            await asyncio.Event().wait()
        return self.answers.pop(0)


class Talk:
    """One session's talk with one agent."""

    def __init__(self, builder: AcpBuilder, model: str, cwd: Path | None = None, /, **params: Any) -> None:
        self.builder = builder
        self.config = AgentConfig(model=model, provider_params=params or None)
        self.cwd = cwd
        self.past: list[Any] = []
        self.session_id = AskedTurn("").session_id

    def turn(self, *said: str | dict[str, Any], **more: Any) -> AskedTurn:
        """Return the session's next turn: a prompt, or the steps of a script."""
        prompt = said[0] if said and isinstance(said[0], str) else script(*said)  # type: ignore[arg-type]
        cwd = str(self.cwd) if self.cwd is not None else None
        return AskedTurn(
            prompt, **{"config": self.config, "past": self.past, "session_id": self.session_id, "cwd": cwd, **more}
        )

    async def run(self, turn: AskedTurn) -> AgentResult:
        """Run a turn to its end and keep its history."""
        try:
            async with asyncio.timeout(WAIT_S):
                return await self.builder.build(turn.config).run(turn)
        finally:
            self.past = turn.messages

    async def say(self, *said: str | dict[str, Any], **more: Any) -> AskedTurn:
        """Run the session's next turn; return it."""
        turn = self.turn(*said, **more)
        await self.run(turn)
        return turn

    async def facts(self, name: str, **more: Any) -> Any:
        """Return what the agent says of itself."""
        turn = await self.say({"about": name}, **more)
        return orjson.loads(turn.text)

    @asynccontextmanager
    async def running(self, turn: AskedTurn) -> AsyncIterator[asyncio.Task[AgentResult]]:
        """Run a turn beside the test; it is interrupted at the end."""
        task = asyncio.create_task(self.run(turn))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait({task})


async def until(holds: Callable[[], bool]) -> None:
    """Wait until ``holds``."""
    async with asyncio.timeout(WAIT_S):
        while not holds():  # noqa: ASYNC110 - processes come and go without telling
            await asyncio.sleep(0.01)
