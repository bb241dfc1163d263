"""What a provider remembers of the requests it got."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from attrs import define, field

from tests.providers.speaking import Json


def now_ns() -> int:
    """Return nanoseconds on the clock that all processes of the machine share."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


@define
class Asked:
    """A request and how its answer went.

    Times are nanoseconds of ``now_ns``: when the request was there, when the first byte of the answer was written,
    and when the first piece of text. ``refused`` is why the provider did not take it. ``ended`` is empty while the
    answer is still being said.
    """

    protocol: str
    path: str
    headers: Mapping[str, str]
    body: Json
    released: asyncio.Event
    arrived_ns: int = field(factory=now_ns)
    first_byte_ns: int | None = None
    first_text_ns: int | None = None
    refused: str | None = None
    ended: str = ""

    def say(self) -> None:
        """Note that a byte is about to be written."""
        if self.first_byte_ns is None:
            self.first_byte_ns = now_ns()

    def say_text(self) -> None:
        """Note that text is about to be written."""
        if self.first_text_ns is None:
            self.first_text_ns = now_ns()

    def end(self, how: str) -> None:
        """Note how the answer ended."""
        self.ended = self.ended or how
