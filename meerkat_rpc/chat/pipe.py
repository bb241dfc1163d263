"""The chat in a pipe: one prompt in, the plain answer out."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from meerkat_rpc.chat import approvals
from meerkat_rpc.chat.follow import Following

if TYPE_CHECKING:
    from meerkat_rpc.client import Client, Event, Turn
    from meerkat_rpc.client.results import PendingApproval

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""

WAITING = 3
"""The exit code where the turn waits for a person: neither success nor failure. 2 is a wrong command line's."""


async def print_answer(turn: Turn, client: Client, allow: Sequence[str] = ()) -> int:
    """Write the answer to stdout as it comes and return the exit code.

    What the turn asks and ``allow`` does not cover is left waiting, for there is nobody to ask; stderr tells of it.

    Raises:
        ClientError: the turn failed.
    """
    from meerkat_rpc.client import TurnInterrupted

    following = Following(turn)
    out = _Out(_Gate(client, turn, following, allow))
    try:
        ended = await following.run(out.show)
        if out.gate.waits is not None:
            out.end()
            return await _leave_waiting(out.gate.waits, turn, client)
        if not ended:
            return INTERRUPTED
        await turn.result()
        out.end()
    except BrokenPipeError:
        await turn.interrupt()
        _forget_stdout()
        return 1
    except TurnInterrupted:
        return INTERRUPTED
    finally:
        await out.gate.close()
    return 0


class _Gate:
    """Answers what may be answered without a person; stops at what may not."""

    def __init__(self, client: Client, turn: Turn, following: Following, allow: Sequence[str]) -> None:
        self.waits: PendingApproval | None = None
        self._client = client
        self._turn = turn
        self._following = following
        self._allow = allow
        self._tasks: set[asyncio.Task[None]] = set()

    def asked(self, approval_id: str) -> None:
        """Take a question."""
        task = asyncio.ensure_future(self._answer(approval_id))
        self._tasks.add(task)

    async def close(self) -> None:
        """Answer no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answer(self, approval_id: str) -> None:
        question = await approvals.find(self._client, self._turn.session_id, approval_id)
        if question is None:
            return
        if approvals.covering(self._allow, question) is not None:
            await self._client.respond(approval_id, question["choices"][0])
        else:
            self.waits = self.waits or question
            self._following.give_up()


async def _leave_waiting(question: PendingApproval, turn: Turn, client: Client) -> int:
    from meerkat_rpc.chat.text import one_line, revealed

    said = [f"meerkat-rpc: the turn asks: {one_line(revealed(question['summary']))}"]
    store = client.server["store"]
    if "path" in store:
        said.append(f"to answer: meerkat-rpc chat --store {shlex.quote(store['path'])} --session {turn.session_id}")
    else:
        said.append("there is nobody to answer, and with --ephemeral nobody later: the turn was stopped")
        await turn.interrupt()
    if (rule := question.get("rule")) is not None:
        said.append(f"to allow it beforehand: --allow {shlex.quote(revealed(rule))}")
    print("\n".join(said), file=sys.stderr)
    return WAITING


class _Out:
    """Stdout, written as the text comes."""

    def __init__(self, gate: _Gate) -> None:
        from meerkat_rpc.client import TurnText

        self.gate = gate
        self._last = "\n"
        self._text = TurnText()

    def show(self, event: Event) -> None:
        if text := self._text.added(event):
            self._write(text)
        if event.type == "approval_requested":
            self.gate.asked(event["approval_id"])

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
