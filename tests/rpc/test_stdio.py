"""The thread that writes."""

from __future__ import annotations

import os
import threading

from meerkat_rpc.rpc.stdio import OutputThread
from tests.rpc.driver import WAIT_S, eventually

FIRST, SECOND, LOW_WATER = 100_000, 150_000, 200_000
"""The first is more than a pipe holds; only both together are above the low water."""


def test_what_rises_above_the_low_water_while_something_is_written_is_told_when_it_has_fallen() -> None:
    reading, writing = os.pipe()
    drained = threading.Event()
    output = OutputThread(writing, drained.set, lambda: None, LOW_WATER)
    output.start()
    try:
        output.write(b"a" * FIRST)
        eventually(lambda: not output._chunks)  # the thread has it, and waits for the pipe
        output.write(b"b" * SECOND)
        left = FIRST + SECOND
        while left:
            left -= len(os.read(reading, left))
        assert drained.wait(WAIT_S)
        output.close(WAIT_S)
    finally:
        os.close(reading)
        os.close(writing)
