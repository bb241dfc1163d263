"""The chat in a pipe: one prompt in, the plain answer out."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from meerkat_rpc.chat.follow import follow

if TYPE_CHECKING:
    from meerkat_rpc.client import Event, Turn

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


async def print_answer(turn: Turn) -> int:
    """Write the answer to stdout as it comes and return the exit code.

    Raises:
        ClientError: the turn failed.
    """
    from meerkat_rpc.client import TurnInterrupted

    out = _Out()
    try:
        if not await follow(turn, out.show):
            return INTERRUPTED
        await turn.result()
        out.end()
    except BrokenPipeError:
        await turn.interrupt()
        _forget_stdout()
        return 1
    except TurnInterrupted:
        return INTERRUPTED
    return 0


class _Out:
    """Stdout, written as the text comes."""

    def __init__(self) -> None:
        from meerkat_rpc.client import TurnText

        self._last = "\n"
        self._text = TurnText()

    def show(self, event: Event) -> None:
        if text := self._text.added(event):
            self._write(text)

    def end(self) -> None:
        """End the last line."""
        if not self._last.endswith("\n"):
            self._write("\n")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
        self._last = text or self._last


def read_prompt() -> str:
    """Return all of stdin, the last line end left away."""
    if sys.stdin.isatty():
        print("The prompt, then Ctrl-D:", file=sys.stderr)
    return sys.stdin.buffer.read().decode(errors="replace").removesuffix("\n")


def _forget_stdout() -> None:
    """Keep the interpreter from complaining, at its exit, that nobody reads stdout any more."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)
