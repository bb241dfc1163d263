"""What turns ask a person: finding a question, answering it, and what of it needs no asking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

if TYPE_CHECKING:
    from meerkat_rpc.client import Client

Remember = Literal["once", "session", "always"]


class Question(TypedDict):
    """A question that waits, as ``approval/list`` gives it. ``rule``: what an answer that is remembered allows."""

    approval_id: str
    session_id: str
    turn_id: str
    kind: str
    summary: str
    details: Any
    choices: list[str]
    rule: str | None


async def find(client: Client, session_id: str, approval_id: str) -> Question | None:
    """Return the question; None when it has been answered, or its turn is over.

    Raises:
        ClientError: the server says so, or is gone.
    """
    waiting = await client.request("approval/list", {"session_id": session_id})
    for item in waiting["approvals"]:
        if item["approval_id"] == approval_id:
            return cast("Question", {"rule": None, **item})
    return None


async def respond(client: Client, question: Question, choice: str, remember: Remember = "once") -> str:
    """Answer and return the answer that stands: somebody may have been faster.

    Raises:
        ClientError: it can't be kept, or nobody asks any more.
    """
    answer = {"approval_id": question["approval_id"], "choice": choice, "remember": remember}
    return str((await client.request("approval/respond", answer))["choice"])


def covering(rules: Sequence[str], question: Question) -> str | None:
    """Return the first of ``rules`` that allows what is asked; None when a person has to."""
    from meerkat_rpc.tools.base import covers

    wanted = question["rule"]
    return None if wanted is None else next((rule for rule in rules if covers(rule, wanted)), None)
