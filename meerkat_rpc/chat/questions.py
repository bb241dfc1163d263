"""The questions of a turn, put to the person at the terminal: one after the other, each with one key to answer it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from meerkat_rpc.chat import approvals
from meerkat_rpc.chat.choices import Answer, keys_for
from meerkat_rpc.chat.details import call_id, described, shortened
from meerkat_rpc.chat.keyboard import END
from meerkat_rpc.chat.text import one_line, revealed
from meerkat_rpc.client import ClientError, InvalidParams, RpcError

if TYPE_CHECKING:
    from meerkat_rpc.chat.keyboard import Keyboard
    from meerkat_rpc.chat.screen import Screen
    from meerkat_rpc.client import Client, Event
    from meerkat_rpc.client.results import PendingApproval

WHOLE = "v"
"""The key that shows all of what was shortened."""


class Questions:
    """What one turn asks.

    Args:
        client: the way to answer.
        session_id: the turn's session.
        screen: where they are shown.
        keyboard: where the answers come from.
        allow: rules that need no asking in this chat.

    ``seen_calls`` are the tool calls whose details were shown. ``give_up`` is called when the person leaves without an
    answer, which ``person_left`` tells from then on: the turn goes on waiting.
    """

    def __init__(
        self, client: Client, session_id: str, screen: Screen, keyboard: Keyboard, allow: Sequence[str] = ()
    ) -> None:
        self.seen_calls: set[str] = set()
        self.give_up: Callable[[], None] = lambda: None
        self.person_left = False
        self._client = client
        self._session_id = session_id
        self._screen = screen
        self._keyboard = keyboard
        self._allow = allow
        self._known: set[str] = set()
        self._waiting: list[str] = []
        self._working: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None
        self._answered = False

    def asked(self, approval_id: str, pause: Callable[[], None]) -> None:
        """Take a question. ``pause`` is called before it is written: what was being written is to end there."""
        if approval_id in self._known:
            return
        self._known.add(approval_id)
        self._waiting.append(approval_id)
        if self._working is None or self._working.done():
            self._working = asyncio.ensure_future(self._work(pause))

    def resolved(self, event: Event) -> None:
        """Take note that a question was answered, here or elsewhere."""
        approval_id = event["approval_id"]
        self._known.add(approval_id)
        if self._waiting[:1] == [approval_id] and self._asking is not None:
            if not self._answered:
                self._screen.note(f"answered elsewhere: {one_line(str(event['choice']))}")
                self._asking.cancel()
        elif approval_id in self._waiting:
            self._waiting.remove(approval_id)

    async def close(self) -> None:
        """Ask no more: the turn is over, or nobody waits for it."""
        tasks = [task for task in (self._working, self._asking) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._working is not None and not self._working.cancelled():
            self._working.result()  # raises what was unexpected

    async def _work(self, pause: Callable[[], None]) -> None:
        while self._waiting:
            self._answered = False
            self._asking = asyncio.ensure_future(self._ask(self._waiting[0], pause))
            await asyncio.wait({self._asking})
            self._tell_failure(self._asking)
            self._waiting.pop(0)

    def _tell_failure(self, asking: asyncio.Task[None]) -> None:
        failure = None if asking.cancelled() else asking.exception()
        if isinstance(failure, ClientError):
            self._screen.error(one_line(str(failure)))
        elif failure is not None:
            raise failure

    async def _ask(self, approval_id: str, pause: Callable[[], None]) -> None:
        question = await approvals.find(self._client, self._session_id, approval_id)
        if question is None:
            return
        pause()
        if (rule := approvals.covering(self._allow, question)) is not None:
            self._answered = True
            await self._client.respond(approval_id, question["choices"][0])
            self._screen.note(f"{one_line(question['summary'])}: allowed by --allow {one_line(rule)}")
            return
        whole = self._show(question)
        with self._keyboard.listening():
            await self._keyboard.quiet()
            self._screen.say(keys_for(question).line + ("" if whole else f" · {WHOLE} show it all"))
            while not await self._take_key(question):
                pass

    def _show(self, question: PendingApproval) -> bool:
        """Write the question; return whether that was all of it."""
        self._screen.question(one_line(revealed(question["summary"])) or question["kind"])
        shown = shortened(described(question["details"]))
        self._screen.lines(shown.lines)
        if (call := call_id(question["details"])) is not None:
            self.seen_calls.add(call)
        return shown.whole

    async def _take_key(self, question: PendingApproval) -> bool:
        """Do as the next key says; return whether that ends the question."""
        key = (await self._keyboard.key()).lower()
        if key == END:
            self.person_left = True
            self.give_up()
            return True
        answer = keys_for(question).answers.get(key)
        if answer is not None:
            return await self._respond(question, answer)
        if key == WHOLE:
            self._screen.lines(described(question["details"]))
            self._screen.say(keys_for(question).line)
        return False

    async def _respond(self, question: PendingApproval, answer: Answer) -> bool:
        self._answered = True
        try:
            stands = await self._client.respond(question["approval_id"], answer.choice, remember=answer.remember)
        except InvalidParams:  # nobody asks any more
            self._screen.note("answered, or over, by now")
            return True
        except RpcError as error:  # it can't be remembered, perhaps; it can still be answered
            self._answered = False
            self._screen.error(error.message)
            return False
        self._screen.lines([Text(f"→ {answer.told if stands == answer.choice else f'answered already: {stands}'}")])
        return True
