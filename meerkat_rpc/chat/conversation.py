"""The session that is being talked in, and the ways to another one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from meerkat_rpc.chat.attaching import Attached, content
from meerkat_rpc.chat.waiting import WaitingTurn
from meerkat_rpc.client import Client, Turn

if TYPE_CHECKING:
    from meerkat_rpc.client.results import AgentSettings, Message, SessionSummary, SessionView

LISTED = 20
"""Sessions that a list shows: a screenful."""

TAIL = 6
"""Messages shown of a session that is taken up again."""


class Conversation:
    """What the next prompt goes to. A session is made by its first prompt, so looking around leaves nothing behind.

    ``model``: that of new sessions. ``waiting``: the turn of the session that was just taken up, if it waits for an
    answer.
    """

    def __init__(self, client: Client, title: str | None = None, model: str | None = None) -> None:
        self.client = client
        self.session_id: str | None = None
        self.title = title
        self.model = model
        self.cwd = os.getcwd()
        self.listed: Sequence[SessionSummary] = ()
        self.waiting: WaitingTurn | None = None
        self._override: str | None = None

    def ask(self, prompt: str, files: Sequence[Attached] = ()) -> Turn:
        """Start a turn, in a new session when there is none."""
        sent = content(prompt, files)
        if self.session_id is None:
            return self.client.start(sent, title=self.title, cwd=self.cwd, **_model(self.model))
        return self.client.turn(self.session_id, sent, **_model(self._override))

    async def opened(self) -> str:
        """Return the session's id; of a new one when there is none."""
        if self.session_id is None:
            self.session_id = await self.client.create(title=self.title, cwd=self.cwd, **_model(self.model))
        return self.session_id

    async def choose(self, model: str) -> None:
        """Let the rest of the session, and new ones, run on ``model``."""
        if self.session_id is not None:
            await self.client.update(self.session_id, model=model)
        self.model, self._override = model, None

    def override(self, model: str | None) -> None:
        """Let turns of the session run on ``model`` without changing the session; None for its own."""
        self._override = model

    def leave(self) -> None:
        """Let the next prompt begin a new session."""
        self.session_id = self.title = self._override = None

    async def refresh(self) -> int:
        """Read the newest sessions into ``listed`` and return how many there are in all."""
        page = await self.client.list(limit=LISTED)
        self.listed = page["sessions"]
        return page["total"]

    async def resume(self, wanted: str | None) -> tuple[SessionView, Sequence[Message]]:
        """Take up a session: its number in the last list, its id, its id's beginning, or None for the newest.

        Returns the session and its last messages.

        Raises:
            LookupError: there is no such session, or there are several; with a sentence for the person.
            ClientError: the server says so.
        """
        session_id = await self._find(wanted)
        view = await self.client.read(session_id)
        page = await self.client.history(session_id, latest=True, limit=TAIL)
        self.session_id, self.title, self._override = view["session_id"], view["title"], None
        self.waiting = self._waiting_in(view)
        return view, page["messages"]

    def _waiting_in(self, view: SessionView) -> WaitingTurn | None:
        approvals, turn_id = view.get("approvals"), view.get("running_turn_id")
        return WaitingTurn(self.client, view["session_id"], turn_id, approvals) if approvals and turn_id else None

    async def _find(self, wanted: str | None) -> str:
        if not self.listed:
            await self.refresh()
        if wanted is None:
            if not self.listed:
                raise LookupError("there is no session yet")
            return self.listed[0]["session_id"]
        if wanted.isdigit() and wanted[0] != "0" and int(wanted) <= len(self.listed):  # ids begin with a zero
            return self.listed[int(wanted) - 1]["session_id"]
        return await self._find_by_id(wanted)

    async def _find_by_id(self, wanted: str) -> str:
        digits = wanted.replace("-", "").lower()
        ids = [session["session_id"] async for session in self.client.sessions()]
        found = [session_id for session_id in ids if session_id.replace("-", "").startswith(digits)]
        if len(found) != 1:
            many = "no session is" if not found else f"{len(found)} sessions are"
            raise LookupError(f"{many} called {wanted}, by number or by the beginning of its id")
        return found[0]


def _model(model: str | None) -> AgentSettings:
    return {"model": model} if model is not None else {}
