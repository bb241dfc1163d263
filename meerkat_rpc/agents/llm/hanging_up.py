"""Closing the connection of an answer that nobody reads any more.

The other vendors' clients do so themselves. Google's leaves it open when its reader is cancelled: the model would go
on writing, and be paid for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

_answers: ContextVar[list[Any] | None] = ContextVar("_answers", default=None)


@asynccontextmanager
async def hanging_up() -> AsyncGenerator[None]:
    """Close, at the end, every answer that ``note_answer`` was told of within."""
    answers: list[Any] = []
    token = _answers.set(answers)
    try:
        yield
    finally:
        _answers.reset(token)
        for answer in answers:
            if not answer.is_closed:
                with contextlib.suppress(Exception):  # it is going, one way or the other
                    await asyncio.shield(answer.aclose())


async def note_answer(response: Any) -> None:
    """Note that ``response`` is being read. A hook for an HTTP client."""
    if (answers := _answers.get()) is not None:
        answers.append(response)
