"""What turns ask a person: finding a question, and what of it needs no asking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from meerkat_rpc.client import Client
    from meerkat_rpc.client.results import PendingApproval

Remember = Literal["once", "session", "always"]


async def find(client: Client, session_id: str, approval_id: str) -> PendingApproval | None:
    """Return the question; None when it has been answered, or its turn is over.

    Raises:
        ClientError: the server says so, or is gone.
    """
    waiting = await client.approvals(session_id)
    return next((question for question in waiting if question["approval_id"] == approval_id), None)


def covering(rules: Sequence[str], question: PendingApproval) -> str | None:
    """Return the first of ``rules`` that allows what is asked; None when a person has to."""
    from meerkat_rpc.tools.base import covers

    wanted = question.get("rule")
    return None if wanted is None else next((rule for rule in rules if covers(rule, wanted)), None)
