"""``acp:COMMAND``: runs turns on an agent that speaks the Agent Client Protocol."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from meerkat_rpc.agents.acp.blocks import PromptBlocks, text_block
from meerkat_rpc.agents.acp.command import AcpSettings, settings_of
from meerkat_rpc.agents.acp.conversation import Conversation
from meerkat_rpc.agents.acp.dials import tune
from meerkat_rpc.agents.acp.known import known_models
from meerkat_rpc.agents.acp.library import load_library
from meerkat_rpc.agents.acp.lines import Message
from meerkat_rpc.agents.acp.peer import Peer
from meerkat_rpc.agents.acp.pool import AgentPool, Place, Seat
from meerkat_rpc.agents.acp.prompt_end import PromptEnd
from meerkat_rpc.agents.acp.replay import preamble, unseen
from meerkat_rpc.agents.base import Agent, AgentResult, AgentTurn, ModelInfo
from meerkat_rpc.domain import AgentConfig, QueuedPrompt


class AcpBuilder:
    """Builds ``AcpAgent``, and keeps the processes between turns. ``pool``: where they run; None for one of its own."""

    def __init__(self, pool: AgentPool | None = None) -> None:
        self._pool = pool or AgentPool()

    def models(self) -> Sequence[ModelInfo]:
        """See ``AgentBuilder``. Any other command is as good as those that are listed."""
        return known_models()

    def build(self, config: AgentConfig) -> Agent:
        """See ``AgentBuilder``. Raises ``InvalidArgument`` naming the parameter that is wrong."""
        return AcpAgent(settings_of(config), self._pool)

    async def close(self) -> None:
        """End every agent that runs; return when they are gone."""
        await self._pool.close()


class AcpAgent:
    """Runs one turn on the session's agent, which is started if it does not run."""

    def __init__(self, settings: AcpSettings, pool: AgentPool) -> None:
        self._settings = settings
        self._pool = pool

    async def run(self, turn: AgentTurn) -> AgentResult:
        """See ``Agent``."""
        await load_library()
        cwd = turn.cwd if turn.cwd is not None else os.getcwd()
        place = Place(turn.session_id, self._settings.command, cwd, files=turn.cwd is not None)
        async with self._pool.seat(place) as seat:
            peer = seat.peer
            assert peer is not None
            await _open(seat, peer, cwd)
            await tune(peer, self._settings)
            try:
                end = await self._hold(turn, seat, peer)
            except asyncio.CancelledError:
                if peer.alive:  # it knows what it was told, and that it was stopped
                    seat.last_turn = turn.turn_id
                raise
            seat.last_turn = turn.turn_id
            return AgentResult(end.stop_reason)

    async def _hold(self, turn: AgentTurn, seat: Seat, peer: Peer) -> PromptEnd:
        """Have the turn's prompt worked on, and then what was added to it meanwhile."""
        conversation = Conversation(turn, peer)
        blocks = PromptBlocks(peer.prompt_capabilities, turn.attachment, peer.scratch)
        end = await conversation.hold(await self._first(turn, seat, blocks))
        while added := await turn.steering():
            end = await conversation.hold(await _joined(blocks, added))
        return end

    async def _first(self, turn: AgentTurn, seat: Seat, blocks: PromptBlocks) -> list[Message]:
        news = unseen(await turn.history(), seat.last_turn)
        before = preamble(self._settings.system_prompt, news, first=seat.last_turn is None)
        prompt = await blocks.of(turn.prompt, turn.attachments)
        return [text_block(before), *prompt] if before is not None else prompt


async def _open(seat: Seat, peer: Peer, cwd: str) -> None:
    """Open the agent's session, or take up the one that an earlier process of it had."""
    if peer.session_id:
        return
    if seat.acp_session is None or not await peer.take_up(seat.acp_session, cwd):
        seat.last_turn = None
        await peer.new_session(cwd)
    seat.acp_session = peer.session_id


async def _joined(blocks: PromptBlocks, added: Sequence[QueuedPrompt]) -> list[Message]:
    return [block for item in added for block in await blocks.of(item.prompt, item.attachments)]
