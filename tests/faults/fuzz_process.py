"""Rubbish in, through a real process: hostile clients of every kind, and a good one behind each of them."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from meerkat_rpc.ids import new_id
from meerkat_rpc.wire.catalog import METHODS
from meerkat_rpc.wire.framing import encode
from tests.faults import fuzz_streams as streams
from tests.faults.fuzz_conversation import MAX_FRAME, Conversation
from tests.faults.fuzz_oracle import Reading, reading
from tests.faults.sweep import Report, sweep
from tests.wire.samples import UUID

ENDINGS = 0.04
"""How many streams end their server."""

SETTLED_AFTER = 10
"""Streams of one server after which everything must have been answered."""

GROWTH_BYTES = 128 << 20
"""What a server may hold more than at its start: turns that run, and sessions with megabytes in them."""

METHOD_NAMES = [method.name for method in METHODS if method.name != "shutdown"] + ["session/create", "turn/start"] * 4

SESSIONS = [UUID[:-1] + digit for digit in "1234"]
"""Sessions that are there, until somebody deletes one, and turns that may have been."""

ODD_MODELS = ("echo", "nobody", "", "../scripted", "scripted:", "echo\0", "x" * 5000)

STEPS: Sequence[dict[str, Any]] = (
    {"text": "one two three", "chunks": 3, "repeat": 2, "delay_ms": 1},
    {"text": "", "repeat": 3},
    {"text": "😀" * 99, "chunks": 2**63},
    {"reasoning": "because"},
    {"tool": {"name": "t", "args": {"a": [1]}, "result": {"b": None}, "is_error": False, "ms": 1}},
    {"sleep_ms": 1},
    {"sleep_ms": 2**63},
    {"usage": {"input_tokens": 2**64 - 1, "output_tokens": 2**63}},
    {"approval": {"summary": "may I", "choices": ["yes"]}},
    {"fail": "no", "code": "PROVIDER_ERROR"},
    {"print": "stray"},
)

MOST_REPEATS = 3
"""More of them is only more of the same, and a script may be told to go on for ever."""

SHOWN_BYTES = 1500

HUGE = "x" * (1 << 20)


@sweep(short=40, full=2_000)
def fuzz_process(report: Report, size: int) -> None:
    """Hostile streams into real servers: each request answered once, in the contract's words; the good one after it."""
    rng = Random(report.seed)
    with tempfile.TemporaryDirectory() as folder:
        talks = [Conversation(style, Path(folder) / style) for style in streams.STYLES]
        for talk in talks:
            talk.make(SESSIONS)
        start = max(talk.server.resident_bytes() for talk in talks)
        peak = 0
        for number in range(size):
            talk = talks[number % len(talks)]
            peak = max(peak, _one(report, rng, talk, number))
        for talk in talks:
            with report.case(f"the last answers, {talk.style}"):
                talk.settle()
            talk.close()
    answers = sum((talk.answers for talk in talks), start=Counter())
    report.figure("answers", f"{answers.total():,}")
    report.figure("kinds of answer", str(len(answers)))
    report.figure("server starts", str(sum(talk.starts for talk in talks)))
    report.figure("memory at most", f"{peak >> 20} MiB")
    if peak - start > GROWTH_BYTES:
        report.defect(f"a server grew from {start >> 20} to {peak >> 20} MiB")


def _one(report: Report, rng: Random, talk: Conversation, number: int) -> int:
    """Send one stream; return the memory that the server held then."""
    if rng.random() < ENDINGS:
        stream, then = _ending(rng, talk)
    else:
        stream, then = _stream(rng, talk), partial(_go_on, settle=number // 2 % SETTLED_AFTER == SETTLED_AFTER - 1)
    held = 0
    with report.case(f"stream {number} of seed {report.seed}, {talk.style}"):
        try:
            talk.say(stream)
            held = then(talk)
            talk.check_stderr()
        except Exception as error:
            talk.restart()
            raise AssertionError(f"{type(error).__name__}: {error}, after {stream[:SHOWN_BYTES]!r}") from error
    return held


def _go_on(talk: Conversation, *, settle: bool) -> int:
    """Ask the server something good, now and then to answer everything; return the memory it holds."""
    talk.call("runtime/health")
    if settle:
        talk.settle()
        talk.make(SESSIONS)
    return talk.server.resident_bytes()


def _stream(rng: Random, talk: Conversation) -> bytes:
    """Return frames of which the last one ends, and none ends the server."""
    while True:
        data = b"".join(_frame(rng, talk) for _ in range(rng.choice([1, 2, 3, 5, 8])))
        read = reading(data, talk.style, MAX_FRAME)
        if read.rest == "line":
            data += b"\n"
        if read.rest in ("nothing", "line") and not _may_end(read):
            return data


def _may_end(read: Reading) -> bool:
    """Return whether a server may be told to end by one of these."""
    frames = b"".join(frame for frame in read.frames if isinstance(frame, bytes))
    return any(word in frames for word in (b'"exit"', b'"shutdown"', b'"process_id"'))


def _frame(rng: Random, talk: Conversation) -> bytes:
    kind = rng.random()
    if kind < 0.15:
        return streams.frame(rng, talk.style)
    if kind < 0.17:
        return encode(b'{"jsonrpc":"2.0","id":1,"method":"' + HUGE.encode() * 2 + b'"}', talk.style)
    message = _request(rng)
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2])):
        message = streams.spoilt(rng, message)
    message = _tamed(message)
    if kind < 0.2:
        message = [message, message]
    return encode(streams.text_of(rng, message).replace(b"\n", b" "), talk.style)


def _request(rng: Random) -> Any:
    """Return a request that means something to the server: its sessions are there, its scripts can be played."""
    message = streams.good_request(rng, rng.choice(METHOD_NAMES))
    required = streams.GOOD_PARAMS[message["method"]][-1]
    params = {name: value for name, value in message["params"].items() if name in required or rng.random() < 0.4}
    params.pop("process_id", None)
    if message["method"] in ("session/create", "turn/start"):
        model = rng.choice(ODD_MODELS) if rng.random() < 0.2 else "scripted"
        params |= {"prompt": "say it", "model": model, "provider_params": {"script": _script(rng)}}
    if rng.random() < 0.05 and (texts := [name for name, value in params.items() if isinstance(value, str)]):
        params[rng.choice(texts)] = HUGE
    return message | {"params": _with_ids(rng, params)}


def _script(rng: Random) -> Any:
    script: Any = [rng.choice(STEPS) for _ in range(rng.randrange(5))]
    return streams.spoilt(rng, script) if rng.random() < 0.5 else script


def _with_ids(rng: Random, value: Any) -> Any:
    """Return ``value`` with sessions and turns named as if they were there."""
    if isinstance(value, dict):
        return {name: _with_ids(rng, item) for name, item in value.items()}
    return rng.choice([*SESSIONS, new_id()]) if value == UUID else value


def _tamed(value: Any) -> Any:
    """Return ``value`` with nothing in it that repeats for ever."""
    if isinstance(value, dict):
        tame = {name: _tamed(item) for name, item in value.items()}
        if isinstance(repeat := tame.get("repeat"), int):
            tame["repeat"] = min(repeat, MOST_REPEATS)
        return tame
    return [_tamed(item) for item in value] if isinstance(value, list) else value


# -- Streams that end the server -----------------------------------------------------------------------------------


def _ending(rng: Random, talk: Conversation) -> tuple[bytes, Callable[[Conversation], int]]:
    """Return a stream that ends its server, and what to do then."""
    last, exit_code = rng.choice([_cut_short, _unreadable, _told_to_exit, _orphaned])(rng, talk)
    return _stream(rng, talk) + last, partial(_begin_again, exit_code=exit_code)


def _begin_again(talk: Conversation, *, exit_code: int | None) -> int:
    """Wait for the end, and start another server on the same store."""
    talk.ended(exit_code)
    talk.restart()
    return _go_on(talk, settle=True)


def _cut_short(rng: Random, talk: Conversation) -> tuple[bytes, int | None]:
    """Half a message, then the end of input."""
    message = encode(streams.text_of(rng, streams.good_request(rng, "session/list")), talk.style)
    return message[: rng.randrange(len(message) + 1)], None


def _unreadable(rng: Random, talk: Conversation) -> tuple[bytes, int | None]:
    """A header section that can't be read. In lines there is nothing like it."""
    if talk.style == "jsonl":
        return rng.randbytes(100), None
    return rng.choice([each for each in streams.HEADERS if reading(each, talk.style, MAX_FRAME).rest == "broken"]), 1


def _told_to_exit(rng: Random, talk: Conversation) -> tuple[bytes, int | None]:
    exit_ = encode(b'{"jsonrpc":"2.0","method":"exit"}', talk.style)
    if rng.random() < 0.5:
        return exit_, 1
    return encode(b'{"jsonrpc":"2.0","id":"s","method":"shutdown"}', talk.style) + exit_, 0


def _orphaned(rng: Random, talk: Conversation) -> tuple[bytes, int | None]:
    """A parent that is gone, or never was."""
    pid = rng.choice([2**22 + 1, 2**31, 2**63, 2**64 - 1])
    body = b'{"jsonrpc":"2.0","id":"p","method":"initialize","params":{"process_id":%d}}' % pid
    return encode(body, talk.style), 0
