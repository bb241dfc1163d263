"""Making a summary of what is old, with the session's own model, and keeping it.

Never fatal: a summary that can't be made, or that would win nothing, is said and remembered, and the session goes on
with the history that it has.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from meerkat_rpc.agent_settings import Compacting
from meerkat_rpc.agents.base import Agent, Summariser
from meerkat_rpc.domain import (
    Compaction,
    CompactionCompleted,
    CompactionFailed,
    CompactionStarted,
    Event,
    Message,
    SessionChange,
    SessionHead,
    Usage,
)
from meerkat_rpc.errors import MeerkatError
from meerkat_rpc.sessions.compaction import (
    estimated_tokens,
    is_due,
    is_worth_it,
    place_to_cut,
    summary_message,
    threshold,
)

if TYPE_CHECKING:
    from meerkat_rpc.sessions.live import LiveSession

SUMMARY_TIMEOUT_S = 120.0
"""How long a summary may take: the turn, or a person, waits for it."""

logger = logging.getLogger(__name__)


@frozen
class Compactor:
    """Compacts one session.

    Args:
        session: the session.
        settings: when it is due, and how much stays.
        agent: summarises, if it can.
        emit: tells what happens.
    """

    session: LiveSession
    settings: Compacting
    agent: Agent
    emit: Callable[[Event], Awaitable[None]]

    def is_due(self, tokens: int, window: int | None) -> bool:
        """Return whether a history of ``tokens`` is to be compacted by itself."""
        if not self.settings.auto or not isinstance(self.agent, Summariser):
            return False
        limit = threshold(self.settings.threshold_tokens, window)
        return is_due(tokens, limit, self.session.head.compaction)

    async def compact(self, messages: Sequence[Message], tokens: int) -> Usage | None:
        """Summarise the older part of ``messages``, those that agents read now but for the summary there is.

        Returns what the summary cost; None when nothing has changed: there was nothing to cut, or it failed.
        """
        before = self.session.head.compaction or Compaction()
        cut = place_to_cut(messages, self.settings.keep_turns)
        if cut == 0 or not isinstance(self.agent, Summariser):
            return None
        old = [*_summarised(before), *messages[:cut]]
        count = len(_summarised(before)) + len(messages)
        await self.emit(CompactionStarted(tokens, estimated_tokens([*_summarised(before), *messages]), count))
        try:
            async with asyncio.timeout(SUMMARY_TIMEOUT_S):
                summary = await self.agent.summarise(old)
        except Exception as error:  # noqa: BLE001 - the turn goes on whatever the model does
            await self._fail(tokens, _reason(error))
            return None
        if not is_worth_it(summary.text, old):
            await self._fail(tokens, "the summary is no shorter than what it stands for")
            return summary.usage
        made = Compaction(before.first_kept + cut, summary.text, summary.usage.output_tokens or _size(summary.text))
        await self.session.change(lambda head, _: _compacted(head, made))
        await self.emit(CompactionCompleted(made.summary_tokens, count, 1 + len(messages) - cut))
        return summary.usage

    async def _fail(self, tokens: int, reason: str) -> None:
        await self.session.change(lambda head, _: _failed(head, tokens))
        await self.emit(CompactionFailed(reason))


def _summarised(compaction: Compaction) -> list[Message]:
    return [summary_message(compaction, "", 0)] if compaction.summary else []


def _size(text: str) -> int:
    return estimated_tokens([Message("user", text, "", 0)])


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no summary within {SUMMARY_TIMEOUT_S:.0f} s"
    if isinstance(error, MeerkatError):
        return error.message
    logger.warning("a summary failed", exc_info=error)
    return type(error).__name__


def _compacted(head: SessionHead, made: Compaction) -> SessionChange:
    return SessionChange(evolve(head, revision=head.revision + 1, compaction=made))


def _failed(head: SessionHead, tokens: int) -> SessionChange:
    known = head.compaction or Compaction()
    return SessionChange(evolve(head, revision=head.revision + 1, compaction=evolve(known, failed_at_tokens=tokens)))
