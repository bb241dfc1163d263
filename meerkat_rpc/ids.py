"""Identifiers: sessions, turns, processes are UUIDs, hyphenated and lower-case wherever they are shown.

Our own are version 7 (RFC 9562 section 5.7): the leading 48 bits are the time, so ids made later sort later
and neighbours in time are neighbours in the store's index.
"""

from __future__ import annotations

import os
import re
import time

_UUID = re.compile(
    r"\{?(?:urn:uuid:)?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\}?",
    re.IGNORECASE,
)


def _hyphenate(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def new_id() -> str:
    """Return a fresh UUIDv7, hyphenated and lower-case."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | 0x7 << 76
    value = (value & ~(0x3 << 62)) | 0x2 << 62
    return _hyphenate(f"{value:032x}")


def canonical_id(text: str) -> str:
    """Return ``text``, a UUID in any of its spellings, hyphenated and lower-case.

    Raises:
        ValueError: ``text`` is not a UUID.
    """
    match = _UUID.fullmatch(text)
    if match is None:
        raise ValueError("not a UUID")
    return "-".join(match.groups()).lower()


def event_id(session_id: str, seq: int) -> str:
    """Return the UUID of one event: the same for the same session and sequence number, always.

    Version 8 (RFC 9562 section 5.8): the session's digits, with the last 48 bits replaced by the sequence
    number. Deterministic, so that a replayed event has the id it had when it was live.

    Args:
        session_id: canonical id of the session.
        seq: the event's sequence number, below 2**48.
    """
    digits = session_id.replace("-", "")
    return _hyphenate(f"{digits[:12]}8{digits[13:16]}{digits[16:20]}{seq:012x}")
