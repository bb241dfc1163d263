"""How an editor opens a session: the last page of its history, then a stream from where that ends. Together they tell
each message once, whatever happens between the two, and whichever server runs the session."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.rpc.driver import Server

OPENINGS = 8
AHEAD = 3
"""How many turns are followed after the session was opened."""

TEXT = "some words "
SCRIPT = ({"text": TEXT, "chunks": 4}, {"sleep_ms": 20}, {"text": "and more", "chunks": 3})
SAID = TEXT + "and more"


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    """Start two servers on a store of their own, the second of which sends no events but those of streams."""
    options = ("--store", str(tmp_path / "store"))
    with Server(*options) as one, Server(*options) as two:
        for server in (one, two):
            server.call("initialize", capabilities={"session_events": False})
        yield one, two


def run_turns(server: Server, session_id: str, enough: threading.Event) -> None:
    """Run one turn after the other until that is ``enough``."""
    for number in count():
        if enough.is_set():
            return
        server.call("turn/start", session_id=session_id, prompt=f"prompt {number}")


def open_session(server: Server, session_id: str, turns: int | None = None) -> list[tuple[str, str]]:
    """Open the session as an editor does; return the prompts and answers that it shows, to the end of so many
    ``turns``, or of ``AHEAD`` more than had ended by then."""
    page = server.call("session/history", session_id=session_id, latest=True, limit=1000)
    shown = [(message["role"], message["content"]) for message in page["messages"]]
    stream = server.call("session/stream_open", session_id=session_id, from_seq=page["next_seq"])["stream_id"]
    expected_seq, text, wanted = page["next_seq"], "", 2 * (len(shown) // 2 + AHEAD if turns is None else turns)
    while len(shown) < wanted:
        params = _next_event(server, stream)
        assert params["seq"] == expected_seq
        expected_seq += 1
        match params["event"]:
            case {"type": "run_started", "prompt": prompt}:
                shown.append(("user", prompt))
            case {"type": "text_delta", "delta": delta}:
                text += delta
            case {"type": "run_completed"}:
                shown.append(("assistant", text))
                text = ""
    server.call("session/stream_close", stream_id=stream)
    server.events.clear()
    return shown


def _next_event(server: Server, stream: str) -> dict[str, Any]:
    """Return the stream's next event."""
    while True:
        for index, message in enumerate(server.events):
            if message["params"]["stream_id"] == stream:
                del server.events[: index + 1]
                params: dict[str, Any] = message["params"]
                return params
        server.events.clear()
        server.until(lambda _: True)


def shows(turns: int) -> list[tuple[str, str]]:
    """Return the prompts and answers of the first ``turns`` turns."""
    return [said for number in range(turns) for said in (("user", f"prompt {number}"), ("assistant", SAID))]


def test_another_servers_session_opens_without_gap_or_repeat_while_it_runs(servers: tuple[Server, Server]) -> None:
    one, two = servers
    session_id = one.session(*SCRIPT)
    enough = threading.Event()
    running = threading.Thread(target=run_turns, args=(one, session_id, enough))
    running.start()
    try:
        for _ in range(OPENINGS):
            shown = open_session(two, session_id)
            assert shown == shows(len(shown) // 2)
    finally:
        enough.set()
        running.join()


def test_the_servers_own_session_does_too(servers: tuple[Server, Server]) -> None:
    server, _ = servers
    session_id = server.session(*SCRIPT)
    for number in range(OPENINGS):
        server.call("turn/start", session_id=session_id, prompt=f"prompt {number}", wait=False)
        assert open_session(server, session_id, number + 1) == shows(number + 1)
