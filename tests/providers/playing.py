"""Plays a reply to a request: what is said by the protocol, what goes wrong by ourselves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from tests.providers.http import Exchange
from tests.providers.records import Asked, now_ns
from tests.providers.script import (
    Call,
    Clock,
    Drop,
    Fail,
    Garbage,
    Hold,
    Reasoning,
    Reply,
    Stall,
    Step,
    Text,
    Trouble,
    Wait,
    pieces,
)
from tests.providers.speaking import Dialect, Json, Speaker, arguments, spoken


class GoneError(Exception):
    """The client closed the connection before the reply was said."""


async def play(exchange: Exchange, dialect: Dialect, body: Json, reply: Reply, asked: Asked) -> None:
    """Answer with ``reply``, and keep in ``asked`` how that went."""
    steps = spoken(reply.steps, dialect.answers_by_tool(body))
    if steps and isinstance(steps[0], Fail):
        fail(exchange, dialect, steps[0], asked)
        return
    player = Player(exchange, dialect.speaker(exchange.request, body), asked)
    try:
        if dialect.streams(exchange.request, body):
            await player.stream(steps, reply)
        else:
            await player.whole(steps, reply)
    except (GoneError, ConnectionError):
        asked.end("closed by the client")


def fail(exchange: Exchange, dialect: Dialect, step: Fail, asked: Asked) -> None:
    """Answer with an HTTP error."""
    headers: Mapping[str, str] = {} if step.retry_after is None else {"retry-after": step.retry_after}
    body = orjson.dumps(dialect.error(step.fail, step.message)) if step.body is None else step.body
    asked.say()
    exchange.whole(step.fail, body, headers)
    asked.end(f"status {step.fail}")


class Player:
    """Plays the steps of one reply."""

    def __init__(self, exchange: Exchange, speaker: Speaker, asked: Asked) -> None:
        self._exchange = exchange
        self._speaker = speaker
        self._asked = asked

    async def stream(self, steps: list[Step], reply: Reply) -> None:
        """Answer in a stream."""
        if isinstance(steps[0] if steps else None, Stall) and not steps[0].headers:  # type: ignore[union-attr]
            await self._forever()
        self._exchange.begin()
        await self._write(self._speaker.begin())
        for step in steps:
            await self._step(step)
            if self._asked.ended:
                return
        await self._write(self._speaker.end(reply))
        self._exchange.end()
        self._asked.end("whole")

    async def whole(self, steps: list[Step], reply: Reply) -> None:
        """Answer in one piece; what goes wrong comes before it."""
        for step in steps:
            if isinstance(step, Text | Reasoning | Call):
                list(self._spoken(step))
            elif isinstance(step, Garbage):
                self._exchange.whole(200, step.garbage)
                self._asked.end("garbage")
                return
            else:
                await self._go_wrong(step)
        if not self._asked.ended:
            self._asked.say()
            self._exchange.whole(200, orjson.dumps(self._speaker.whole(reply)))
            self._asked.end("whole")

    async def _step(self, step: Step) -> None:
        if isinstance(step, Clock):
            step = Text(str(now_ns()))
        if not isinstance(step, Text | Reasoning | Call):
            await self._go_wrong(step)
            return
        for data in self._spoken(step):
            if isinstance(step, Text):
                self._asked.say_text()
            await self._write(data)
            if step.delay_ms:
                await self._wait(step.delay_ms / 1e3)

    def _spoken(self, step: Text | Reasoning | Call) -> Iterator[bytes]:
        if isinstance(step, Text):
            return self._speaker.text(pieces(step.text, step.chunks))
        if isinstance(step, Reasoning):
            return self._speaker.reasoning(pieces(step.reasoning, step.chunks))
        return self._speaker.call(step, pieces(arguments(step), step.chunks))

    async def _go_wrong(self, step: Step) -> None:
        if isinstance(step, Wait):
            await self._wait(step.wait_ms / 1e3)
        elif isinstance(step, Hold):
            await self._until_released()
        elif isinstance(step, Stall):
            await self._forever()
        elif isinstance(step, Drop):
            self._exchange.drop(reset=step.drop == "reset")
            self._asked.end("dropped")
        elif isinstance(step, Garbage):
            await self._write(step.garbage)
        elif isinstance(step, Trouble):
            await self._write(self._speaker.trouble(step.status, step.trouble))
            self._exchange.end()
            self._asked.end("trouble")

    async def _forever(self) -> None:
        await self._exchange.gone
        raise GoneError

    async def _wait(self, seconds: float) -> None:
        done, _ = await asyncio.wait({self._exchange.gone}, timeout=seconds)
        if done:
            raise GoneError

    async def _until_released(self) -> None:
        waiting = asyncio.create_task(self._asked.released.wait())
        both: set[asyncio.Future[Any]] = {waiting, self._exchange.gone}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._exchange.gone.done():
            raise GoneError

    async def _write(self, data: bytes) -> None:
        """Write, unless there is nobody to read; waits where the client lags."""
        if self._exchange.gone.done():
            raise GoneError
        if data:
            self._asked.say()
            self._exchange.chunk(data)
            await self._exchange.writer.drain()
