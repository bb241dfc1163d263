"""Telling a client that its list of sessions is out of date."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from meerkat_rpc.rpc.changes import MAX_IDS, PAUSE_S
from tests.rpc.driver import Server

SOON_S = 5.0
"""A generous bound on what takes half a second where nothing else is going on."""

ASKS = ({"text": "many words " * 20, "chunks": 100}, {"approval": {"summary": "ok?", "choices": ["yes", "no"]}})


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    """Start two servers on a store of their own, the first of which tells of changes."""
    options = ("--store", str(tmp_path / "store"))
    with Server(*options) as one, Server(*options) as two:
        greeted = one.call("initialize", capabilities={"session_events": False, "session_changes": True})
        assert greeted["capabilities"]["session_changes"]
        assert not two.call("initialize")["capabilities"]["session_changes"]
        one.call("session/list")
        yield one, two


def told(server: Server, upto: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """Return the parameters of what was told since the last call, up to the one that is wanted."""
    if not any(upto(message["params"]) for message in server.events):
        server.until(upto)
    found = [message["params"] for message in server.events if message["method"] == "sessions/changed"]
    server.events.clear()
    return found


def names(*wanted: str) -> Callable[[dict[str, Any]], bool]:
    """Return whether a notification names these sessions."""
    return lambda params: set(wanted) <= set(params.get("session_ids", []))


def test_each_change_of_this_servers_is_told_at_once(servers: tuple[Server, Server]) -> None:
    one, _ = servers
    session_id = one.session(*ASKS)
    told(one, names(session_id))

    def change(method: str, **params: Any) -> Any:
        asked = time.monotonic()
        result = one.call(method, **params)
        told(one, names(session_id))
        assert time.monotonic() - asked < SOON_S
        return result

    change("session/update", session_id=session_id, title="named")
    change("session/update", session_id=session_id, labels={"a": "b"})
    change("turn/start", session_id=session_id, prompt="go", wait=False)
    while not (waiting := one.call("approval/list")["approvals"]):
        told(one, names(session_id))
    (row,) = one.call("session/list")["sessions"]
    assert row["needs_answer"]
    change("approval/respond", approval_id=waiting[0]["approval_id"], choice="yes")
    while one.call("session/read", session_id=session_id)["is_active"]:
        told(one, names(session_id))
    assert "needs_answer" not in one.call("session/list")["sessions"][0]
    change("session/archive", session_id=session_id)
    change("session/unarchive", session_id=session_id)
    change("session/delete", session_id=session_id)
    assert one.call("session/list")["total"] == 0


def test_another_servers_changes_are_told_soon_and_deltas_are_none(servers: tuple[Server, Server]) -> None:
    one, two = servers
    session_id = two.session(*ASKS)
    told(one, names(session_id))
    turn = two.send("turn/start", session_id=session_id, prompt="go")
    approval = two.until(lambda params: params["event"]["type"] == "approval_requested")["params"]["event"]
    deltas = sum(message["params"]["event"]["type"] == "text_delta" for message in two.events)
    assert one.call("session/list")["sessions"][0]["needs_answer"]
    assert deltas > 50
    assert len(told(one, names(session_id))) < 8
    two.call("approval/respond", approval_id=approval["approval_id"], choice="no")
    two.answer(turn)
    asked = time.monotonic()
    while one.call("session/read", session_id=session_id)["is_active"]:
        told(one, names(session_id))
    two.call("session/delete", session_id=session_id)
    told(one, lambda params: not params or names(session_id)(params))
    assert time.monotonic() - asked < SOON_S
    assert not any(message["method"] == "sessions/changed" for message in two.events)


def test_what_changes_together_is_told_together_and_too_much_not_one_by_one(servers: tuple[Server, Server]) -> None:
    one, _ = servers
    begun = time.monotonic()
    few = [one.send("session/create", initial_turn="deferred", model="echo") for _ in range(20)]
    ids = {one.answer(request)["result"]["session_id"] for request in few}
    named: set[str] = set()
    while named != ids:
        named |= {name for params in told(one, lambda _: True) for name in params["session_ids"]}
    many = [one.send("session/create", initial_turn="deferred", model="echo") for _ in range(3 * MAX_IDS)]
    for request in many:
        one.answer(request)
    last = one.session()
    notifications = told(one, lambda params: not params or last in params["session_ids"])
    assert {} in notifications or sum(len(params["session_ids"]) for params in notifications) > MAX_IDS
    assert all(len(params.get("session_ids", [])) <= MAX_IDS for params in notifications)
    assert len(notifications) <= (time.monotonic() - begun) / PAUSE_S + 2


def test_a_greeting_without_the_wish_ends_it(servers: tuple[Server, Server]) -> None:
    one, two = servers
    one.call("initialize")
    one.events.clear()
    session_id = one.session({"text": "a"})
    two.call("session/update", session_id=session_id, title="named")
    one.call("turn/start", session_id=session_id, prompt="go")
    assert {message["method"] for message in one.events} == {"session/event"}
    one.call("initialize", capabilities={"session_changes": True})
    two.call("session/update", session_id=session_id, title="named again")
    assert told(one, names(session_id))[-1] == {"session_ids": [session_id]}


def test_sessions_in_memory_are_told_of_too() -> None:
    with Server("--ephemeral") as server:
        server.call("initialize", capabilities={"session_events": False, "session_changes": True})
        session_id = server.session({"text": "a"})
        told(server, names(session_id))
        server.call("turn/start", session_id=session_id, prompt="go")
        told(server, names(session_id))
        server.call("session/delete", session_id=session_id)
        told(server, names(session_id))


def test_a_quiet_server_says_nothing_and_keeps_no_more_tasks(servers: tuple[Server, Server]) -> None:
    one, _ = servers
    told(one, names(one.session()))
    end = time.monotonic() + 3 * PAUSE_S
    tasks = set()
    while time.monotonic() < end:
        tasks.add(one.call("runtime/health")["tasks"])
    assert one.events == []
    one.call("initialize")
    while (without := one.call("runtime/health")["tasks"]) >= min(tasks):
        assert time.monotonic() < end + SOON_S
    assert min(tasks) - without == 1
