"""A turn on the screen: what it says, what it does meanwhile, how it ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from meerkat_rpc.chat.follow import follow
from meerkat_rpc.chat.interrupts import quiet_keyboard
from meerkat_rpc.chat.text import one_line
from meerkat_rpc.client import ClientError, Event, RpcError, Turn, TurnInterrupted, TurnText

if TYPE_CHECKING:
    from meerkat_rpc.chat.screen import Screen
    from meerkat_rpc.client.results import RunResult

ARGS_CHARS = 120
"""How much of a tool call's arguments is shown."""


async def show_turn(turn: Turn, screen: Screen) -> bool:
    """Show the turn to its end. Ctrl-C stops it. Returns whether it was accepted.

    Raises:
        ClientError: it was not accepted, or the server is gone.
    """
    view = TurnView(screen)
    try:
        with quiet_keyboard():
            ended = await follow(turn, view.show)
    finally:
        view.close()
    if not ended:
        screen.note("not waiting any longer")
        return view.accepted
    return await _show_end(turn, view, screen)


async def _show_end(turn: Turn, view: TurnView, screen: Screen) -> bool:
    try:
        result = await turn.result()
    except TurnInterrupted:
        screen.note("stopped")
    except RpcError as error:
        if not view.accepted:
            raise
        screen.error(error.message)
    else:
        screen.note(view.summary(result))
    return view.accepted


class TurnView:
    """Turns events into what is seen."""

    def __init__(self, screen: Screen) -> None:
        self.accepted = False
        self._screen = screen
        self._text = TurnText()
        self._began = time.monotonic()
        self._stream = screen.stream()
        self._stream.wait("…")

    def show(self, event: Event) -> None:
        """Show ``event``, if it is of a kind that a person wants to see."""
        self.accepted = True
        if text := self._text.added(event):
            self._stream.add(text)
        if event.type == "text_complete":
            self._break()
        elif note := _NOTES.get(event.type):
            self._break()
            self._screen.note(one_line(note(event)))

    def close(self) -> None:
        """Draw what is left of the answer."""
        self._stream.end()

    def summary(self, result: RunResult) -> str:
        """Return the line below an answer."""
        tokens = result["turn_usage"]["output_tokens"]
        cut = ", cut at max_tokens" if result["stop_reason"] == "max_tokens" else ""
        return f"{tokens} token{'' if tokens == 1 else 's'}, {time.monotonic() - self._began:.1f} s{cut}"

    def _break(self) -> None:
        """End this text; whatever comes next begins a new one."""
        self._stream.end()
        self._stream = self._screen.stream()


def _args(args: Any) -> str:
    text = json.dumps(args, ensure_ascii=False)
    return text if len(text) <= ARGS_CHARS else text[: ARGS_CHARS - 1] + "…"


def _tool_end(event: Event) -> str:
    return f"{'✗' if event['is_error'] else '✓'} {event['name']}, {event['duration_ms']} ms"


_NOTES: Mapping[str, Callable[[Event], str]] = {
    "reasoning_complete": lambda event: str(event["content"]),
    "tool_call_requested": lambda event: f"→ {event['name']} {_args(event['args'])}",
    "tool_execution_completed": _tool_end,
    "tool_execution_timed_out": lambda event: f"✗ {event['name']}: no answer in time",
    "retrying": lambda event: f"{event['error']}: trying again ({event['attempt']})",
    "compaction_started": lambda _: "summarising what was said so far",
}
"""What is told of a turn beside its text."""


def describe(error: ClientError) -> str:
    """Return what to tell a person about ``error``."""
    return error.message if isinstance(error, RpcError) else str(error)
