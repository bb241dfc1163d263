"""A turn on the screen: what it says, what it does meanwhile, what it asks, how it ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

from meerkat_rpc.chat.details import changed
from meerkat_rpc.chat.follow import Followed, Following
from meerkat_rpc.chat.interrupts import quiet_keyboard
from meerkat_rpc.chat.notes import note
from meerkat_rpc.chat.text import one_line
from meerkat_rpc.client import ClientError, Event, RpcError, TurnInterrupted, TurnText

if TYPE_CHECKING:
    from meerkat_rpc.chat.questions import Questions
    from meerkat_rpc.chat.screen import Screen


class ShownTurn(Followed, Protocol):
    """A turn whose end can be asked for."""

    async def result(self) -> Any:
        """Wait for the end; raise what it failed with."""
        ...


async def show_turn(turn: ShownTurn, screen: Screen, questions: Questions) -> bool:
    """Show the turn to its end. Ctrl-C stops it. Returns whether it was accepted.

    Raises:
        ClientError: it was not accepted, or the server is gone.
    """
    view, following = TurnView(screen, questions), Following(turn)
    questions.give_up = following.give_up
    try:
        with quiet_keyboard():
            try:
                ended = await following.run(view.show)
            finally:
                await questions.close()
    finally:
        view.close()
    if not ended:
        screen.note("it goes on waiting for its answer" if questions.person_left else "not waiting any longer")
        return view.accepted
    return await _show_end(turn, view, screen)


async def _show_end(turn: ShownTurn, view: TurnView, screen: Screen) -> bool:
    try:
        await turn.result()
    except TurnInterrupted:
        screen.note("stopped")
    except RpcError as error:
        if not view.accepted:
            raise
        screen.error(error.message)
    else:
        screen.note(view.summary())
    return view.accepted


class TurnView:
    """Turns events into what is seen."""

    def __init__(self, screen: Screen, questions: Questions) -> None:
        self.accepted = False
        self._screen = screen
        self._questions = questions
        self._text = TurnText()
        self._began = time.monotonic()
        self._tokens = 0
        self._stop_reason = ""
        self._stream = screen.stream()
        self._stream.wait("…")

    def show(self, event: Event) -> None:
        """Show ``event``, if it is of a kind that a person wants to see."""
        self.accepted = True
        if text := self._text.added(event):
            self._stream.add(text)
        match event.type:
            case "text_complete":
                self._break()
            case "approval_requested":
                self._questions.asked(event["approval_id"], self._break)
            case "approval_resolved":
                self._questions.resolved(event)
            case "turn_completed":
                self._tokens += event["usage"]["output_tokens"]
                self._stop_reason = event["stop_reason"]
            case _:
                self._tell(event)

    def close(self) -> None:
        """Draw what is left of the answer."""
        self._stream.end()

    def summary(self) -> str:
        """Return the line below an answer."""
        tokens = self._tokens
        cut = ", cut at max_tokens" if self._stop_reason == "max_tokens" else ""
        return f"{tokens} token{'' if tokens == 1 else 's'}, {time.monotonic() - self._began:.1f} s{cut}"

    def _tell(self, event: Event) -> None:
        """Write the line that tells of ``event``, and below it what a tool has changed, unless that was just seen."""
        if (told := note(event)) is None:
            return
        self._break()
        self._screen.note(one_line(told))
        if event.type == "tool_execution_completed" and event["id"] not in self._questions.seen_calls:
            self._screen.lines(changed(event["result"]))

    def _break(self) -> None:
        """End this text; whatever comes next begins a new one."""
        self._stream.end()
        self._stream = self._screen.stream()


def describe(error: ClientError) -> str:
    """Return what to tell a person about ``error``."""
    return error.message if isinstance(error, RpcError) else str(error)
