"""The wall clock, in the two units the contract uses."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Return milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000
