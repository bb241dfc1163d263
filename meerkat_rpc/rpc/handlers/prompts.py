"""The methods whose prompt starts no turn at once: ``turn/steer``, ``turn/enqueue``, ``session/inject_context``, and
``blob/get`` for what came with prompts."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from meerkat_rpc.domain import AgentConfig
from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.rpc import mapping
from meerkat_rpc.rpc.handlers.table import handlers
from meerkat_rpc.rpc.opening import Opening
from meerkat_rpc.rpc.prompt_content import prompt_content
from meerkat_rpc.rpc.protocol import Handler
from meerkat_rpc.sessions.service import Queued, SessionService, StartTurn
from meerkat_rpc.wire import types as wire


class PromptMethods:
    """Handlers of prompts that are added, wait, or are only to be known."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening

    def table(self) -> Mapping[str, Handler]:
        """Return the handlers by method."""
        return handlers(
            {
                "turn/steer": self.steer,
                "turn/enqueue": self.enqueue,
                "turn/dequeue": self.dequeue,
                "session/inject_context": self.inject,
                "blob/get": self.blob,
            }
        )

    async def steer(self, params: wire.TurnSteerParams) -> wire.TurnQueued:
        """Add to the running turn."""
        service = await self._opening.service()
        request = await start_turn(service, params.session_id, params.prompt, params.turn_id)
        return _queued(await service.steer(request, params.expected_turn_id))

    async def enqueue(self, params: wire.TurnEnqueueParams) -> wire.TurnQueued:
        """Start a turn when the running one ends. Its events are sent as any turn's."""
        service = await self._opening.service()
        config = mapping.agent_config(params)
        request = await start_turn(service, params.session_id, params.prompt, params.turn_id, config)
        return _queued(await service.enqueue(request))

    async def dequeue(self, params: wire.TurnDequeueParams) -> wire.TurnDequeueResult:
        """Take back a prompt that waits."""
        service = await self._opening.service()
        return wire.TurnDequeueResult(await service.dequeue(params.session_id, params.turn_id))

    async def inject(self, params: wire.InjectContextParams) -> wire.InjectContextResult:
        """Add context without a turn."""
        content = params.text if params.content is None else params.content
        if content is None or (params.text is not None and params.content is not None):
            raise InvalidArgument("params: expected exactly one of text and content")
        service = await self._opening.service()
        request = await start_turn(service, params.session_id, content, path="params.content")
        done = await service.inject(request)
        return wire.InjectContextResult(params.session_id, done.message_index, "staged" if done.staged else "applied")

    async def blob(self, params: wire.BlobGetParams) -> wire.BlobGetResult:
        """Return an attachment's content."""
        content = await (await self._opening.service()).blob(params.digest)
        return wire.BlobGetResult(params.digest, len(content), base64.b64encode(content).decode())


async def start_turn(
    service: SessionService,
    session_id: str,
    prompt: wire.Prompt,
    turn_id: str | None = None,
    config: AgentConfig = AgentConfig(),
    *,
    path: str = "params.prompt",
) -> StartTurn:
    """Return what the service is asked for a prompt, which stands at ``path``, in a session."""

    async def folder() -> str | None:
        return (await service.read(session_id)).summary.cwd

    content = await prompt_content(prompt, service.blob, folder, path)
    return StartTurn(session_id, content.text, config, turn_id, content.attachments, content.blobs)


def _queued(result: Queued) -> wire.TurnQueued:
    return wire.TurnQueued(accepted=True, turn_id=result.turn_id, position=result.position)
