"""The two dialects of the contract, and the only place where they differ: how an event looks on the wire.

0.3: ``event`` is the flat event. From 0.4.1 on: ``event`` is an envelope ``{event_id, source, seq, timestamp_ms,
payload}``.

On the path to the first reply (choosing a contract): light imports only.
"""

from __future__ import annotations

from collections.abc import Iterable

from meerkat_rpc.domain import LoggedEvent
from meerkat_rpc.ids import event_id
from meerkat_rpc.rpc.contract import is_envelope
from meerkat_rpc.wire.framing import Style, encode


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
        session = session_id.encode()
        return b"[%b]" % b",".join([b"{%b}" % self._members(session, session_id, event) for event in events])

    def _notifications(
        self, head: bytes, session_id: str, events: Iterable[LoggedEvent], style: Style, *, sequence: bool = False
    ) -> bytes:
        session = session_id.encode()
        bodies = [
            b"%b%b%b}}"
            % (head, b'"sequence":%d,' % event.seq if sequence else b"", self._members(session, session_id, event))
            for event in events
        ]
        if style == "jsonl":
            bodies.append(b"")
            return b"\n".join(bodies)
        return b"".join([encode(body, style) for body in bodies])

    def _members(self, session: bytes, session_id: str, event: LoggedEvent) -> bytes:
        seq, timestamp_ms, turn_id, body = event
        if self._envelope:
            body = (
                b'{"event_id":"%b","source":{"type":"session","session_id":"%b"},"seq":%d,"timestamp_ms":%d,"payload":%b}'
                % (event_id(session_id, seq).encode(), session, seq, timestamp_ms, body)
            )
        return b'"session_id":"%b","turn_id":"%b","seq":%d,"timestamp_ms":%d,"event":%b' % (
            session,
            turn_id.encode(),
            seq,
            timestamp_ms,
            body,
        )
