"""Single keys, pressed in answer to a question while a turn runs.

A key counts only if it was pressed after the question was there to be read: what was typed before is kept for the next
prompt, and neither a paste nor a key that sends several characters is an answer.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import sys
from collections.abc import Iterator

from meerkat_rpc.chat.text import printable

QUIET_S = 0.3
"""How long no key may have come before one counts: whoever is typing when a question appears has not read it."""

ESCAPE_S = 0.1
"""How long the rest of a key that begins with an escape may take, over a slow line, before it is the Escape key."""

CONSOLE_POLL_S = 0.05
"""How often a Windows console, which nothing can wait for, is looked at: sooner than anybody notices."""

READ_BYTES = 4096

ESCAPE, END = "\x1b", "\x04"


class Keyboard:
    """The keyboard of a terminal, between two prompts."""

    def __init__(self) -> None:
        self._typed_ahead = ""
        self._keys: asyncio.Queue[str] = asyncio.Queue()

    def take_typed_ahead(self) -> str:
        """Return what was typed before it was asked for, once."""
        text, self._typed_ahead = self._typed_ahead, ""
        return printable(text)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Take keys as they are pressed, while the block runs. What nobody has asked for at its end was typed ahead."""
        with _console_keys(self._keys) if sys.platform == "win32" else _terminal_keys(self._keys):
            try:
                yield
            finally:
                while not self._keys.empty():
                    self._typed_ahead += self._keys.get_nowait()

    async def quiet(self) -> None:
        """Wait until nobody is typing."""
        while (keys := await self._within(QUIET_S)) is not None:
            self._typed_ahead += keys

    async def key(self) -> str:
        """Wait for a key and return its character, ``ESCAPE`` and ``END`` (Ctrl-D) among them."""
        while True:
            keys = await self._keys.get()
            if keys == ESCAPE and await self._within(ESCAPE_S) is not None:
                continue
            if len(keys) == 1:
                return keys

    async def _within(self, seconds: float) -> str | None:
        try:
            async with asyncio.timeout(seconds):
                return await self._keys.get()
        except TimeoutError:
            return None


@contextlib.contextmanager
def _terminal_keys(keys: asyncio.Queue[str]) -> Iterator[None]:
    """Put what is pressed into ``keys``, unechoed, as it comes: a key at a time, a paste at once."""
    import termios

    loop, terminal = asyncio.get_running_loop(), sys.stdin.fileno()
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def read() -> None:
        if text := decoder.decode(os.read(terminal, READ_BYTES)):
            keys.put_nowait(text)

    before = termios.tcgetattr(terminal)
    single = termios.tcgetattr(terminal)
    single[3] &= ~(termios.ECHO | termios.ICANON)
    single[6][termios.VMIN], single[6][termios.VTIME] = 1, 0
    termios.tcsetattr(terminal, termios.TCSANOW, single)
    loop.add_reader(terminal, read)
    try:
        yield
    finally:
        loop.remove_reader(terminal)
        termios.tcsetattr(terminal, termios.TCSANOW, before)


@contextlib.contextmanager
def _console_keys(keys: asyncio.Queue[str]) -> Iterator[None]:
    """Do the same on a Windows console."""
    polling = asyncio.ensure_future(_poll_console(keys))
    try:
        yield
    finally:
        polling.cancel()


async def _poll_console(keys: asyncio.Queue[str]) -> None:
    if sys.platform == "win32":
        import msvcrt

        while True:
            pressed = ""
            while msvcrt.kbhit():
                pressed += msvcrt.getwch()
            if pressed:
                keys.put_nowait(pressed)
            await asyncio.sleep(CONSOLE_POLL_S)
