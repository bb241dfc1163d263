"""What turns ask people."""

from __future__ import annotations

from typing import Literal

from meerkat_rpc.wire.types.marks import JSON, Count, Uuid, message


@message
class ApprovalRespondParams:
    """The answer to a question: one of its ``choices``.

    ``remember``: "session" and "always" keep what was allowed, for the session or as a rule in the configuration
    (``approvals.allow``). Only the first choice of a tool's call can be remembered.
    """

    approval_id: str
    choice: str
    remember: Literal["once", "session", "always"] = "once"


@message
class ApprovalRespondResult:
    """The answer that stands: an earlier one, if somebody was faster."""

    approval_id: str
    session_id: Uuid
    choice: str


@message
class ApprovalListParams:
    """Without ``session_id``, of every session."""

    session_id: Uuid | None = None


@message
class PendingApproval:
    """A question that waits. ``rule`` is what an answer that is remembered would allow."""

    approval_id: str
    session_id: Uuid
    turn_id: Uuid
    kind: str
    summary: str
    details: JSON
    choices: list[str]
    timestamp_ms: Count
    rule: str | None = None


@message
class ApprovalListResult:
    """What waits, the oldest first."""

    approvals: list[PendingApproval]
