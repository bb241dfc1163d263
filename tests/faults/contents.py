"""Everything that a server tells of its store, in a form that can be compared and kept as JSON."""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256
from typing import Any

from tests.rpc.driver import Server

PAGE = 1000
"""Rows, messages or events asked for at a time: the most there may be."""

Session = dict[str, Any]
"""One session: its ``view``, its ``messages``, its ``events``."""


def listed(server: Server) -> dict[str, Any]:
    """Return the rows of every session in the listings, archived or not, by id."""
    rows = []
    for archived in (False, True):
        page = {"next_cursor": None}
        while "next_cursor" in page:
            page = server.call("session/list", archived=archived, limit=PAGE, cursor=page["next_cursor"])
            rows += page["sessions"]
    return {row["session_id"]: row for row in rows}


def session(server: Server, session_id: str) -> Session:
    """Return what can be read of a session. ``AssertionError`` with the server's error when something can't.

    What was attached is looked at too.
    """
    found = {
        "view": server.call("session/read", session_id=session_id),
        "messages": _messages(server, session_id),
        "events": _events(server, session_id),
    }
    for digest in {attached["digest"] for message in found["messages"] for attached in message.get("attachments", ())}:
        content = b64decode(server.call("blob/get", digest=digest)["data"])
        assert sha256(content).hexdigest() == digest
    return found


def contents(server: Server) -> dict[str, Session]:
    """Return every session, by id."""
    return {session_id: session(server, session_id) for session_id in sorted(listed(server))}


def _messages(server: Server, session_id: str) -> list[Any]:
    found: list[Any] = []
    more = True
    while more:
        page = server.call("session/history", session_id=session_id, offset=len(found), limit=PAGE)
        found += page["messages"]
        more = page["has_more"]
    return found


def _events(server: Server, session_id: str) -> list[Any]:
    found: list[Any] = []
    scope, cursor, more = {"type": "session", "session_id": session_id}, None, True
    while more:
        page = server.call("events/list_since", scope=scope, cursor=cursor, limit=PAGE)
        found += page["events"]
        cursor, more = page["latest_cursor"], page["has_more"]
    return found
