"""A client that follows sessions by streams alone: nothing comes twice, and nothing that came behind an event comes
before it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.rpc.driver import Server

QUIET = {"session_events": False}
HANGS = {"sleep_ms": 600_000}


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Return where a store may be."""
    return str(tmp_path / "store")


def greet(server: Server, capabilities: dict[str, Any] = QUIET, **more: Any) -> bool:
    """Say what is wanted; return whether ``session/event`` will come."""
    comes: bool = server.call("initialize", capabilities=capabilities, **more)["capabilities"]["session_events"]
    return comes


def follow(server: Server, *script: dict[str, Any]) -> str:
    """Make a session that plays ``script``, and follow it."""
    session_id = server.session(*script)
    server.call("session/stream_open", session_id=session_id)
    return session_id


def heard(messages: Sequence[dict[str, Any]], method: str = "session/stream_event") -> list[str]:
    """Return the types of the events that came by ``method``."""
    return [message["params"]["event"]["type"] for message in messages if message["method"] == method]


def rest_of(server: Server) -> list[dict[str, Any]]:
    """Return what comes until the server has ended."""
    messages = []
    while (message := server.message()) is not None:
        messages.append(message)
    assert server.wait() == 0
    return messages


def test_the_answer_comes_behind_the_streams_last_event_and_no_event_comes_twice(store: str) -> None:
    with Server("--store", store) as server:
        assert not greet(server)
        session_id = follow(server, {"text": "words in many deltas " * 20, "chunks": 100})
        server.call("session/stream_open", session_id=session_id)
        server.call("turn/start", session_id=session_id, prompt="go")
        assert heard(server.events).count("run_completed") == 2  # one a stream, and both before the answer
        assert heard(server.events, "session/event") == []
        sequences = [event["params"]["seq"] for event in server.events]
        assert sorted(sequences) == sorted(2 * list(range(1, max(sequences) + 1)))


def test_a_session_that_is_not_followed_is_answered_all_the_same(store: str) -> None:
    with Server("--store", store) as server:
        greet(server)
        followed, other = follow(server, {"text": "a"}), server.session({"text": "b"})
        assert server.call("turn/start", session_id=other, prompt="go")["text"] == "b"
        assert server.call("turn/start", session_id=followed, prompt="go")["text"] == "a"
        assert {event["params"]["session_id"] for event in server.events} == {followed}


def test_a_tool_of_the_hosts_is_called_behind_the_events_that_led_to_it(store: str) -> None:
    with Server("--store", store) as server:
        greet(server)
        server.call("tools/register", tools=[{"name": "look", "description": "Looks.", "input_schema": {}}])
        session_id = follow(server, {"text": "let me see ", "chunks": 5}, {"tool": {"name": "look", "args": {}}})
        server.send("turn/start", session_id=session_id, prompt="go")
        came: list[dict[str, Any]] = []
        while (message := server.message()) is None or message.get("method") != "tool/execute":
            assert message is not None
            came.append(message)
        assert heard(came)[-1] == "tool_execution_started"


@pytest.mark.parametrize("first", [{"client_info": {"name": "plain"}}, {"client_info": {"name": "t\u00fcrkis\u0000"}}])
def test_each_greeting_says_it_anew_whoever_answers_it(store: str, first: dict[str, Any]) -> None:
    with Server("--store", store) as server:
        assert not greet(server, **first)
        session_id = server.session({"text": "a"})
        server.call("turn/start", session_id=session_id, prompt="one")
        assert server.events == []
        for capabilities in ({}, {"session_events": True}, {"session_events": "no"}):
            assert greet(server, capabilities)
            server.events.clear()
            server.call("turn/start", session_id=session_id, prompt="two")
            assert heard(server.events, "session/event")[-1] == "run_completed"
        assert not greet(server)
        server.events.clear()
        server.call("turn/start", session_id=session_id, prompt="three")
        assert server.events == []


def test_at_the_end_of_input_the_streams_have_the_turns_to_their_ends(store: str) -> None:
    with Server("--store", store) as server:
        greet(server)
        session_id = follow(server, {"sleep_ms": 200}, {"text": "said after the end of input", "chunks": 5})
        server.call("turn/start", session_id=session_id, prompt="go", wait=False)
        server.end_input()
        assert heard(rest_of(server))[-1] == "run_completed"


def _by_signal(server: Server) -> None:
    server.signal(signal.SIGTERM)


def _by_request(server: Server) -> None:
    server.call("shutdown")
    server.write(b'{"jsonrpc":"2.0","method":"exit"}\n')


@pytest.mark.parametrize("end", [_by_signal, _by_request])
def test_where_the_server_ends_the_streams_have_how_the_turns_did(store: str, end: Callable[[Server], None]) -> None:
    with Server("--store", store) as server:
        greet(server)
        session_id = follow(server, {"text": "so far"}, HANGS)
        idle = follow(server)
        server.call("turn/start", session_id=session_id, prompt="go", wait=False)
        while "text_delta" not in heard(server.events):
            server.until(lambda _: True)
        end(server)
        came = [*server.events, *rest_of(server)]
        assert heard(came)[-1] == "run_failed"
        assert {message["method"] for message in came} == {"session/stream_event"}
        assert idle not in {message["params"]["session_id"] for message in came}


def test_a_stream_that_is_closed_or_whose_session_is_deleted_holds_up_nothing(store: str) -> None:
    with Server("--store", store) as server:
        greet(server)
        session_id = server.session({"text": "a"})
        stream = server.call("session/stream_open", session_id=session_id)["stream_id"]
        assert server.call("session/stream_close", stream_id=stream)["closed"]
        assert server.call("turn/start", session_id=session_id, prompt="go")["text"] == "a"
        server.call("session/stream_open", session_id=session_id)
        server.call("session/delete", session_id=session_id)
        if "session/stream_end" not in {event["method"] for event in server.events}:
            assert server.until(lambda params: "reason" in params)["method"] == "session/stream_end"
        assert server.call("turn/start", session_id=follow(server, {"text": "b"}), prompt="go")["text"] == "b"
