"""The two dialects of the contract, and the only place where they differ: how an event looks on the wire.

0.3: ``event`` is the flat event. From 0.4.1 on: ``event`` is an envelope ``{event_id, source, seq, timestamp_ms,
payload}``.

On the path to the first reply (choosing a contract): light imports only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from meerkat_rpc.domain import LoggedEvent
from meerkat_rpc.ids import event_id
from meerkat_rpc.rpc.contract import is_envelope
from meerkat_rpc.wire.framing import Style, header


class Dialect:
    """How a connection that speaks ``contract_version`` sees events."""

    def __init__(self, contract_version: str) -> None:
        self.contract_version = contract_version
        self._envelope = is_envelope(contract_version)

    def session_events(self, session_id: str, events: Iterable[LoggedEvent], style: Style) -> bytes:
        """Return the ``session/event`` notifications of ``events``, framed."""
        head = b'{"jsonrpc":"2.0","method":"session/event","params":{'
        return self._notifications(head, session_id, events, style)

    def stream_events(self, stream_id: str, session_id: str, events: Iterable[LoggedEvent], style: Style) -> bytes:
        """Return the ``session/stream_event`` notifications of ``events``, framed."""
        head = b'{"jsonrpc":"2.0","method":"session/stream_event","params":{"stream_id":"%b",' % stream_id.encode()
        return self._notifications(head, session_id, events, style, sequence=True)

    def listed(self, session_id: str, events: Iterable[LoggedEvent]) -> bytes:
        """Return ``events`` as the JSON array of ``events/list_since``."""
        return b"[%b]" % b",".join([b"".join(parts) for parts in self._parts(b"{", session_id, events)])

    def _notifications(
        self, head: bytes, session_id: str, events: Iterable[LoggedEvent], style: Style, *, sequence: bool = False
    ) -> bytes:
        """Return one message an event. Bodies are joined once: the largest are as large as a whole turn's text."""
        pieces: list[bytes] = []
        tail = b"}\n" if style == "jsonl" else b"}"
        for prefix, body, close in self._parts(head, session_id, events, sequence=sequence):
            if style != "jsonl":
                pieces.append(header(len(prefix) + len(body) + len(close) + len(tail)))
            pieces += (prefix, body, close, tail)
        return b"".join(pieces)

    def _parts(
        self, head: bytes, session_id: str, events: Iterable[LoggedEvent], *, sequence: bool = False
    ) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Yield, for each event, what stands before its body, the body, and what stands after it."""
        session = session_id.encode()
        known_turn, before_seq = "", b""
        for seq, timestamp_ms, turn_id, body in events:
            if turn_id != known_turn:
                known_turn = turn_id
                before_seq = b'"session_id":"%b","turn_id":"%b","seq":' % (session, turn_id.encode())
            first = b'%b"sequence":%d,' % (head, seq) if sequence else head
            prefix = b'%b%b%d,"timestamp_ms":%d,"event":' % (first, before_seq, seq, timestamp_ms)
            if self._envelope:
                yield prefix + _envelope(session, session_id, seq, timestamp_ms), body, b"}}"
            else:
                yield prefix, body, b"}"


def _envelope(session: bytes, session_id: str, seq: int, timestamp_ms: int) -> bytes:
    """Return what stands before the payload in an envelope."""
    return b'{"event_id":"%b","source":{"type":"session","session_id":"%b"},"seq":%d,"timestamp_ms":%d,"payload":' % (
        event_id(session_id, seq).encode(),
        session,
        seq,
        timestamp_ms,
    )
