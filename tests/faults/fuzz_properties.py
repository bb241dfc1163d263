"""What must hold whatever bytes come in, from the first byte to the checked parameters."""

from __future__ import annotations

import itertools
import json
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

import orjson

from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.rpc import mapping
from meerkat_rpc.rpc.contract import choose_contract
from meerkat_rpc.rpc.greeting import _is_plain, _parse_plain
from meerkat_rpc.rpc.handlers.table import PARAMS
from meerkat_rpc.wire import types as wire
from meerkat_rpc.wire.convert import structure, to_json
from meerkat_rpc.wire.envelope import EnvelopeError, Request, Response, classify
from meerkat_rpc.wire.framing import MAX_FRAME_BYTES, Framer, FrameTooLarge, Framing, FramingError, encode
from meerkat_rpc.wire.headers import MAX_HEADER_BYTES
from meerkat_rpc.wire.strict_json import ParseError, parse
from tests.faults.fuzz_oracle import Reading, reading
from tests.wire.samples import plain

FRAMINGS: Sequence[Framing] = ("auto", "auto", "jsonl", "content-length")
LIMITS = (MAX_FRAME_BYTES, MAX_FRAME_BYTES, 1024, 64)

PREAMBLE_BYTES = 3
"""The first bytes of an input choose framing, frame limit and where the stream is cut."""

BYTEWISE = 300
"""Longest stream that is also fed a byte at a time."""

SAID_CHARS = 500
"""Longest message of an error: a path, what was expected, and 40 characters of what came, each escaped at worst."""

MEASURED = 2000
"""One input in so many is measured for memory, which costs as much as ten others."""

GOOD = b'{"jsonrpc":"2.0","id":7,"method":"runtime/health"}'

PARAMETERS = list(PARAMS.values())

FRAMING_COST = 4
FRAMING_BYTES = 64 * 1024
"""What reading a stream may take: so many times its bytes, and so many more."""

Frames = list[bytes | FrameTooLarge]


class Read(NamedTuple):
    """What a framer returned, and the message that it ended with."""

    frames: Frames
    fault: str | None


class Checker:
    """Checks one input after the other; ``seen`` counts what came of their frames."""

    def __init__(self) -> None:
        self.inputs = 0
        self.seen: Counter[str] = Counter()

    def check(self, data: bytes) -> None:
        """Check everything that must hold of the input ``data``.

        Raises:
            AssertionError: something doesn't.
            Exception: the code under test raised what it doesn't name.
        """
        self.inputs += 1
        choice, stream = data[:PREAMBLE_BYTES].ljust(PREAMBLE_BYTES, b"\0"), data[PREAMBLE_BYTES:]
        framing, limit = FRAMINGS[choice[0] % 4], LIMITS[choice[0] // 4 % 4]
        expected = reading(stream, framing, limit)
        whole = _read(Framer(limit, framing), [stream])
        assert whole.frames == expected.frames, f"the framer read {whole}, and should have read {expected}"
        assert (whole.fault is not None) == (expected.rest in ("broken", "header")), f"{whole}, and not {expected}"
        self._check_split(_cut(stream, Random(choice)), Framer(limit, framing), expected, whole)
        if self.inputs % MEASURED == 0:
            _check_memory(stream, Framer(limit, framing))
        for frame in whole.frames:
            self.seen[answered(frame)] += 1

    def _check_split(self, pieces: list[bytes], framer: Framer, expected: Reading, whole: Read) -> None:
        """Check that the stream cut anywhere reads the same, and that a good request after it is found."""
        if expected.rest in ("nothing", "line"):
            pieces.append(b"\n" * (expected.rest == "line") + encode(GOOD, expected.style))
            whole.frames.append(GOOD)
            self.seen["good requests after it"] += 1
        found = _read(framer, pieces)
        assert found == whole, f"cut as {pieces}, {found}, and whole {whole}"


def _read(framer: Framer, pieces: Sequence[bytes]) -> Read:
    """Feed until the end of input or a fault, watching what is held meanwhile."""
    frames: Frames = []
    most = max(framer._max_frame, MAX_HEADER_BYTES)
    try:
        for piece in pieces:
            frames += framer.feed(piece)
            assert len(framer._held) <= most, f"holds {len(framer._held)} bytes"
        return Read(frames + framer.end(), None)
    except FramingError as error:
        return Read([*frames, *error.frames], _bounded(error.message))


def _cut(data: bytes, rng: Random) -> list[bytes]:
    if len(data) <= BYTEWISE and rng.random() < 0.1:
        return [data[place : place + 1] for place in range(len(data))]
    edges = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(8)))
    return [data[start:stop] for start, stop in itertools.pairwise([0, *edges, len(data)])]


def _check_memory(stream: bytes, framer: Framer) -> None:
    """Check that reading holds no more than the stream a few times over: nothing is kept twice, nothing grows."""
    tracemalloc.start()
    _read(framer, [stream])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= FRAMING_COST * len(stream) + FRAMING_BYTES, f"{len(stream)} bytes took {peak} to read"


# -- A frame ----------------------------------------------------------------------------------------------------------


def answered(frame: bytes | FrameTooLarge) -> str:
    """Take a frame as far as the handler; return what it would be answered with."""
    if isinstance(frame, FrameTooLarge):
        return "too large"
    _check_greeting(frame)
    try:
        message = classify(_parsed(frame))
    except ParseError as error:
        _bounded(error.message)
        return "parse error"
    except EnvelopeError as error:
        orjson.dumps({"id": error.id, "message": _bounded(error.message), "data": error.data})
        return "invalid request"
    if isinstance(message, Response):
        return "response"
    kind = PARAMS.get(message.method)
    if kind is not None:
        return _converted(kind, message.params)
    for each in PARAMETERS:
        _converted(each, message.params)
    return "unknown method"


def _parsed(frame: bytes) -> Any:
    """Return what ``frame`` says, which the standard library must say too, and which can be kept."""
    value = parse(frame)
    assert json.loads(frame.decode()) == value
    assert orjson.loads(orjson.dumps(value)) == value
    return value


def _check_greeting(frame: bytes) -> None:
    """Check that the early reader takes nothing that the strict one refuses, and sees the same in it."""
    if b'"initialize"' not in frame:
        return
    try:
        plain = _parse_plain(frame)
        message = classify(plain)
    except (ValueError, EnvelopeError):
        return
    assert parse(frame) == plain
    if isinstance(message, Request) and message.method == "initialize" and _is_plain(message.params):
        structure(wire.InitializeParams, message.params)


def _converted(kind: Any, params: dict[str, Any]) -> str:
    try:
        checked = structure(kind, params)
        assert plain(structure(kind, to_json(checked))) == plain(checked)
        _look_into(checked)
    except InvalidArgument as error:
        _bounded(error.message)
        return "invalid params"
    return f"good {kind.__name__}"


def _look_into(params: Any) -> None:
    """Do what handlers do with texts that are more than texts."""
    match params:
        case wire.SessionListParams(cursor=str() as cursor):
            mapping.list_place(cursor)
        case wire.ListSinceParams(scope=scope, cursor=str() as cursor):
            mapping.event_seq(cursor, scope.session_id)
        case wire.InitializeParams(contract_version=version):
            assert len(choose_contract(version, None)) <= SAID_CHARS


def _bounded(message: str) -> str:
    """Return ``message``, which must be short and tell nothing of our inside."""
    assert len(message) <= SAID_CHARS, f"a message of {len(message)} characters: {message[:SAID_CHARS]}"
    assert "Traceback (most" not in message or "expected" in message, message
    return message
