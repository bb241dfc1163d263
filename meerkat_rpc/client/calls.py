"""The methods of the contract as typed Python methods: one short function each, no logic.

Answers are the decoded JSON itself (``results.py`` names the shapes). Each call raises what ``errors.py`` draws.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from meerkat_rpc.ids import new_id

if TYPE_CHECKING:
    from typing import Unpack

    from meerkat_rpc.client import results


class Calls(ABC):
    """Everything that is one request and one answer."""

    @abstractmethod
    async def request(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Call any method by name and return its result."""

    # -- sessions ----------------------------------------------------------------------------------------------

    async def create(
        self,
        *,
        title: str | None = None,
        labels: Mapping[str, str] | None = None,
        cwd: str | None = None,
        session_id: str | None = None,
        **settings: Unpack[results.AgentSettings],
    ) -> str:
        """Create a session without a turn and return its id. ``start`` creates one with its first turn.

        ``session_id`` may be the caller's own UUID: a repeat finds the session instead of making another.
        """
        params = given(title=title, labels=labels, cwd=cwd, session_id=session_id or new_id(), **settings)
        answer = await self.request("session/create", {"initial_turn": "deferred", **params})
        return cast(str, answer["session_id"])

    async def list(
        self,
        *,
        limit: int | None = None,
        offset: int | None = None,
        cursor: str | None = None,
        labels: Mapping[str, str] | None = None,
        cwd: str | None = None,
        archived: bool | None = None,
        query: str | None = None,
    ) -> results.SessionListResult:
        """Return a page of sessions, newest first; pass its ``next_cursor`` to go on."""
        params = given(
            limit=limit, offset=offset, cursor=cursor, labels=labels, cwd=cwd, archived=archived, query=query
        )
        return cast("results.SessionListResult", await self.request("session/list", params))

    async def sessions(
        self,
        *,
        labels: Mapping[str, str] | None = None,
        cwd: str | None = None,
        archived: bool | None = None,
        query: str | None = None,
    ) -> AsyncIterator[results.SessionSummary]:
        """Iterate over all matching sessions, newest first, a page at a time."""
        cursor: str | None = None
        while True:
            page = await self.list(cursor=cursor, labels=labels, cwd=cwd, archived=archived, query=query)
            for summary in page["sessions"]:
                yield summary
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    async def read(self, session_id: str) -> results.SessionView:
        """Return one session; archived ones too."""
        return cast("results.SessionView", await self.request("session/read", {"session_id": session_id}))

    async def history(
        self, session_id: str, *, offset: int | None = None, limit: int | None = None
    ) -> results.SessionHistoryResult:
        """Return a page of the committed messages, oldest first."""
        params = given(session_id=session_id, offset=offset, limit=limit)
        return cast("results.SessionHistoryResult", await self.request("session/history", params))

    async def messages(self, session_id: str, *, offset: int = 0) -> AsyncIterator[results.Message]:
        """Iterate over the committed messages from ``offset`` on, a page at a time."""
        while True:
            page = await self.history(session_id, offset=offset)
            for message in page["messages"]:
                yield message
            if not page["has_more"]:
                return
            offset += len(page["messages"])

    async def archive(self, session_id: str) -> None:
        """Put a session away, after its running turn; its history stays readable."""
        await self.request("session/archive", {"session_id": session_id})

    async def unarchive(self, session_id: str) -> None:
        """Take an archived session back."""
        await self.request("session/unarchive", {"session_id": session_id})

    async def delete(self, session_id: str) -> None:
        """Interrupt what runs and remove every trace of the session."""
        await self.request("session/delete", {"session_id": session_id})

    async def update(
        self, session_id: str, *, title: str | None = None, labels: Mapping[str, str] | None = None
    ) -> results.SessionView:
        """Set the title, replace the labels, or both."""
        params = given(session_id=session_id, title=title, labels=labels)
        return cast("results.SessionView", await self.request("session/update", params))

    async def fork_at(self, session_id: str, message_index: int) -> str:
        """Copy the first ``message_index`` messages into a new session and return its id."""
        answer = await self.request("session/fork_at", {"session_id": session_id, "message_index": message_index})
        return cast(str, answer["session_id"])

    async def export(self, session_id: str, format: Literal["json", "markdown", "jsonl"] = "markdown") -> str:
        """Render a session for people or programs."""
        answer = await self.request("session/export", {"session_id": session_id, "format": format})
        return cast(str, answer["content"])

    # -- turns and events --------------------------------------------------------------------------------------

    async def interrupt(self, session_id: str, turn_id: str | None = None) -> bool:
        """Stop the running turn now; with ``turn_id``, that turn only. False when there was nothing to stop."""
        answer = await self.request("turn/interrupt", given(session_id=session_id, turn_id=turn_id))
        return cast(bool, answer["interrupted"])

    async def latest_cursor(self, session_id: str) -> str:
        """Return where the session's event log ends now."""
        answer = await self.request("events/latest_cursor", {"scope": _scope(session_id)})
        return cast(str, answer["cursor"])

    async def list_since(
        self, session_id: str, cursor: str | None = None, *, limit: int | None = None
    ) -> results.ListSinceResult:
        """Return a page of the session's event log after ``cursor``, or from its beginning."""
        params = given(scope=_scope(session_id), cursor=cursor, limit=limit)
        return cast("results.ListSinceResult", await self.request("events/list_since", params))

    # -- the server --------------------------------------------------------------------------------------------

    async def capabilities(self) -> results.CapabilitiesResult:
        """Return what is on, what is off, and how to turn it on."""
        return cast("results.CapabilitiesResult", await self.request("capabilities/get"))

    async def models(self) -> results.ModelsCatalogResult:
        """Return the models that sessions can run on."""
        return cast("results.ModelsCatalogResult", await self.request("models/catalog"))

    async def health(self) -> results.HealthResult:
        """Return figures about the running server."""
        return cast("results.HealthResult", await self.request("runtime/health"))

    async def config_get(self) -> results.ConfigResult:
        """Return the configuration; secrets are never shown."""
        return cast("results.ConfigResult", await self.request("config/get"))

    async def config_set(
        self, config: Mapping[str, Any], *, expected_generation: int | None = None
    ) -> results.ConfigResult:
        """Replace the configuration; refused when ``expected_generation`` is given and stale."""
        params = given(config=config, expected_generation=expected_generation)
        return cast("results.ConfigResult", await self.request("config/set", params))

    async def config_patch(
        self, patch: Mapping[str, Any], *, expected_generation: int | None = None
    ) -> results.ConfigResult:
        """Change the configuration by a merge patch (RFC 7396): ``None`` removes a key."""
        params = given(patch=patch, expected_generation=expected_generation)
        return cast("results.ConfigResult", await self.request("config/patch", params))

    async def shutdown(self) -> None:
        """Interrupt running turns, save them, and have the server wait for its end. ``Client.close`` does the rest."""
        await self.request("shutdown")


def given(**params: Any) -> dict[str, Any]:
    """Return the parameters that were given a value."""
    return {name: value for name, value in params.items() if value is not None}


def _scope(session_id: str) -> dict[str, str]:
    return {"type": "session", "session_id": session_id}
