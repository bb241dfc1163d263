"""``session/create``, ``turn/start``, ``turn/interrupt``."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, Generic, TypeVar

from attrs import frozen

from meerkat_rpc.domain import title_of
from meerkat_rpc.errors import InvalidArgument, MeerkatError
from meerkat_rpc.rpc import mapping
from meerkat_rpc.rpc.delivery import Delivery
from meerkat_rpc.rpc.handlers.prompts import start_turn
from meerkat_rpc.rpc.handlers.table import handlers
from meerkat_rpc.rpc.opening import Opening
from meerkat_rpc.rpc.prompt_content import PromptContent, prompt_content
from meerkat_rpc.rpc.protocol import Handler
from meerkat_rpc.sessions.service import CreateSession, SessionService, TurnHandle
from meerkat_rpc.wire import types as wire

T = TypeVar("T")


class TurnMethods:
    """Handlers that run turns."""

    def __init__(self, opening: Opening, delivery: Delivery, default_cwd: str | None) -> None:
        self._opening = opening
        self._delivery = delivery
        self._default_cwd = default_cwd

    def table(self) -> Mapping[str, Handler]:
        """Return the handlers by method."""
        return handlers({"session/create": self.create, "turn/start": self.start, "turn/interrupt": self.interrupt})

    async def create(
        self, params: wire.SessionCreateParams
    ) -> wire.RunResult | wire.TurnAccepted | wire.SessionDeferred:
        """Create a session and, unless deferred, run its first turn."""
        deferred = params.initial_turn == "deferred"
        if params.prompt is None and not deferred:
            raise InvalidArgument('params.prompt: required unless params.initial_turn is "deferred"')
        service = await self._opening.service()
        cwd = params.cwd if params.cwd is not None else self._default_cwd
        content = PromptContent("") if params.prompt is None else await _content(service, params.prompt, cwd)
        named = params.title if params.title is not None or not deferred else _name(content.text)
        request = CreateSession(
            prompt=None if deferred else content.text,
            config=mapping.agent_config(params),
            title=named,
            labels=params.labels,
            cwd=cwd,
            session_id=params.session_id,
            turn_id=params.turn_id,
            attachments=() if deferred else content.attachments,
            blobs={} if deferred else content.blobs,
        )
        created = await _settled(service.create(request))
        if created.result.turn is None:
            return wire.SessionDeferred(created.result.session_id, "idle")
        return await self._run(service, created.result.turn, wait=params.wait, cancelled=created.cancelled)

    async def start(self, params: wire.TurnStartParams) -> wire.RunResult | wire.TurnAccepted:
        """Run a turn."""
        service = await self._opening.service()
        config = mapping.agent_config(params)
        request = await start_turn(service, params.session_id, params.prompt, params.turn_id, config)
        started = await _settled(service.start_turn(request))
        return await self._run(service, started.result, wait=params.wait, cancelled=started.cancelled)

    async def interrupt(self, params: wire.TurnInterruptParams) -> wire.TurnInterruptResult:
        """Stop the running turn."""
        service = await self._opening.service()
        return wire.TurnInterruptResult(await service.interrupt(params.session_id, params.turn_id))

    async def _run(
        self, service: SessionService, turn: TurnHandle, *, wait: bool, cancelled: bool
    ) -> wire.RunResult | wire.TurnAccepted:
        """See the turn's events out, then answer. A cancelled request interrupts the turn that it started."""
        self._delivery.begin(turn)
        try:
            if cancelled:
                raise asyncio.CancelledError
            if not wait:
                return wire.TurnAccepted(turn.session_id, turn.turn_id, accepted=True)
            return await self._result(turn)
        except asyncio.CancelledError:
            if turn.replayed:
                raise
            await service.interrupt(turn.session_id, turn.turn_id)
            return await self._result(turn)

    async def _result(self, turn: TurnHandle) -> wire.RunResult:
        await self._delivery.delivered(turn.turn_id)
        try:
            result = await turn.result()
        except MeerkatError as error:
            error.data.setdefault("session_id", turn.session_id)
            error.data.setdefault("turn_id", turn.turn_id)
            raise
        await self._delivery.delivered(turn.turn_id)
        return mapping.run_result(result)


def _name(prompt: str) -> str | None:
    """Return the title that a deferred turn's prompt gives its session; the one that runs comes with ``turn/start``."""
    return title_of(None, prompt) or None


async def _content(service: SessionService, prompt: wire.Prompt, cwd: str | None) -> PromptContent:
    async def folder() -> str | None:
        return cwd

    return await prompt_content(prompt, service.blob, folder)


@frozen
class _Settled(Generic[T]):
    result: T
    cancelled: bool


async def _settled(work: Coroutine[Any, Any, T]) -> _Settled[T]:
    """Wait for ``work`` to be done even if we are cancelled meanwhile: what it committed is there, and must be dealt
    with."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        return _Settled(await asyncio.shield(task), cancelled=False)
    except asyncio.CancelledError:
        return _Settled(await task, cancelled=True)
