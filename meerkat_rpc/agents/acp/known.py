"""The ACP agents that are known by name: how each is started, and how it is installed."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Sequence

from attrs import frozen

from meerkat_rpc.agents.base import ModelInfo

PIP_HINT = "pip install 'meerkat-rpc[acp]'"
"""What installs the protocol's library."""


@frozen
class KnownAgent:
    """An agent: its command line, the npm package that has it, and what a person knows it by."""

    command: str
    package: str
    description: str

    @property
    def program(self) -> str:
        """The program's name."""
        return self.command.split(" ", 1)[0]

    @property
    def hint(self) -> str:
        """What installs it."""
        return f"npm install -g {self.package}"


KNOWN: Sequence[KnownAgent] = (
    KnownAgent("claude-agent-acp", "@agentclientprotocol/claude-agent-acp", "Claude Code, by Anthropic."),
    KnownAgent("claude-code-acp", "@zed-industries/claude-code-acp", "Claude Code, through its older adapter."),
    KnownAgent("codex-acp", "@agentclientprotocol/codex-acp", "Codex, by OpenAI."),
    KnownAgent("gemini --acp", "@google/gemini-cli", "Gemini CLI, by Google."),
    KnownAgent("opencode acp", "opencode-ai", "opencode."),
    KnownAgent("qwen --acp", "@qwen-code/qwen-code", "Qwen Code, by Alibaba."),
)
"""Any other agent is as good: ``acp:`` takes every command."""


def known_models() -> list[ModelInfo]:
    """Return the known agents as models, each with what is missing before it can be used."""
    library = None if importlib.util.find_spec("acp") is not None else PIP_HINT
    return [
        ModelInfo(f"acp:{agent.command}", "acp", agent.description, missing=_missing(agent, library)) for agent in KNOWN
    ]


def install_hint(program: str) -> str | None:
    """Return what installs ``program``, None where nobody told us."""
    name = os.path.basename(program)
    return next((agent.hint for agent in KNOWN if agent.program == name), None)


def _missing(agent: KnownAgent, library: str | None) -> str | None:
    program = None if shutil.which(agent.program) else agent.hint
    return "; ".join(step for step in (library, program) if step) or None
