"""The methods of the contract as typed Python methods: one short function each, no logic.

Answers are the decoded JSON itself (``results.py`` names the shapes). Each call raises what ``errors.py`` draws.
"""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from meerkat_rpc.ids import new_id

if TYPE_CHECKING:
    from typing import Unpack

    from meerkat_rpc.client import results
    from meerkat_rpc.client.blocks import Prompt


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
        self,
        session_id: str,
        *,
        offset: int | None = None,
        limit: int | None = None,
        latest: bool | None = None,
        before: int | None = None,
    ) -> results.SessionHistoryResult:
        """Return a page of the committed messages, oldest first: from ``offset`` on, the ``latest``, or those just
        ``before`` an index.

        A stream opened from ``next_seq`` goes on where the messages end.
        """
        params = given(session_id=session_id, offset=offset, limit=limit, latest=latest, before=before)
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
        self,
        session_id: str,
        *,
        title: str | None = None,
        labels: Mapping[str, str] | None = None,
        **settings: Unpack[results.AgentSettings],
    ) -> results.SessionView:
        """Set the title, replace the labels, change the agent's settings from the next turn on."""
        params = given(session_id=session_id, title=title, labels=labels, **settings)
        return cast("results.SessionView", await self.request("session/update", params))

    async def fork_at(self, session_id: str, message_index: int) -> str:
        """Copy the first ``message_index`` messages into a new session and return its id."""
        answer = await self.request("session/fork_at", {"session_id": session_id, "message_index": message_index})
        return cast(str, answer["session_id"])

    async def export(self, session_id: str, format: Literal["json", "markdown", "jsonl"] = "markdown") -> str:
        """Render a session for people or programs."""
        answer = await self.request("session/export", {"session_id": session_id, "format": format})
        return cast(str, answer["content"])

    async def inject_context(self, session_id: str, content: Prompt) -> results.InjectContextResult:
        """Add to the history what the model is to know, without a turn."""
        params = {"session_id": session_id, "content": content}
        return cast("results.InjectContextResult", await self.request("session/inject_context", params))

    async def compact(self, session_id: str) -> results.SessionCompactResult:
        """Summarise the older part of the history."""
        answer = await self.request("session/compact", {"session_id": session_id})
        return cast("results.SessionCompactResult", answer)

    async def blob(self, digest: str) -> bytes:
        """Return the content of an attachment."""
        answer = cast("results.BlobGetResult", await self.request("blob/get", {"digest": digest}))
        return base64.b64decode(answer["data"])

    # -- turns and events --------------------------------------------------------------------------------------

    async def interrupt(self, session_id: str, turn_id: str | None = None) -> bool:
        """Stop the running turn now; with ``turn_id``, that turn only. False when there was nothing to stop."""
        answer = await self.request("turn/interrupt", given(session_id=session_id, turn_id=turn_id))
        return cast(bool, answer["interrupted"])

    async def steer(
        self, session_id: str, prompt: Prompt, *, expected_turn_id: str | None = None, turn_id: str | None = None
    ) -> results.TurnQueued:
        """Add to the running turn, for its next model call; with ``expected_turn_id``, to that turn only."""
        params = given(
            session_id=session_id, prompt=prompt, expected_turn_id=expected_turn_id, turn_id=turn_id or new_id()
        )
        return cast("results.TurnQueued", await self.request("turn/steer", params))

    async def enqueue(
        self, session_id: str, prompt: Prompt, *, turn_id: str | None = None, **settings: Unpack[results.AgentSettings]
    ) -> results.TurnQueued:
        """Start a turn when the running one ends; at once when none is running. ``events`` shows it, under the id that
        this returns."""
        params = given(session_id=session_id, prompt=prompt, turn_id=turn_id or new_id(), **settings)
        return cast("results.TurnQueued", await self.request("turn/enqueue", params))

    async def dequeue(self, session_id: str, turn_id: str) -> bool:
        """Take back a prompt that waits. False when it does not, or no more."""
        answer = await self.request("turn/dequeue", {"session_id": session_id, "turn_id": turn_id})
        return cast(bool, answer["removed"])

    async def approvals(self, session_id: str | None = None) -> Sequence[results.PendingApproval]:
        """Return the questions that wait for an answer, the oldest first."""
        answer = await self.request("approval/list", given(session_id=session_id))
        return cast("Sequence[results.PendingApproval]", answer["approvals"])

    async def respond(
        self, approval_id: str, choice: str, *, remember: Literal["once", "session", "always"] = "once"
    ) -> str:
        """Answer a question with one of its choices; return the choice that stands: an earlier one, perhaps."""
        params = {"approval_id": approval_id, "choice": choice, "remember": remember}
        return cast(str, (await self.request("approval/respond", params))["choice"])

    async def tools(self, session_id: str | None = None) -> Sequence[results.Tool]:
        """Return the tools that there are; with ``session_id``, those of its turns."""
        answer = await self.request("tools/list", given(session_id=session_id))
        return cast("Sequence[results.Tool]", answer["tools"])

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

    async def config_get(self, *, project: str | None = None) -> results.ConfigResult:
        """Return the configuration, the user's or that of the ``project`` in a folder; secrets are never shown."""
        return cast("results.ConfigResult", await self.request("config/get", given(project=project)))

    async def config_set(
        self, config: Mapping[str, Any], *, expected_generation: int | None = None, project: str | None = None
    ) -> results.ConfigResult:
        """Replace the configuration; refused when ``expected_generation`` is given and stale."""
        params = given(config=config, expected_generation=expected_generation, project=project)
        return cast("results.ConfigResult", await self.request("config/set", params))

    async def config_patch(
        self, patch: Mapping[str, Any], *, expected_generation: int | None = None, project: str | None = None
    ) -> results.ConfigResult:
        """Change the configuration by a merge patch (RFC 7396): ``None`` removes a key."""
        params = given(patch=patch, expected_generation=expected_generation, project=project)
        return cast("results.ConfigResult", await self.request("config/patch", params))

    async def mcp_servers(self) -> Sequence[results.McpServer]:
        """Return the MCP servers and how they are."""
        return cast("Sequence[results.McpServer]", (await self.request("mcp/list"))["servers"])

    async def mcp_add(  # noqa: PLR0913 - a server has that many settings
        self,
        name: str,
        *,
        command: str | None = None,
        args: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        url: str | None = None,
        headers: Mapping[str, str] | None = None,
        requires_approval: bool = True,
        timeout_s: int | None = None,
        persist: bool = True,
    ) -> Sequence[results.McpServer]:
        """Add an MCP server: a command that speaks over stdio, or a URL; return all. ``persist``: in the configuration
        file, else until the server program ends."""
        about = given(command=command, args=args, env=env, cwd=cwd, url=url, headers=headers, timeout=timeout_s)
        params = {"name": name, "requires_approval": requires_approval, "persist": persist, **about}
        return cast("Sequence[results.McpServer]", (await self.request("mcp/add", params))["servers"])

    async def mcp_remove(self, name: str) -> bool:
        """Remove an MCP server. False when there is none of that name."""
        return cast(bool, (await self.request("mcp/remove", {"name": name}))["removed"])

    async def mcp_reload(self, name: str | None = None) -> Sequence[results.McpServer]:
        """Start an MCP server anew, or all of them."""
        return cast("Sequence[results.McpServer]", (await self.request("mcp/reload", given(name=name)))["servers"])

    async def shutdown(self) -> None:
        """Interrupt running turns, save them, and have the server wait for its end. ``Client.close`` does the rest."""
        await self.request("shutdown")


def given(**params: Any) -> dict[str, Any]:
    """Return the parameters that were given a value."""
    return {name: value for name, value in params.items() if value is not None}


def _scope(session_id: str) -> dict[str, str]:
    return {"type": "session", "session_id": session_id}
