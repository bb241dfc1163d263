"""How the server ends, and what is there afterwards."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.rpc.driver import Server

SOON_S = 3.0
"""What the contract allows after a signal."""


def outcome(store: Path, session_id: str) -> tuple[str, str]:
    """Return how the session's last turn ended and what its assistant said last, as a new server tells it."""
    with Server("--store", str(store)) as server:
        view = server.call("session/read", session_id=session_id)
        assert view["state"] == "idle"
        again = server.call("turn/start", session_id=session_id, prompt="on", model="echo")
        assert again["text"] == "on"
        return view["last_turn"]["outcome"], view["last_assistant_text"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_interrupts_saves_and_answers(tmp_path: Path, number: signal.Signals) -> None:
    with Server("--store", str(tmp_path / "store")) as server:
        script = [{"text": "half"}, {"sleep_ms": 600_000}]
        request = server.send("session/create", prompt="go", model="scripted", provider_params={"script": script})
        begun = server.until(lambda params: params["event"]["type"] == "text_delta")
        sent = time.monotonic()
        server.signal(number)
        assert server.wait() == 0
        assert time.monotonic() - sent < SOON_S
        assert server.answer(request)["error"]["code"] == -32005
    assert outcome(tmp_path / "store", begun["params"]["session_id"]) == ("interrupted", "half")


def test_the_end_of_input_lets_requests_finish(tmp_path: Path) -> None:
    with Server("--store", str(tmp_path / "store")) as server:
        session_id = server.session({"sleep_ms": 300}, {"text": "done"})
        request = server.send("turn/start", session_id=session_id, prompt="go")
        server.end_input()
        assert server.answer(request)["result"]["text"] == "done"
        assert server.wait() == 0


def test_the_end_of_input_lets_turns_nobody_waits_for_finish(tmp_path: Path) -> None:
    with Server("--store", str(tmp_path / "store")) as server:
        session_id = server.session({"sleep_ms": 300}, {"text": "done"})
        server.call("turn/start", session_id=session_id, prompt="go", wait=False)
        server.end_input()
        assert server.wait() == 0
    assert outcome(tmp_path / "store", session_id) == ("completed", "done")


def test_the_drain_timeout_bounds_it(tmp_path: Path) -> None:
    with Server("--store", str(tmp_path / "store"), "--drain-timeout", "0.2") as server:
        session_id, _turn = server.hang("half")
        server.end_input()
        assert server.wait(10) == 0
    assert outcome(tmp_path / "store", session_id) == ("interrupted", "half")


def test_a_closed_output_ends_it_with_the_turn_saved(tmp_path: Path) -> None:
    with Server("--store", str(tmp_path / "store"), reading=False) as server:
        session_id = "01890000-0000-7000-8000-000000000002"
        script = [{"text": "word ", "repeat": 1_000_000, "delay_ms": 1}]
        server.send(
            "session/create", session_id=session_id, prompt="go", model="scripted", provider_params={"script": script}
        )
        assert server.process.stdout is not None
        server.process.stdout.read(2000)
        server.process.stdout.close()
        assert server.wait(10) == 0
    assert outcome(tmp_path / "store", session_id)[0] == "interrupted"


def test_a_closed_output_ends_an_idle_server(tmp_path: Path) -> None:
    with Server("--store", str(tmp_path / "store"), reading=False) as server:
        server.send("initialize")
        server.read_line()
        assert server.process.stdout is not None
        server.process.stdout.close()
        assert server.wait(10) == 0


def test_a_socket_that_is_input_and_output_is_served_and_its_end_is_noticed(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "meerkat_rpc", "serve", "--store", str(tmp_path / "store")]
    with ours, subprocess.Popen(command, stdin=theirs.fileno(), stdout=theirs.fileno()) as process:
        theirs.close()
        lines = ours.makefile("rb")
        for number in range(3):  # input makes the output readable, which is no reason to end
            ours.sendall(b'{"jsonrpc":"2.0","id":%d,"method":"runtime/health"}\n' % number)
            assert orjson.loads(lines.readline())["id"] == number
        lines.close()
        ours.close()
        assert process.wait(10) == 0


def test_a_parent_that_is_gone_for_good_does_not_leave_a_silent_turn_behind(tmp_path: Path) -> None:
    with Server("--store", str(tmp_path / "store"), reading=False) as server:
        session_id = "01890000-0000-7000-8000-000000000003"
        script = [{"text": "half"}, {"sleep_ms": 600_000}]
        server.send(
            "session/create", session_id=session_id, prompt="go", model="scripted", provider_params={"script": script}
        )
        while b"half" not in server.read_line():
            pass
        assert server.process.stdout is not None
        gone = time.monotonic()
        server.end_input()
        server.process.stdout.close()
        assert server.wait(10) == 0
        assert time.monotonic() - gone < SOON_S
    assert outcome(tmp_path / "store", session_id) == ("interrupted", "half")


def test_a_signal_interrupts_and_saves_what_finishes_after_the_end_of_input(tmp_path: Path) -> None:
    with Server("--store", str(tmp_path / "store")) as server:
        session_id, _turn = server.hang("half")
        last = server.send("runtime/health")
        server.end_input()
        server.answer(last)
        server.signal(signal.SIGTERM)
        assert server.wait(10) == 0
    assert outcome(tmp_path / "store", session_id) == ("interrupted", "half")


def test_a_dead_parent_ends_it_while_somebody_else_holds_the_pipe(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with Server("--store", str(tmp_path / "store")) as server:
        server.call("initialize", process_id=parent.pid)
        session_id, _turn = server.hang("half")
        parent.kill()
        parent.wait()
        assert server.wait(10) == 0
    assert parent.stdin is not None
    parent.stdin.close()
    assert outcome(tmp_path / "store", session_id) == ("interrupted", "half")


def test_a_kill_leaves_everything_that_was_delivered(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with Server("--store", str(store)) as server:
        kept = server.call("session/create", prompt="kept", model="echo")["session_id"]
        session_id = server.session({"text": "word ", "repeat": 100_000, "delay_ms": 1})
        server.call("turn/start", session_id=session_id, prompt="go", wait=False)
        last = server.until(lambda params: params["seq"] > 200)["params"]["seq"]
        server.process.kill()
        server.wait()
        delivered = [event for event in server.events if event["params"]["session_id"] == session_id]
    with Server("--store", str(store)) as server:
        page = server.call("events/list_since", scope={"type": "session", "session_id": session_id}, limit=1000)
        stored = {event["seq"]: event["event"] for event in page["events"]}
        assert all(stored[event["params"]["seq"]] == event["params"]["event"] for event in delivered)
        assert len(delivered) == last
        assert page["events"][-1]["event"] == {
            "type": "run_failed",
            "session_id": session_id,
            "error": "the server ended while the turn ran",
            "reason": "host_exit",
        }
        text = server.call("session/read", session_id=session_id)["last_assistant_text"]
        assert text.startswith("word " * (last - 2))
        assert server.call("session/read", session_id=kept)["last_assistant_text"] == "kept"


def test_a_kill_right_after_acceptance_loses_neither_session_nor_prompt(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with Server("--store", str(store)) as server:
        script = {"script": [{"sleep_ms": 600_000}]}
        accepted = server.call(
            "session/create", prompt="precious", wait=False, model="scripted", provider_params=script
        )
        server.process.kill()
        server.wait()
    with Server("--store", str(store)) as server:
        history = server.call("session/history", session_id=accepted["session_id"])
        assert [message["content"] for message in history["messages"]] == ["precious"]
        error = server.error("turn/start", prompt="precious", **_named(accepted))
        assert (error["code"], error["data"]["text"]) == (-32005, "")


def _named(accepted: dict[str, Any]) -> dict[str, Any]:
    return {"session_id": accepted["session_id"], "turn_id": accepted["turn_id"]}


def test_a_retry_after_a_kill_does_not_run_a_committed_turn_again(tmp_path: Path) -> None:
    store, turn_id = tmp_path / "store", "01890000-0000-7000-8000-00000000000a"
    with Server("--store", str(store)) as server:
        session_id = server.session({"text": "once"})
        first = server.call("turn/start", session_id=session_id, turn_id=turn_id, prompt="go")
        server.process.kill()
        server.wait()
    with Server("--store", str(store)) as server:
        assert server.call("turn/start", session_id=session_id, turn_id=turn_id, prompt="go") == first
        assert server.call("session/read", session_id=session_id)["message_count"] == 2


def test_a_busy_session_names_its_owner_and_is_freed_by_its_death(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    with Server("--store", store) as one, Server("--store", store) as two:
        session_id, turn_id = one.hang("half")
        error = two.error("turn/start", session_id=session_id, prompt="mine", model="echo")
        assert (error["code"], error["data"]["owner"]["pid"]) == (-32002, one.process.pid)
        assert error["data"]["turn_id"] == turn_id
        one.process.kill()
        one.wait()
        assert two.call("turn/start", session_id=session_id, prompt="mine", model="echo")["text"] == "mine"


def test_a_session_is_watched_live_from_another_process_through_its_owners_death(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    with Server("--store", store) as one, Server("--store", store) as two:
        session_id, _turn = one.hang("half")
        stream = two.call("session/stream_open", session_id=session_id, from_seq=1)["stream_id"]
        two.until(lambda params: params["event"].get("delta") == "half")
        one.process.kill()
        one.wait()
        two.call("turn/start", session_id=session_id, prompt="go on", model="echo")
        streamed = [event["params"] for event in two.events if event["method"] == "session/stream_event"]
        while len(streamed) < 10:
            streamed.append(two.until(lambda params: "stream_id" in params)["params"])
        assert [event["sequence"] for event in streamed] == list(range(1, len(streamed) + 1))
        assert {event["stream_id"] for event in streamed} == {stream}


def test_shutdown_then_exit_ends_well_and_exit_alone_does_not(tmp_path: Path) -> None:
    with Server("--ephemeral") as server:
        assert server.call("shutdown") is None
        assert server.error("runtime/health")["code"] == -32600
        server.write(b'{"jsonrpc":"2.0","method":"exit"}\n')
        assert server.wait() == 0
    with Server("--ephemeral") as server:
        server.write(b'{"jsonrpc":"2.0","method":"exit"}\n')
        assert server.wait() == 1


def test_a_store_that_cannot_be_opened_is_said_and_mended(tmp_path: Path) -> None:
    place = tmp_path / "store"
    place.write_text("a file where the store should be")
    with Server("--store", str(place)) as server:
        error = server.error("session/create", prompt="x", model="echo")
        assert (error["code"], error["data"]["code"]) == (-32015, "STORE_ERROR")
        assert server.call("runtime/health")["status"] == "degraded"
        place.unlink()
        assert server.call("session/create", prompt="x", model="echo")["text"] == "x"


def test_an_isolated_store_is_gone_at_the_end() -> None:
    with Server("rpc", "--isolated") as server:
        path = server.call("runtime/health")["store"]["path"]
        server.call("session/create", prompt="x", model="echo")
        assert Path(path).is_dir()
        server.end_input()
        assert server.wait() == 0
        assert not Path(path).exists()
