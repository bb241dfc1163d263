"""The transport: whatever the client sends, and however slowly it reads."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from meerkat_rpc.ids import new_id
from tests.rpc.driver import Server, eventually

ODD: list[tuple[str, bytes, int | None]] = [
    ("not JSON", b"hello", -32700),
    ("half a message", b'{"jsonrpc":"2.0",', -32700),
    ("not UTF-8", b'{"jsonrpc":"2.0","id":1,"method":"\xff\xfe"}', -32700),
    ("a BOM", b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"x"}', -32700),
    ("NaN", b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":NaN}}', -32700),
    ("too large a number", b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":123456789012345678901}}', -32700),
    ("too deep", b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":' + b"[" * 101 + b"]" * 101 + b"}}", -32700),
    ("a lone surrogate", b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"\\ud800"}}', -32700),
    ("a batch", b'[{"jsonrpc":"2.0","id":1,"method":"runtime/health"}]', -32600),
    ("a number", b"42", -32600),
    ("another version", b'{"jsonrpc":"1.0","id":1,"method":"x"}', -32600),
    ("a fractional id", b'{"jsonrpc":"2.0","id":1.5,"method":"x"}', -32600),
    ("a boolean id", b'{"jsonrpc":"2.0","id":true,"method":"x"}', -32600),
    ("no such method", b'{"jsonrpc":"2.0","id":1,"method":"no/such"}', -32601),
    ("a list of params", b'{"jsonrpc":"2.0","id":1,"method":"session/read","params":[1]}', -32602),
    ("a wrong param", b'{"jsonrpc":"2.0","id":1,"method":"session/read","params":{"session_id":"nope"}}', -32602),
    ("a notification nobody knows", b'{"jsonrpc":"2.0","method":"$/whatever","params":{}}', None),
    ("an answer to nothing", b'{"jsonrpc":"2.0","id":77,"result":{}}', None),
    ("a cancellation of nothing", b'{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":99}}', None),
    ("nested jsonrpc", b'{"jsonrpc":"2.0","id":1,"method":"no/such","params":{"a":{"jsonrpc":"2.0"}}}', -32601),
    ("nothing", b"", None),
]


@pytest.fixture(scope="module")
def patient() -> Any:
    """Serve every odd input with one server: it must outlive them all."""
    with Server("--ephemeral") as server:
        yield server


@pytest.mark.parametrize(("data", "code"), [odd[1:] for odd in ODD], ids=[odd[0] for odd in ODD])
def test_odd_input_gets_its_error_and_the_next_request_its_answer(
    patient: Server, data: bytes, code: int | None
) -> None:
    patient.write(data + b"\n")
    if code is not None:
        message = patient.message()
        assert message is not None
        assert message["error"]["code"] == code
        assert message["error"]["data"]["code"]
    assert patient.call("runtime/health")["status"] == "ok"


def test_a_frame_over_the_limit_is_skipped_without_being_held() -> None:
    with Server("--ephemeral", "--max-frame-bytes", "100000") as server:
        server.call("runtime/health")
        before = server.resident_bytes()
        for _ in range(200):
            server.write(b'{"jsonrpc":"2.0","id":1,"x":"' + b"y" * 1_000_000)
        server.write(b'"}\n')
        message = server.message()
        assert message is not None
        assert (message["error"]["code"], message["error"]["data"]["limit"]) == (-32600, 100_000)
        assert server.call("runtime/health")["status"] == "ok"
        assert server.resident_bytes() - before < 32 << 20


def test_ten_thousand_requests_before_the_first_is_read() -> None:
    with Server("--ephemeral", reading=False) as server:
        for number in range(10_000):
            server.send("capabilities/get", number)
        server.read()
        answered: set[int] = set()
        while len(answered) < 10_000:
            message = server.message()
            assert message is not None
            answered.add(message["id"])
        assert answered == set(range(10_000))


UNREAD_S = 2.5
"""How long nobody reads. The turn says 20 MB a second, a millisecond apart, and takes twice as long."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ephemeral", "stored"])
def test_a_client_that_does_not_read_hangs_nobody_and_misses_nothing(tmp_path: Path, kind: str) -> None:
    size, repeats = 20_000, 5000
    flood = {"script": [{"text": "x" * size, "repeat": repeats, "delay_ms": 1}]}
    options = ["--ephemeral"] if kind == "ephemeral" else ["--store", str(tmp_path / "store")]
    with Server(*options, reading=False) as server:
        server.send("runtime/health", 0)
        assert b'"ok"' in server.read_line()  # it has loaded; from here on nobody reads
        before = server.resident_bytes()
        server.send("session/create", "flood", prompt="go", model="scripted", provider_params=flood)
        server.send("session/create", "other", prompt="meanwhile", model="echo")
        assert _growth(server, before, UNREAD_S) < 64 << 20
        server.read()
        result = server.answer("flood")["result"]
        assert len(result["text"]) == repeats * size
        assert [event["params"]["seq"] for event in server.events if _of(event, result)] == list(range(1, repeats + 6))
        assert server.answer("other")["result"]["text"] == "meanwhile"


def _of(event: dict[str, Any], result: dict[str, Any]) -> bool:
    return bool(event["params"]["session_id"] == result["session_id"])


def _growth(server: Server, before: int, seconds: float) -> int:
    """Return by how much the server grows beyond ``before``, at most, within ``seconds``."""
    peak, end = before, time.monotonic() + seconds
    while time.monotonic() < end:
        peak = max(peak, server.resident_bytes())
        time.sleep(0.01)
    return peak - before


def test_turns_that_were_not_read_come_one_after_the_other(tmp_path: Path) -> None:
    session_id, turns = "01890000-0000-7000-8000-000000000001", [new_id() for _ in range(3)]
    more_than_waits_unread = {"script": [{"text": "x" * 10_000, "repeat": 400}]}
    store = str(tmp_path / "store")
    with Server("--store", store, reading=False) as server, Server("--store", store) as watcher:
        for turn_id in turns:
            method = "session/create" if turn_id == turns[0] else "turn/start"
            common: dict[str, Any] = {"session_id": session_id, "turn_id": turn_id, "prompt": "go", "wait": False}
            server.send(method, model="scripted", provider_params=more_than_waits_unread, **common)
            eventually(lambda turn_id=turn_id: _has_ended(watcher, session_id, turn_id))  # type: ignore[misc]
        server.read()
        server.until(lambda params: params["turn_id"] == turns[-1] and params["event"]["type"] == "run_completed")
        seqs = [event["params"]["seq"] for event in server.events if "params" in event]
        assert seqs == list(range(1, 3 * 405 + 1))


def _has_ended(server: Server, session_id: str, turn_id: str) -> bool:
    view = server.answer(server.send("session/read", session_id=session_id)).get("result", {})
    return bool((view.get("last_turn") or {}).get("turn_id") == turn_id)


def test_a_client_that_does_not_read_can_still_interrupt(tmp_path: Path) -> None:
    with Server("--store", str(tmp_path / "store"), reading=False) as server:
        session_id = "01890000-0000-7000-8000-000000000001"
        flood = [{"text": "x" * 1000, "repeat": 100_000_000}]
        server.send(
            "session/create", 1, session_id=session_id, prompt="go", model="scripted", provider_params={"script": flood}
        )
        with Server("--store", str(tmp_path / "store")) as watcher:
            heard: list[object] = []
            eventually(lambda: _has_said(watcher, session_id, heard), lambda: heard[-1:])
        server.send("turn/interrupt", 2, session_id=session_id)
        server.read()
        assert server.answer(2)["result"] == {"interrupted": True}
        error = server.answer(1)["error"]
        assert (error["code"], error["data"]["session_id"]) == (-32005, session_id)


def _has_said(server: Server, session_id: str, heard: list[object]) -> bool:
    """Return whether the session's log is longer than what can be under way; note what was heard."""
    answer = server.answer(server.send("events/latest_cursor", scope={"type": "session", "session_id": session_id}))
    heard.append(answer)
    return "result" in answer and int(answer["result"]["cursor"].rpartition(":")[2]) > 3000


def test_stray_prints_stay_off_the_wire(tmp_path: Path) -> None:
    with Server("--ephemeral", stderr=subprocess.PIPE) as server:
        assert server.process.stderr is not None
        session_id = server.session({"print": "a careless library"}, {"text": "fine"})
        assert server.call("turn/start", session_id=session_id, prompt="go")["text"] == "fine"
        assert b"a careless library" in os.read(server.process.stderr.fileno(), 65536)


def test_a_standard_error_that_nobody_reads_stops_nothing() -> None:
    with Server("--ephemeral", stderr=subprocess.PIPE) as server:
        session_id = server.session({"print": "x" * 1_000_000}, {"print": "y" * 1_000_000}, {"text": "fine"})
        for _ in range(3):
            assert server.call("turn/start", session_id=session_id, prompt="go")["text"] == "fine"
        server.end_input()
        assert server.wait() == 0


def test_headers_are_answered_with_headers() -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"runtime/health","params":[]}'
    frame = b"content-type: x\r\nCONTENT-length: %d\r\n\r\n%b" % (len(body), body)
    output = _serve(frame)
    header, _, answer = output.partition(b"\r\n\r\n")
    assert header == b"Content-Length: %d" % len(answer)


def test_an_unreadable_header_ends_the_server_in_order() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "meerkat_rpc", "serve", "--ephemeral"],
        input=b"Content-Length: many\r\n\r\n{}",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 1
    assert b"-32700" in process.stdout


def _serve(data: bytes, *options: str) -> bytes:
    return subprocess.run(
        [sys.executable, "-m", "meerkat_rpc", "serve", "--ephemeral", *options],
        input=data,
        capture_output=True,
        timeout=60,
        check=True,
    ).stdout
