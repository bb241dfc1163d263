"""The methods that read sessions and put them away."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.rpc import mapping
from meerkat_rpc.rpc.handlers.table import handlers
from meerkat_rpc.rpc.opening import Opening
from meerkat_rpc.rpc.protocol import Handler
from meerkat_rpc.sessions.service import ListQuery
from meerkat_rpc.wire import types as wire


class SessionMethods:
    """Handlers of ``session/*`` that run nothing."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening

    def table(self) -> Mapping[str, Handler]:
        """Return the handlers by method."""
        return handlers(
            {
                "session/list": self.list,
                "session/read": self.read,
                "session/history": self.history,
                "session/archive": self.archive,
                "session/unarchive": self.unarchive,
                "session/delete": self.delete,
                "session/update": self.update,
                "session/fork_at": self.fork_at,
                "session/compact": self.compact,
                "session/export": self.export,
            }
        )

    async def list(self, params: wire.SessionListParams) -> wire.SessionListResult:
        """List sessions."""
        query = ListQuery(
            limit=params.limit,
            offset=params.offset,
            after=None if params.cursor is None else mapping.list_place(params.cursor),
            labels=params.labels,
            cwd=params.cwd,
            archived=params.archived,
            query=params.query,
        )
        page = await (await self._opening.service()).list(query)
        return wire.SessionListResult(
            sessions=[mapping.summary(row) for row in page.sessions],
            total=page.total,
            next_cursor=None if page.next is None else mapping.list_cursor(page.next),
        )

    async def read(self, params: wire.SessionParams) -> wire.SessionView:
        """Read one session."""
        return mapping.session_view(await (await self._opening.service()).read(params.session_id))

    async def history(self, params: wire.SessionHistoryParams) -> wire.SessionHistoryResult:
        """Page through the messages, from either end."""
        if sum((params.offset is not None, params.latest, params.before is not None)) > 1:
            raise InvalidArgument("params: expected at most one of offset, latest and before")
        before = sys.maxsize if params.latest else params.before
        page = await (await self._opening.service()).history(
            params.session_id, params.offset or 0, params.limit, before
        )
        return wire.SessionHistoryResult(
            session_id=page.session_id,
            message_count=page.message_count,
            offset=page.offset,
            has_more=page.has_more,
            messages=[mapping.message(message) for message in page.messages],
            next_seq=page.next_seq,
            running_turn_id=page.running_turn_id,
            compaction=mapping.compaction(page.compaction),
        )

    async def archive(self, params: wire.SessionParams) -> wire.SessionArchiveResult:
        """Put a session away."""
        await (await self._opening.service()).archive(params.session_id)
        return wire.SessionArchiveResult(archived=True)

    async def unarchive(self, params: wire.SessionParams) -> wire.SessionUnarchiveResult:
        """Take a session back."""
        await (await self._opening.service()).unarchive(params.session_id)
        return wire.SessionUnarchiveResult(archived=False)

    async def delete(self, params: wire.SessionParams) -> wire.SessionDeleteResult:
        """Remove a session."""
        await (await self._opening.service()).delete(params.session_id)
        return wire.SessionDeleteResult(deleted=True)

    async def update(self, params: wire.SessionUpdateParams) -> wire.SessionView:
        """Change title, labels or settings."""
        service = await self._opening.service()
        config = mapping.agent_config(params)
        return mapping.session_view(await service.update(params.session_id, params.title, params.labels, config))

    async def compact(self, params: wire.SessionParams) -> wire.SessionCompactResult:
        """Summarise what is old."""
        done = await (await self._opening.service()).compact(params.session_id)
        return wire.SessionCompactResult(done.messages_before, done.messages_after, done.summary_tokens)

    async def fork_at(self, params: wire.SessionForkParams) -> wire.SessionForkResult:
        """Copy a session up to a message."""
        service = await self._opening.service()
        return wire.SessionForkResult(await service.fork(params.session_id, params.message_index))

    async def export(self, params: wire.SessionExportParams) -> wire.SessionExportResult:
        """Render a session."""
        from meerkat_rpc.export import export_session

        service = await self._opening.service()
        return wire.SessionExportResult(await export_session(service, params.session_id, params.format))
