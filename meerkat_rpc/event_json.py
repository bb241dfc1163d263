"""The one JSON encoding of an event.

An event is encoded once, when it is emitted; the same bytes go to the log and to the wire. The encoding is flat and
tagged by ``type`` (contract section 3). It holds no raw newline, which the log's segment format relies on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from attrs import fields

from meerkat_rpc.domain import EVENT_TYPES, DeltasFolded, Event, LoggedEvent, TextDelta, Usage

_FIELDS: Mapping[type[Event], tuple[str, ...]] = {
    kind: tuple(attribute.name for attribute in fields(kind))  # type: ignore[arg-type]
    for kind in EVENT_TYPES.values()
}

_FOLDED = b'{"type":"deltas_folded"'

TERMINAL_TYPES = frozenset({"run_completed", "run_failed"})
"""Exactly one of these ends every run."""


def encode_event(event: Event) -> bytes:
    """Return the JSON of ``event``: compact UTF-8, one line. See ``encode_json``."""
    if type(event) is TextDelta:  # nine of ten events: skip the dictionary
        try:
            return b'{"type":"text_delta","delta":' + orjson.dumps(event.delta) + b"}"
        except orjson.JSONEncodeError:
            pass
    return encode_json({"type": event.TYPE, **{name: getattr(event, name) for name in _FIELDS[type(event)]}})


def encode_json(value: Any) -> bytes:
    """Return ``value`` as compact JSON on one line, whatever an agent put into it.

    Lone surrogates, which can't be stored, become U+FFFD; integers beyond 64 bits and other values that JSON has no
    place for are turned into their text.
    """
    try:
        return orjson.dumps(value, default=_default)
    except orjson.JSONEncodeError:
        return orjson.dumps(_representable(value))


def decode_event(body: bytes) -> Event | None:
    """Return the event that ``body`` encodes, or None for a type that this version doesn't know.

    Raises:
        ValueError: ``body`` is not an encoded event.
    """
    document = orjson.loads(body)
    kind = EVENT_TYPES.get(document["type"])
    if kind is None:
        return None
    values = {name: document.get(name) for name in _FIELDS[kind]}
    if isinstance(usage := values.get("usage"), dict):
        usage.pop("total_tokens", None)
        values["usage"] = Usage(**usage)
    return kind(**values)


def first_seq(logged: LoggedEvent) -> int:
    """Return the first sequence number that ``logged`` stands for: its own, but for folded deltas."""
    if not logged.body.startswith(_FOLDED):
        return logged.seq
    event = decode_event(logged.body)
    return event.from_seq if isinstance(event, DeltasFolded) else logged.seq


def json_text(value: Any) -> str:
    """Return ``value`` as the text a message carries: a string as it is, anything else as its JSON."""
    return value if isinstance(value, str) else encode_json(value).decode()


def as_json(value: Any) -> Any:
    """Return ``value``, which comes from an agent, as what is read back after it was stored or sent."""
    return orjson.loads(encode_json(value))


def usage_json(usage: Usage) -> dict[str, int]:
    """Return ``usage`` as the contract shows it; cache counts only where there are any."""
    shown = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }
    if usage.cache_read_tokens is not None:
        shown["cache_read_tokens"] = usage.cache_read_tokens
    if usage.cache_creation_tokens is not None:
        shown["cache_creation_tokens"] = usage.cache_creation_tokens
    return shown


def _default(value: Any) -> Any:
    if isinstance(value, Usage):
        return usage_json(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def _representable(value: Any) -> Any:
    """Return ``value`` with everything that orjson refuses replaced by something it takes."""
    match value:
        case orjson.Fragment():
            return value
        case Usage():
            return usage_json(value)
        case str():
            return value.encode("utf-8", "replace").decode() if value.isascii() else _without_surrogates(value)
        case bool() | float() | None:
            return value
        case int():
            return value if -(2**63) <= value < 2**64 else str(value)
        case Mapping():
            return {_without_surrogates(str(key)): _representable(item) for key, item in value.items()}
        case list() | tuple():
            return [_representable(item) for item in value]
        case _:
            return _without_surrogates(str(value))


def _without_surrogates(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
