"""A provider of models on loopback that says what a test wants, in the protocol of whoever asks.

It runs in a thread of its own, so that a test may block. One server speaks all protocols, told apart by the address.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Self

import orjson

from tests.providers.anthropic import Messages
from tests.providers.chat_completions import ChatCompletions
from tests.providers.gemini import Gemini
from tests.providers.http import Exchange, listen
from tests.providers.playing import fail, play
from tests.providers.records import Asked
from tests.providers.responses import Responses
from tests.providers.script import Fail, Reply, Step, reply
from tests.providers.speaking import Dialect, Json, RefusedError

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect for dialect in (ChatCompletions(), Responses(), Messages(), Gemini())
}
"""The protocols, by the ``kind`` that the configuration has for them."""

MODELS = {
    "openai": "gpt-4o-mini",
    "openai-responses": "gpt-5-mini",
    "anthropic": "claude-sonnet-4-6",
    "google": "gemini-2.5-flash",
}
"""A model of each protocol, for what a library knows of models by their name."""

KEY = "sk-loopback-7f3a91c2e5d84b06"
"""The key that is asked for. Tests look for it where no key may be."""

WAIT_S = 60.0
"""A bound on hangs, not a measure of speed."""

Chooses = Callable[[Asked], Reply]


class Provider:
    """The server. ``requests`` are what was asked, in order, refused ones too."""

    def __init__(self, *, key: str = KEY, port: int = 0) -> None:
        self.key = key
        self.requests: list[Asked] = []
        self.otherwise: Reply | Chooses | None = None
        self._queue: deque[Reply | Chooses] = deque()
        self._loop = asyncio.new_event_loop()
        self._released = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="provider", daemon=True)
        self._ready = threading.Event()
        self.port = port

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(WAIT_S):
            raise RuntimeError("the provider did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)

    # -- What is answered -----------------------------------------------------------------------------------------

    def say(self, *steps: Step) -> None:
        """Put a reply that plays ``steps`` behind those that wait to be asked for."""
        self.answer(reply(*steps))

    def answer(self, *replies: Reply | Chooses) -> None:
        """Put replies, or what chooses one by the request, behind those that wait to be asked for."""
        self._queue.extend(replies)

    def always(self, choice: Reply | Chooses) -> None:
        """Answer so whenever nothing waits."""
        self.otherwise = choice

    def release(self) -> None:
        """Let the replies go on that came to a ``Hold``, now and from now on."""
        self._loop.call_soon_threadsafe(self._released.set)

    def forget(self) -> None:
        """Begin anew: nothing waits to be said, nothing was asked."""
        self._queue.clear()
        self.requests = []
        self.otherwise = None
        self._released = asyncio.Event()

    # -- What is seen ---------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def base_url(self, kind: str) -> str:
        """Return what a client of the protocol ``kind`` takes for its base address."""
        return f"{self.url}/v1" if kind.startswith("openai") else self.url

    @property
    def bodies(self) -> Sequence[Json]:
        """The bodies of the requests."""
        return [asked.body for asked in self.requests]

    @property
    def waiting(self) -> int:
        """How many replies nobody has asked for."""
        return len(self._queue)

    @property
    def refusals(self) -> Sequence[str]:
        """Why requests were not taken."""
        return [asked.refused for asked in self.requests if asked.refused is not None]

    def until(self, holds: Callable[[Self], object]) -> None:
        """Wait until ``holds``.

        Raises:
            AssertionError: it never came true.
        """
        end = time.monotonic() + WAIT_S
        while not holds(self):
            assert time.monotonic() < end, f"it never came true: {self.requests}"
            time.sleep(0.005)

    # -- How it serves --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._loop.call_soon(self._ready.set)
        self._loop.run_forever()
        self._loop.run_until_complete(self._stop())
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await listen(self.port, self._handle, self._serving)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _handle(self, exchange: Exchange) -> None:
        request = exchange.request
        dialect = next((each for each in DIALECTS.values() if each.takes(request)), None)
        body = _parsed(request.body)
        name = dialect.name if dialect else "none"
        asked = Asked(name, request.path, request.headers, body or {}, self._released)
        self.requests.append(asked)
        refuse = partial(self._refuse, exchange, dialect or DIALECTS["openai"], asked)
        if dialect is None:
            refuse(RefusedError(f"Invalid URL ({request.method} {request.path})", 404))
            return
        try:
            if body is None:
                raise RefusedError("We could not parse the JSON body of your request.")
            dialect.check(request, body, self.key)
        except RefusedError as error:
            refuse(error)
            return
        except (AttributeError, KeyError, TypeError, IndexError) as error:
            refuse(RefusedError(f"malformed request: {error!r}"))
            return
        await play(exchange, dialect, body, self._next(asked), asked)

    def _next(self, asked: Asked) -> Reply:
        choice = self._queue.popleft() if self._queue else self.otherwise
        if choice is None:
            return reply(Fail(400, "the script has no further reply"))
        return choice if isinstance(choice, Reply) else choice(asked)

    @staticmethod
    def _refuse(exchange: Exchange, dialect: Dialect, asked: Asked, error: RefusedError) -> None:
        asked.refused = str(error)
        body = orjson.dumps(dialect.error(error.status, str(error), error.code))
        fail(exchange, dialect, Fail(error.status, body=body), asked)


def _parsed(data: bytes) -> Json | None:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
