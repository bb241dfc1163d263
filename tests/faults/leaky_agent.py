"""An agent that fails in every way a program can, each time with a secret in what it says of that.

``turn.prompt`` begins with the way; ``provider_params.secret`` is the secret. Installed by ``secrets.py``.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

from meerkat_rpc.agents.base import Agent, AgentResult, AgentTurn, ModelInfo
from meerkat_rpc.domain import AgentConfig, TextDelta
from meerkat_rpc.errors import AgentError, ProviderError

PAUSE_S = 0.01
"""After which what was left to the event loop, or to a thread, has failed."""

logger = logging.getLogger("acme")


class Builder:
    """Builds the agent; fails itself for the model ``leaky:build``, and for the catalogue when it has been told to."""

    def __init__(self) -> None:
        self._secret: str | None = None

    def models(self) -> list[ModelInfo]:
        """Return what breaks whoever looks into it, once there is a secret to tell."""
        return [] if self._secret is None else [_Explosive(self._secret)]  # type: ignore[list-item]

    def build(self, config: AgentConfig) -> Agent:
        """See ``AgentBuilder``."""
        secret = (config.provider_params or {})["secret"]
        if config.model == "leaky:build":
            raise ValueError(secret)
        if config.model == "leaky:catalogue":
            self._secret = secret
        return Leaky(secret)


class Leaky:
    """The agent."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    async def run(self, turn: AgentTurn) -> AgentResult:
        """See ``Agent``."""
        await turn.emit(TextDelta(self._secret))
        await WAYS[turn.prompt.partition(" ")[0]](self._secret, turn)
        return AgentResult()


class _Explosive:
    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __getattr__(self, name: str) -> NoReturn:
        raise ValueError(self._secret)


class _Speechless(Exception):
    def __str__(self) -> NoReturn:
        raise ValueError(*self.args)


class _Unfinalizable:
    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return f"<{self._secret}>"

    def __del__(self) -> None:
        raise ValueError(self._secret)


async def _raise(secret: str, _turn: AgentTurn) -> NoReturn:
    raise ValueError(secret)


async def _chain(secret: str, _turn: AgentTurn) -> NoReturn:
    try:
        raise KeyError(secret)
    except KeyError as error:
        raise RuntimeError(f"because of {secret}") from error


async def _speechless(secret: str, _turn: AgentTurn) -> NoReturn:
    raise _Speechless(secret)


async def _refuse(secret: str, _turn: AgentTurn) -> NoReturn:
    raise ProviderError(f"no such key: {secret}", key=secret)


async def _odd_data(secret: str, _turn: AgentTurn) -> NoReturn:
    raise AgentError("what it knows can't be told", what=_Unfinalizable(secret))


async def _exit(secret: str, _turn: AgentTurn) -> NoReturn:
    sys.exit(secret)


async def _emit_an_object(secret: str, turn: AgentTurn) -> None:
    await turn.emit(TextDelta(_Unfinalizable(secret)))  # type: ignore[arg-type]


async def _emit_half_a_character(secret: str, turn: AgentTurn) -> None:
    await turn.emit(TextDelta(f"{secret} \ud800"))


async def _leave_a_task(secret: str, turn: AgentTurn) -> None:
    asyncio.get_running_loop().create_task(_raise(secret, turn), name=secret)
    await asyncio.sleep(PAUSE_S)


async def _leave_a_callback(secret: str, _turn: AgentTurn) -> None:
    asyncio.get_running_loop().call_soon(int, secret)
    await asyncio.sleep(PAUSE_S)


async def _leave_a_thread(secret: str, _turn: AgentTurn) -> None:
    thread = threading.Thread(target=int, args=(secret,), name="acme")
    thread.start()
    await asyncio.to_thread(thread.join)


async def _finalize(secret: str, _turn: AgentTurn) -> None:
    _Unfinalizable(secret)


async def _log_an_exception(secret: str, _turn: AgentTurn) -> None:
    try:
        int(secret)
    except ValueError:
        logger.exception("it went wrong")


async def _nothing(_secret: str, _turn: AgentTurn) -> None:
    return


WAYS: Mapping[str, Callable[[str, AgentTurn], Awaitable[Any]]] = {
    "raises": _raise,
    "raises-because": _chain,
    "raises-without-words": _speechless,
    "refuses": _refuse,
    "refuses-with-odd-data": _odd_data,
    "exits": _exit,
    "emits-an-object": _emit_an_object,
    "emits-half-a-character": _emit_half_a_character,
    "leaves-a-task": _leave_a_task,
    "leaves-a-callback": _leave_a_callback,
    "leaves-a-thread": _leave_a_thread,
    "finalizes": _finalize,
    "logs": _log_an_exception,
    "does-nothing": _nothing,
}
