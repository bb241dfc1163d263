"""``approval/respond`` and ``approval/list``."""

from __future__ import annotations

from collections.abc import Mapping

from meerkat_rpc.rpc import mapping
from meerkat_rpc.rpc.handlers.table import handlers
from meerkat_rpc.rpc.opening import Opening
from meerkat_rpc.rpc.protocol import Handler
from meerkat_rpc.wire import types as wire


class ApprovalMethods:
    """Handlers of what turns ask people."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening

    def table(self) -> Mapping[str, Handler]:
        """Return the handlers by method."""
        return handlers({"approval/respond": self.respond, "approval/list": self.list})

    async def respond(self, params: wire.ApprovalRespondParams) -> wire.ApprovalRespondResult:
        """Answer a question."""
        service = await self._opening.service()
        approval = await service.respond(params.approval_id, params.choice, params.remember)
        return mapping.approval_answer(approval)

    async def list(self, params: wire.ApprovalListParams) -> wire.ApprovalListResult:
        """List what waits."""
        found = await (await self._opening.service()).waiting(params.session_id)
        return wire.ApprovalListResult([mapping.pending_approval(item) for item in found])
