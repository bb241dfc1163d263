"""What an error tells programs."""

from __future__ import annotations

from meerkat_rpc.wire.types.marks import Count, Uuid, message
from meerkat_rpc.wire.types.results import Usage


@message
class TurnOwner:
    """The process that runs a session's turn, when it is another than the one asked."""

    process_id: str
    pid: int
    host: str


@message
class ErrorData:
    """What an error tells programs. ``code`` is always there, everything else where it applies.

    ``owner`` comes with SESSION_BUSY; ``text`` and ``usage`` (what the turn had said and used) with TURN_CANCELLED and
    STORE_ERROR, which names a damaged ``row``; ``active`` and ``max`` with CAPACITY_EXHAUSTED; ``limit``, in bytes,
    with a message that is too large; ``generation``, the present one, when an expected one is stale; ``error_id``, to
    be looked for in the log, with INTERNAL_ERROR. ``budget_type``, ``used`` and ``limit`` come with BUDGET_EXHAUSTED;
    ``provider`` and ``status`` (HTTP's) with PROVIDER_ERROR.
    """

    code: str
    session_id: Uuid | None = None
    turn_id: Uuid | None = None
    owner: TurnOwner | None = None
    text: str | None = None
    usage: Usage | None = None
    active: Count | None = None
    max: Count | None = None
    limit: Count | None = None
    row: str | None = None
    generation: Count | None = None
    error_id: str | None = None
    budget_type: str | None = None
    used: Count | None = None
    provider: str | None = None
    status: Count | None = None
    approval_id: str | None = None
