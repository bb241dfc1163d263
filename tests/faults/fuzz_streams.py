"""What a broken or hostile client sends: good requests of every method, spoilt in one way or several."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from meerkat_rpc.rpc.handlers.table import PARAMS
from meerkat_rpc.wire.framing import Style, encode, header
from tests.wire.samples import UUID, samples

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"

STYLES: Sequence[Style] = ("jsonl", "content-length")

Message = Any

GOOD_PARAMS: dict[str, list[Any]] = {method: list(samples(kind)) for method, kind in PARAMS.items()}
"""Parameters of every method and notification, made from its types."""

ODD_TEXTS = (
    "",
    "\0",
    "\x7f\x85\u2028",
    "😀" * 50,
    "a" * 5000,
    "1" * 5000,
    "../../../etc/passwd",
    "s/" + UUID + "/head",
    UUID.upper(),
    "{" + UUID + "}",
    UUID + "\n",
    "0" * 32,
    UUID + ":" + "9" * 5000,
    UUID + ":1",
    "f" * 5000 + "." + UUID,
    "-1.x",
    "9.9.9",
    "Traceback (most recent call last):",
    "%s%n{0}",
)

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -0.0, 1, -1, 0.5, 1e308, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, -(2**63),
    [], {}, [[]], {"": ""}, [None], "2.0", "1.0", *ODD_TEXTS,
)  # fmt: skip

ODD_KEYS = (
    "",
    "id",
    "params",
    "method",
    "jsonrpc",
    "result",
    "error",
    "session_id",
    "type",
    "__class__",
    "\0",
    "x" * 300,
)

RAW_VALUES = (
    b"NaN", b"-Infinity", b"1e999", b"01", b"1.", b"18446744073709551616", b"-9223372036854775809", b"9" * 5000,
    b"1e-400", rb'"\ud800"', rb'"\udc00\ud800"', rb'"\u0000"', rb'"\x"', b'"\xff\xfe"', b'"\xed\xa0\x80"', b'"\n"',
    b"'a'", b"/**/1", b"{,}", b"[1,]", b'{"a":1,"a":2}', b"\x00", b"\xef\xbb\xbf1", b"[" * 90 + b"]" * 90,
    b"[" * 101 + b"]" * 101, b'{"a":' * 120 + b"1" + b"}" * 120, b"[" * 2000, b"[" * 1100 + b"]" * 1100,
)  # fmt: skip
"""What no JSON writer writes, put in place of a value."""

HEADERS = (
    b"Content-Length: 0\r\n\r\n", b"Content-Length: -1\r\n\r\n", b"Content-Length: 2000000000\r\n\r\n",
    b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", b"Content-Type: x\r\n\r\n", b"Content-Length: 5, 5\r\n\r\n",
    b"content-length:\t007\r\nX-Y: z\r\n\r\n", b"Content-Length : 5\r\n\r\n", b"Content-Length: 1_0\r\n\r\n", b"\r\n",
    b"C: " + b"x" * 8200 + b"\r\n\r\n", b"A: b\r\n" * 65 + b"\r\n", b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
)  # fmt: skip


def good_request(rng: Random, method: str | None = None, request_id: Any = None) -> Message:
    """Return a request that the types allow."""
    method = method or rng.choice(list(GOOD_PARAMS))
    request_id = rng.randrange(1, 100) if request_id is None else request_id
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": rng.choice(GOOD_PARAMS[method])}


def spoilt(rng: Random, message: Message) -> Message:
    """Return ``message`` with something in it put in place of another: anywhere, most often in the parameters."""
    within = isinstance(message, dict) and isinstance(message.get("params"), dict) and rng.random() < 0.8
    if within:
        return message | {"params": _spoil(rng, message["params"])}
    return _spoil(rng, message)


def _spoil(rng: Random, value: Any) -> Any:
    """Go down from ``value`` at random and change what is reached."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        return rng.choice(_OF_OBJECTS)(rng, value, key)
    if isinstance(value, list) and value and rng.random() < 0.8:
        index = rng.randrange(len(value))
        return [*value[:index], _spoil(rng, value[index]), *value[index + 1 :]]
    return rng.choice(ODD_VALUES)


def _deeper(rng: Random, value: dict[str, Any], key: str) -> Any:
    return value | {key: _spoil(rng, value[key])}


def _without(rng: Random, value: dict[str, Any], key: str) -> Any:
    return {name: item for name, item in value.items() if name != key}


def _renamed(rng: Random, value: dict[str, Any], key: str) -> Any:
    return _without(rng, value, key) | {rng.choice(ODD_KEYS): value[key]}


def _with_more(rng: Random, value: dict[str, Any], key: str) -> Any:
    return value | {rng.choice(ODD_KEYS): rng.choice(ODD_VALUES)}


_OF_OBJECTS: Sequence[Callable[[Random, dict[str, Any], str], Any]] = (
    _deeper, _deeper, _deeper, _deeper, _without, _renamed, _with_more,
)  # fmt: skip


def text_of(rng: Random, message: Message) -> bytes:
    """Return ``message`` as JSON; now and then with something in it that is none."""
    body = json.dumps(message, ensure_ascii=rng.random() < 0.3, separators=(",", ":")).encode("utf-8", "surrogatepass")
    if rng.random() < 0.1:
        places = [place for place in range(len(body)) if body[place : place + 1] in b":,["] or [0]
        place = rng.choice(places) + 1
        body = body[:place] + rng.choice(RAW_VALUES) + rng.choice([b"", b","]) + body[place:]
    return body


def framed(rng: Random, body: bytes, style: Style) -> bytes:
    """Return ``body`` framed; now and then wrongly."""
    if style == "jsonl":
        return body + (rng.choice([b"\r\n", b" \n\n", b""]) if rng.random() < 0.15 else b"\n")
    if rng.random() < 0.9:
        return encode(body, style)
    return rng.choice([rng.choice(HEADERS), header(len(body) + rng.randrange(-3, 4)) if body else b""]) + body


def frame(rng: Random, style: Style) -> bytes:
    """Return one frame: good, spoilt, or no message at all."""
    kind = rng.random()
    if kind < 0.05:
        return framed(rng, rng.randbytes(rng.randrange(40)), style)
    if kind < 0.08:
        return rng.choice(HEADERS)
    message = good_request(rng)
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        message = spoilt(rng, message)
    if kind < 0.12:
        message = [message] * rng.randrange(3)
    return framed(rng, text_of(rng, message), style)


def stream(rng: Random, style: Style) -> bytes:
    """Return a few frames; half of the time the last one is cut short."""
    data = b"".join(frame(rng, style) for _ in range(rng.choice([1, 1, 2, 2, 3, 5])))
    return data if rng.random() < 0.5 else data[: rng.randrange(len(data) + 1)]


def good_streams() -> Iterator[bytes]:
    """Yield what to begin with: a good request of each method in both framings, and what the transcripts send."""
    for method, rows in GOOD_PARAMS.items():
        for params in (rows[0], rows[-1]):
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
            for style in STYLES:
                yield encode(body, style)
    for path in sorted(TRANSCRIPTS.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            if sent := _sent(json.loads(line)):
                yield sent


def _sent(step: dict[str, Any]) -> bytes:
    """Return what a step of a transcript sends."""
    match step:
        case {"send": dict() as message}:
            return encode(json.dumps({"jsonrpc": "2.0"} | message).encode(), "jsonl")
        case {"send_frame": str() as body} | {"send_raw": str() as body}:
            return body.encode() + b"\n"
        case {"send_frame_base64": str() as body} | {"send_base64": str() as body}:
            return base64.b64decode(body) + b"\n"
    return b""
