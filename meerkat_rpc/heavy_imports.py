"""Importing large libraries: off the event loop, and one at a time.

Python locks each module while it is imported. Where modules import each other in circles, as pydantic-ai's do, two
threads could wait for each other for ever; Python sees that and gives one of them a module that isn't finished, which
shows as an ``ImportError`` about a library that is there. So there is never more than one such thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_one_at_a_time = threading.Lock()


async def importing(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what ``work``, which imports something large, returns; in a thread, once no other is at it."""

    def alone() -> T:
        with _one_at_a_time:
            return work(*args, **kwargs)

    return await asyncio.to_thread(alone)
