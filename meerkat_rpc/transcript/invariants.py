"""What holds for every message of every server, whatever a transcript says (contract sections 1 and 3)."""

from __future__ import annotations

from typing import Any

from meerkat_rpc.transcript.patterns import ABSENT, Mismatch

_ENVELOPES = (
    frozenset({"jsonrpc", "id", "result"}),
    frozenset({"jsonrpc", "id", "error"}),
    frozenset({"jsonrpc", "method"}),
    frozenset({"jsonrpc", "method", "params"}),
    frozenset({"jsonrpc", "id", "method"}),
    frozenset({"jsonrpc", "id", "method", "params"}),
)
_LAST_OF_TURN = frozenset({"run_completed", "run_failed"})
_BETWEEN_TURNS = frozenset(
    {"run_started", "context_injected", "compaction_started", "compaction_completed", "compaction_failed"}
)


class Invariants:
    """Watches one server's output: JSON-RPC's envelope, gapless sequence numbers, nothing after a turn's last event."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[int, str]] = {}

    def check(self, message: dict[str, Any]) -> None:
        """Look at the next message.

        Raises:
            Mismatch: it breaks a rule.
        """
        if message.get("jsonrpc") != "2.0":
            raise Mismatch("jsonrpc", '"2.0"', message.get("jsonrpc", ABSENT))
        if message.keys() not in _ENVELOPES:
            raise Mismatch("", "a JSON-RPC message without any other top-level key", sorted(message))
        if message.get("method") in {"session/event", "session/stream_event"}:
            self._check_event(message.get("params"))

    def _check_event(self, params: Any) -> None:
        match params:
            case {"session_id": str(session_id), "seq": int(seq), "event": {"type": str(kind)}}:
                pass
            case _:
                return  # another dialect: its transcripts say what they expect
        first = params["event"].get("from_seq", seq) if kind == "deltas_folded" else seq
        stream = (params.get("stream_id", ""), session_id)
        last_seq, last_kind = self._seen.get(stream, (seq - 1, ""))
        if not first <= last_seq + 1 <= seq:
            raise Mismatch("params.seq", f"{last_seq + 1}, the next of this session", seq)
        if last_kind in _LAST_OF_TURN and kind not in _BETWEEN_TURNS:
            raise Mismatch("params.event.type", f"run_started, the turn having ended with {last_kind}", kind)
        between = last_kind in _LAST_OF_TURN and kind != "run_started"
        self._seen[stream] = (seq, last_kind if between else kind)
