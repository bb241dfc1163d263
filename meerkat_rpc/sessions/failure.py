"""What an agent's failure becomes: an error that can be kept and told."""

from __future__ import annotations

import asyncio
import logging

from meerkat_rpc.agents.base import AgentResult
from meerkat_rpc.errors import BY_CODE, AgentError, MeerkatError
from meerkat_rpc.event_json import as_json

logger = logging.getLogger(__name__)


def failure_of(turn_id: str, task: asyncio.Task[AgentResult]) -> MeerkatError:
    """Return why the turn failed whose agent's ``task`` is over without a result."""
    if task.cancelled():
        return AgentError("the agent gave up: it cancelled its own task")
    error = task.exception()
    if isinstance(error, MeerkatError):
        told = BY_CODE.get(error.code, AgentError)(str(error.message))
        told.data = as_json(error.data)
        return told
    logger.warning("turn %s: the agent failed", turn_id, exc_info=error)
    return AgentError(": ".join(filter(None, [type(error).__name__, _words(error)])))


def _words(error: BaseException | None) -> str:
    """Return what ``error`` says; nothing for one that can't even do that."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an agent's exception is an agent's code
        return ""
