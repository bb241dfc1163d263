"""``echo``: streams the prompt back, one delta a word. Needs no key, no network and no time."""

from __future__ import annotations

import re
from collections.abc import Sequence

from meerkat_rpc.agents.base import Agent, AgentResult, AgentTurn, ModelInfo
from meerkat_rpc.domain import AgentConfig, TextComplete, TextDelta, TurnCompleted, TurnStarted, Usage

_WORD = re.compile(r"\s*\S+\s*?(?=\s|$)|\s+")


class EchoAgent:
    """Says what it is told."""

    async def run(self, turn: AgentTurn) -> AgentResult:
        """See ``Agent``."""
        await turn.emit(TurnStarted(1))
        for word in _WORD.findall(turn.prompt):
            await turn.emit(TextDelta(word))
        await turn.emit(TextComplete(turn.prompt))
        words = len(turn.prompt.split())
        await turn.emit(TurnCompleted("end_turn", Usage(words, words)))
        return AgentResult()


class EchoBuilder:
    """Builds ``EchoAgent``."""

    def models(self) -> Sequence[ModelInfo]:
        """See ``AgentBuilder``."""
        return [ModelInfo("echo", "builtin", "Streams the prompt back, one delta a word.")]

    def build(self, config: AgentConfig) -> Agent:
        """See ``AgentBuilder``."""
        return EchoAgent()
