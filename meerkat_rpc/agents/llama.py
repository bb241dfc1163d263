"""A language model in this process: one model, one thread, one generation at a time.

``xllamacpp`` wraps llama.cpp's server, which can't be had without its listener. The listener is therefore put on a
Unix socket in a directory only we can enter, and the socket is unlinked as soon as the model is loaded: no port is
opened, and nothing can connect.

The binding lets other threads run while it generates, but not while it loads: every thread of the process stands still
for those 0.3 s, once. What can be done about it is done: the file is read into the page cache first, and what loading
does twice by default (``fit_params``, ``warmup``) is off.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from attrs import frozen

from meerkat_rpc.domain import Usage
from meerkat_rpc.errors import ProviderError

BATCH_TOKENS = 128
"""Prompt tokens computed between two looks at the stop flag: a second on one core, and no slower than more."""

MAX_THREADS = 8
"""A small model gains nothing from more. One core is left to everybody else where there are few: the library's threads
wait for each other by spinning, and two of them on two cores fall from 85 to 5 tokens a second as soon as another
program wants one, while a single thread makes 55 whatever happens."""

PROMPT_CACHE_MIB = 256
"""What may be kept of other sessions' prompts, so that two sessions taking turns aren't read anew each time. The
binding's default is 8 GiB."""

SOCKET_PATH_BYTES = 100
"""A Unix socket's path may take 108 bytes on Linux and 104 on macOS."""


class PromptTooLong(Exception):
    """The prompt takes more tokens than it may. ``tokens`` is the model's own count."""

    def __init__(self, tokens: int) -> None:
        super().__init__(tokens)
        self.tokens = tokens


@frozen
class Completion:
    """How a generation ended: ``finish_reason`` is the model server's, "stop" or "length"."""

    finish_reason: str
    usage: Usage


class Generation:
    """One generation. The event loop reads it; the model's thread feeds it.

    ``request`` is a chat completion request as OpenAI's API has it; ``prompt_limit`` is how many tokens the prompt may
    take.
    """

    def __init__(self, request: Mapping[str, Any], prompt_limit: int) -> None:
        self._request = request
        self._prompt_limit = prompt_limit
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._texts: deque[str] = deque()
        self._finish_reason = "stop"
        self._end: Completion | Exception | None = None
        self._stopped = False

    # -- The event loop's side

    async def next_text(self) -> str | None:
        """Return what has been generated since the last call, waiting for the first of it; None at the end.

        Raises:
            PromptTooLong: the model never began.
            ProviderError: the model can't be loaded, or refused the request.
        """
        while not self._texts:
            if isinstance(self._end, Exception):
                raise self._end
            if self._end is not None:
                return None
            await self._news.wait()
            self._news.clear()
        return "".join(self._texts.popleft() for _ in range(len(self._texts)))

    @property
    def completion(self) -> Completion:
        """How it ended; only after ``next_text`` has returned None."""
        if not isinstance(self._end, Completion):
            raise TypeError("the generation has not ended well")
        return self._end

    def stop(self) -> None:
        """Let the model's thread stop at its next token. Returns at once; what comes after is thrown away."""
        self._stopped = True

    # -- The model's thread

    @property
    def stopped(self) -> bool:
        """Whether nobody waits for more."""
        return self._stopped

    def run(self, server: Any) -> None:
        """Generate."""
        try:
            server.handle_chat_completions(dict(self._request), self._on_chunk)
        except ValueError as error:  # the binding's way of saying that the request can't be turned into a prompt
            self.end(ProviderError(f"smollm2: {error}"))
        if self._end is None:
            self.end(ProviderError("smollm2: the model stopped without saying why"))

    def end(self, end: Completion | Exception) -> None:
        """Say how it ended. The first word counts."""
        if self._end is None:
            self._end = end
            self._wake()

    def _on_chunk(self, chunk: dict[str, Any]) -> bool:
        """Take one piece of the stream; True stops the generation. Must not raise: the binding can't pass it on."""
        if error := chunk.get("error"):
            self.end(_refusal(error))
        elif (total := chunk.get("prompt_progress", {}).get("total", 0)) > self._prompt_limit:
            self.end(PromptTooLong(total))
        elif usage := chunk.get("usage"):
            self.end(Completion(self._finish_reason, _usage(usage)))
        else:
            self._take(chunk)
        return self._stopped or isinstance(self._end, Exception)

    def _take(self, chunk: dict[str, Any]) -> None:
        for choice in chunk["choices"]:
            self._finish_reason = choice["finish_reason"] or self._finish_reason
            if text := choice["delta"].get("content"):
                self._texts.append(text)
                self._wake()

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._news.set)
        except RuntimeError:  # the loop is closed: nobody waits any more
            self._stopped = True


def _refusal(error: Mapping[str, Any]) -> Exception:
    if error.get("type") == "exceed_context_size_error":
        return PromptTooLong(error["n_prompt_tokens"])
    return ProviderError(f"smollm2: {error.get('message', error)}")


def _usage(usage: Mapping[str, Any]) -> Usage:
    cached = usage.get("prompt_tokens_details", {}).get("cached_tokens")
    return Usage(usage["prompt_tokens"], usage["completion_tokens"], cached)


class LlamaModel:
    """A model file, loaded when it is first used and kept. Generations queue, in the order they came."""

    def __init__(self, path: Path, context_tokens: int) -> None:
        self._path = path
        self.context_tokens = context_tokens
        self._server: Any = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="llama")

    def generate(self, request: Mapping[str, Any], prompt_limit: int) -> Generation:
        """Put a generation into the queue and return it. Must be called on the event loop that reads it."""
        generation = Generation(request, prompt_limit)
        self._thread.submit(self._serve, generation)
        return generation

    def load(self) -> None:
        """Begin to load the model, unless it is loaded. A failure shows when something is generated."""
        if self._server is None:
            self._thread.submit(self._loaded)

    def _loaded(self) -> Any:
        if self._server is None:
            self._server = self._load()
        return self._server

    def _serve(self, generation: Generation) -> None:
        try:
            if not generation.stopped:
                server = self._loaded()
                if not generation.stopped:
                    generation.run(server)
        except ImportError as error:
            hint = "; on Debian and Ubuntu: apt-get install libgomp1" if "libgomp" in str(error) else ""
            generation.end(ProviderError(f"smollm2: xllamacpp can't be loaded: {error}{hint}"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the turn must hear of it
            generation.end(ProviderError(f"smollm2: {self._path} can't be used: {error}"))

    def _load(self) -> Any:
        _read_into_page_cache(self._path)
        import xllamacpp  # 106 MB of shared library: only when a model is really wanted

        with tempfile.TemporaryDirectory(prefix="mk-", dir=_short_temporary_directory()) as private:
            return xllamacpp.Server(self._parameters(xllamacpp.CommonParams(), Path(private)))

    def _parameters(self, parameters: Any, private: Path) -> Any:
        threads = _threads()
        parameters.model.path = str(self._path)
        parameters.verbosity = -1
        parameters.hostnames = [str(private / "s.sock")]
        parameters.n_threads_http = 1
        parameters.n_parallel = 1
        parameters.n_ctx = self.context_tokens
        parameters.n_batch = parameters.n_ubatch = BATCH_TOKENS
        parameters.cache_ram_mib = PROMPT_CACHE_MIB
        parameters.fit_params = parameters.warmup = False
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
        return parameters


def _threads() -> int:
    """Return how many threads compute: a physical core each, one logical processor left free."""
    import psutil

    logical = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    physical = psutil.cpu_count(logical=False) or logical
    return max(min(physical, logical - 1, MAX_THREADS), 1)


def _short_temporary_directory() -> str:
    """Return the temporary directory, or the system's own where that one's name is too long for a socket's path."""
    directory = tempfile.gettempdir()
    return directory if len(os.fsencode(directory) + b"/mk-12345678/s.sock") < SOCKET_PATH_BYTES else "/tmp"  # noqa: S108


def _read_into_page_cache(path: Path) -> None:
    """Read the file through, so that the load, which stops every thread, finds it in memory."""
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass
