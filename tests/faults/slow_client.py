"""``slow_client``: a client that stops reading while one of its sessions talks without end."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from attrs import define, field

from meerkat_rpc.ids import new_id
from tests.faults.sweep import Report, sweep
from tests.rpc.driver import Server, eventually

MIB = 1 << 20

FLOOD_BYTES = 100 * MIB
"""What the flooding session says in a whole minute; as much a second in a shorter one, three times over."""

MAX_GROWTH = 64 * MIB
"""Bytes of memory that a client that doesn't read may cost (the issue's bound)."""

SOON_S = 10.0
"""Within what a turn or an interrupt in another session must take effect; milliseconds, on a machine that is idle."""

CHUNK, CHUNKS = 10_000, 100
"""Characters in a delta, and deltas in a turn of the flood: with the whole text after them, 2 MB of events. A turn's
text has to be in memory while the turn runs, so the flood comes in many turns."""

TURN_BYTES = 2 * CHUNK * CHUNKS
OTHERS = 3

INTERRUPTED = -32005


@sweep(short=3, full=60)
def slow_client(report: Report, size: int) -> None:
    """Read nothing for so many seconds while a session says 100 MB: the others go on, and then all comes in order."""
    volume = min(FLOOD_BYTES, 3 * FLOOD_BYTES * size // 60)
    with (
        tempfile.TemporaryDirectory() as store,
        Server("--store", store, reading=False) as server,
        Server("--store", store) as witness,
    ):
        server.send("runtime/health", "begin")
        assert b'"ok"' in server.read_line()  # it has loaded; from here on nobody reads
        silence = Silence(report, server, witness)
        silence.keep(size, volume)
        with report.case("memory"):
            assert silence.growth <= MAX_GROWTH, f"{silence.growth / MIB:.0f} MiB"
        server.read()
        silence.hear()
    report.figure("unread", f"{silence.flooded / MIB:.0f} MiB for {silence.seconds:.0f} s")
    report.figure("memory", f"{silence.growth / MIB:+.0f} MiB")
    report.figure("turns and interrupts meanwhile", f"{silence.served}, {silence.slowest_s * 1000:.0f} ms at most")


@define
class Silence:
    """What goes on at ``server`` while its client doesn't read. ``witness`` is another process on the same store."""

    report: Report
    server: Server
    witness: Server
    flooded: int = 0
    growth: int = 0
    served: int = 0
    slowest_s: float = 0.0
    seconds: float = 0.0
    _flood: str = field(factory=new_id)
    _last_turn: str = ""
    _requests: list[int | str] = field(factory=list)
    _before: int = 0

    def keep(self, seconds: int, volume: int) -> None:
        """Make the server work for so long, and say so much in one session."""
        self._before = self.server.resident_bytes()
        self._create(self._flood, {"text": "x" * CHUNK, "repeat": CHUNKS})
        others = [new_id() for _ in range(OTHERS)]
        for session_id in others:
            self._create(session_id, {"text": "so far"}, {"sleep_ms": 600_000})
        begun = time.monotonic()
        for number in count():
            self.seconds = time.monotonic() - begun
            if self.seconds >= seconds and (self.flooded >= volume or self.report.defects):
                return
            if self.flooded < volume * min(self.seconds / seconds, 1):
                self._pour()
            with self.report.case(f"another session's turn {number}"):
                self._serve(others[number % OTHERS], interrupted=number % 5 == 0)

    def hear(self) -> None:
        """Read everything; see that each session's events come in order, without gap or repeat."""
        with self.report.case("answers"):
            for request in self._requests:
                answer = self.server.answer(request)
                assert "result" in answer or answer["error"]["code"] == INTERRUPTED, answer
        with self.report.case("every event, in order"):
            if not any(map(self._is_last, self.server.events)):
                self.server.until(lambda params: self._is_last({"params": params}))
            seqs: dict[str, list[int]] = {}
            for event in self.server.events:
                seqs.setdefault(event["params"]["session_id"], []).append(event["params"]["seq"])
            for session_id, heard in seqs.items():
                assert heard == list(range(1, len(heard) + 1)), f"{session_id}: {_first_odd(heard)}"
            assert len(seqs[self._flood]) == self.flooded // TURN_BYTES * (CHUNKS + 5)

    def _create(self, session_id: str, *script: dict[str, Any]) -> None:
        params = {"session_id": session_id, "initial_turn": "deferred", "model": "scripted"}
        self._send("session/create", **params, provider_params={"script": script})
        self._await(lambda: "result" in self.witness.answer(self.witness.send("session/read", session_id=session_id)))

    def _pour(self) -> None:
        """Have the flooding session say some more, to the end of a turn."""
        with self.report.case(f"the flood, from {self.flooded / MIB:.0f} MiB on"):
            self._last_turn = new_id()
            self._send("turn/start", session_id=self._flood, turn_id=self._last_turn, prompt="go", wait=False)
            self._await(lambda: self._outcome(self._flood, self._last_turn) == "completed")
            self.flooded += TURN_BYTES

    def _serve(self, session_id: str, *, interrupted: bool) -> None:
        """Run a turn in another session, to its end or until it is interrupted."""
        begun, turn_id = time.monotonic(), new_id()
        model = {} if interrupted else {"model": "echo"}
        self._send("turn/start", session_id=session_id, turn_id=turn_id, prompt="meanwhile", **model)
        if interrupted:
            self._await(lambda: self._read(session_id).get("running_turn_id") == turn_id)
            self._send("turn/interrupt", session_id=session_id)
        outcome = "interrupted" if interrupted else "completed"
        self._await(lambda: self._outcome(session_id, turn_id) == outcome)
        self.served += 1
        self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
        assert time.monotonic() - begun < SOON_S

    def _send(self, method: str, **params: Any) -> None:
        self._requests.append(self.server.send(method, **params))

    def _read(self, session_id: str) -> dict[str, Any]:
        view: dict[str, Any] = self.witness.call("session/read", session_id=session_id)
        return view

    def _outcome(self, session_id: str, turn_id: str) -> str | None:
        """Return how the turn ended, as it is on disk; None when it has not."""
        last = self._read(session_id).get("last_turn")
        return last["outcome"] if last and last["turn_id"] == turn_id else None

    def _await(self, holds: Callable[[], bool]) -> None:
        """Wait until ``holds``, and see how the server grows meanwhile."""

        def looked() -> bool:
            self.growth = max(self.growth, self.server.resident_bytes() - self._before)
            return holds()

        eventually(looked)

    def _is_last(self, event: dict[str, Any]) -> bool:
        """Return whether this is the flood's last event."""
        params = event["params"]
        return bool(params["turn_id"] == self._last_turn and params["event"]["type"] == "run_completed")


def _first_odd(seqs: list[int]) -> str:
    """Return where ``seqs`` stop counting from 1."""
    at = next(index for index, seq in enumerate(seqs) if seq != index + 1)
    return f"event {at + 1} of {len(seqs)} has number {seqs[at]}"
