"""Finding stored sessions for a command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from attrs import evolve

from meerkat_rpc.errors import InvalidArgument, SessionNotFound
from meerkat_rpc.ids import canonical_id
from meerkat_rpc.sessions.service import ListQuery, SessionService, SessionSummary

PAGE = 1000
"""Rows read at a time."""


async def list_sessions(service: SessionService, query: ListQuery) -> tuple[list[SessionSummary], int]:
    """Return the first ``query.limit`` sessions, however many, and how many match."""
    found: list[SessionSummary] = []
    while True:
        page = await service.list(evolve(query, limit=max(1, min(PAGE, query.limit - len(found)))))
        found += page.sessions
        if page.next is None or len(found) >= query.limit:
            return found, page.total
        query = evolve(query, after=page.next)


def labels(given: Sequence[str]) -> dict[str, str]:
    """Return the labels that ``--label name=value`` was given for. Raises ``InvalidArgument``."""
    for label in given:
        if "=" not in label:
            raise InvalidArgument(f"--label: expected name=value, got {label}")
    return dict(label.split("=", 1) for label in given)


async def find_session(service: SessionService, given: str) -> str:
    """Return the id of the session whose id is ``given``, or begins with it as no other's does.

    Raises:
        SessionNotFound: there is none.
        InvalidArgument: there are several; the message names some.
    """
    try:
        return canonical_id(given)
    except ValueError:
        pass
    digits = given.replace("-", "").lower()
    matches = [
        session.session_id
        for archived in (False, True)
        for session in (await list_sessions(service, ListQuery(limit=sys.maxsize, archived=archived)))[0]
        if session.session_id.replace("-", "").startswith(digits)
    ]
    if not matches or not digits:
        raise SessionNotFound(f"no session's id begins with {given}")
    if len(matches) > 1:
        raise InvalidArgument(f"{given}: {len(matches)} sessions' ids begin so: {', '.join(matches[:3])} …")
    return matches[0]
