"""Framing: the two styles, every way of splitting them, and what can't be read."""

from __future__ import annotations

import itertools
import random
import time
import tracemalloc
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meerkat_rpc.wire.framing import MAX_FRAME_BYTES, Framer, FrameTooLarge, FramingError, Style, encode
from meerkat_rpc.wire.headers import MAX_CONTENT_LENGTH, MAX_HEADER_BYTES, MAX_HEADER_LINES

Frames = list[bytes | FrameTooLarge]

MIB = 1024 * 1024


def read(framer: Framer, pieces: Iterable[bytes]) -> Frames:
    """Feed every piece, then the end of input."""
    return [frame for piece in pieces for frame in framer.feed(piece)] + framer.end()


def outcome(framer: Framer, pieces: Iterable[bytes]) -> tuple[Frames, str | None]:
    """Feed until the end of input or a fault; return what was read and the fault's message."""
    found: Frames = []
    try:
        for piece in pieces:
            found += framer.feed(piece)
        return found + framer.end(), None
    except FramingError as error:
        return [*found, *error.frames], error.message


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """Return ``data`` cut at ``places``."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:stop] for start, stop in itertools.pairwise(edges)]


def bytewise(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


@pytest.mark.parametrize(
    ("sent", "frames"),
    [
        (b'{"a":1}\n', [b'{"a":1}']),
        (b'{"a":1}\r\n{"b":2}\r\n', [b'{"a":1}', b'{"b":2}']),
        (b'{"a":1}\n{"b":2}', [b'{"a":1}', b'{"b":2}']),
        (b'\n\r\n  \t\n{"a":1}\n\n \n{"b":2}\n\n', [b'{"a":1}', b'{"b":2}']),
        (b'  {"a":1}  \n', [b'{"a":1}']),
        (b"rubbish\nmore\n", [b"rubbish", b"more"]),
        (b"\xff\xfe\n\x00\n", [b"\xff\xfe", b"\x00"]),
        (b'\xef\xbb\xbf{"a":1}\n', [b'\xef\xbb\xbf{"a":1}']),
        (b"\x0b\n\x0c\n", [b"\x0b", b"\x0c"]),
        (b"\xe2\x80\xa8\n", [b"\xe2\x80\xa8"]),
        (b'{"a":"\xe2\x80\xa8\x85"}\n', [b'{"a":"\xe2\x80\xa8\x85"}']),
        (b'{"a":1}\r{"b":2}\n', [b'{"a":1}\r{"b":2}']),
        (b"[1]\n", [b"[1]"]),
        (b"\n\n\n", []),
        (b"", []),
    ],
)
def test_a_line_is_a_frame(sent: bytes, frames: Frames) -> None:
    assert read(Framer(), [sent]) == frames
    assert read(Framer(), bytewise(sent)) == frames


@pytest.mark.parametrize(
    ("sent", "frames"),
    [
        (b"Content-Length: 2\r\n\r\n{}", [b"{}"]),
        (b"Content-Length: 2\r\n\r\n{}Content-Length: 2\r\n\r\n[]", [b"{}", b"[]"]),
        (b"content-length:2\r\n\r\n{}", [b"{}"]),
        (b"CONTENT-LENGTH:\t 2 \t\r\n\r\n{}", [b"{}"]),
        (b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}", [b"{}"]),
        (b"Content-Length: 2\r\nX-Colons: a:b:c\r\nX-Nothing:\r\n\r\n{}", [b"{}"]),
        (b"Content-Length: 2\r\ncontent-length: 02\r\n\r\n{}", [b"{}"]),
        (b"Content-Length: 2\n\n{}", [b"{}"]),
        (b"Content-Length: 2\r\n\n{}", [b"{}"]),
        (b"Content-Length: 0000000000000000000002\r\n\r\n{}", [b"{}"]),
        (b"Content-Length: 2\r\n\r\n{}\r\nContent-Length: 2\r\n\r\n[]\n\n", [b"{}", b"[]"]),
        (b"\r\n Content-Length: 2\r\n\r\n{}", [b"{}"]),
        (b'Content-Length: 6\r\n\r\n"\xc3\xa4\xc3\xb6"', [b'"\xc3\xa4\xc3\xb6"']),
        (b"Content-Length: 3\r\n\r\n{\n}", [b"{\n}"]),
        (b"Content-Length: 4\r\n\r\n\n{}\n", [b"\n{}\n"]),
        (b"Content-Length: 0\r\n\r\nContent-Length: 2\r\n\r\n{}", [b"", b"{}"]),
    ],
)
def test_a_body_has_as_many_bytes_as_its_header_says(sent: bytes, frames: Frames) -> None:
    assert read(Framer(), [sent]) == frames
    assert read(Framer(), bytewise(sent)) == frames


@pytest.mark.parametrize(
    ("sent", "style"),
    [
        (b"", None),
        (b" \r\n\t", None),
        (b"{", "jsonl"),
        (b"\n \t{", "jsonl"),
        (b"[", "jsonl"),
        (b"x", "jsonl"),
        (b"\xef\xbb\xbf", "jsonl"),
        (b"\x00", "jsonl"),
        (b"C", "content-length"),
        (b"c", "content-length"),
        (b"\r\nC", "content-length"),
    ],
)
def test_the_first_byte_that_is_not_white_space_decides(sent: bytes, style: Style | None) -> None:
    framer = Framer()
    framer.feed(sent)
    assert framer.style == style


def test_a_forced_framing_is_not_decided_by_bytes() -> None:
    lines = Framer(framing="jsonl")
    assert lines.style == "jsonl"
    assert lines.feed(b"Content-Length: 2\r\n") == [b"Content-Length: 2"]
    headers = Framer(framing="content-length")
    assert headers.style == "content-length"
    with pytest.raises(FramingError):
        headers.feed(b'{"a":1}\n')


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        (b"Content-Type: x\r\n\r\n", "has no Content-Length"),
        (b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n", "two Content-Lengths that differ"),
        (b"Content-Length: -2\r\n\r\n", "not a number of bytes"),
        (b"Content-Length: +2\r\n\r\n", "not a number of bytes"),
        (b"Content-Length: 2, 2\r\n\r\n", "not a number of bytes"),
        (b"Content-Length: 0x2\r\n\r\n", "not a number of bytes"),
        (b"Content-Length: 1_0\r\n\r\n", "not a number of bytes"),
        (b"Content-Length: 2.0\r\n\r\n", "not a number of bytes"),
        (b"Content-Length: \xb2\r\n\r\n", "not a number of bytes"),
        (b"Content-Length: \xd9\xa2\r\n\r\n", "not a number of bytes"),
        (b"Content-Length: ten\r\n\r\n", "not a number of bytes"),
        (b"Content-Length:\r\n\r\n", "not a number of bytes"),
        (b"Content-Length: 2\rX: y\r\n\r\n", "not a number of bytes"),
        (b"Content-Length: 1073741825\r\n\r\n", "above 1073741824 bytes"),
        (b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", "above 1073741824 bytes"),
        (b"Content-Length : 2\r\n\r\n", "not a name, a colon and a value"),
        (b"Content-Length: 2\r\n folded\r\n\r\n", "not a name, a colon and a value"),
        (b"Content-Length: 2\r\n : nameless\r\n\r\n", "not a name, a colon and a value"),
        (b'{"jsonrpc":"2.0"}\n', "not a name, a colon and a value"),
        (b"Content-L\xc3\xa4ngth: 2\r\n\r\n", "not a name, a colon and a value"),
        (b"Content-Length 2\r\n\r\n", "not a name, a colon and a value"),
        (b"Calling all servers\r\n", "not a name, a colon and a value"),
        (b"C" * (MAX_HEADER_BYTES + 1), f"longer than {MAX_HEADER_BYTES} bytes"),
        (b"C: x\r\n" * (MAX_HEADER_LINES + 1), f"more than {MAX_HEADER_LINES} lines"),
        (b"C: " + b"x" * MAX_HEADER_BYTES + b"\r\n", f"longer than {MAX_HEADER_BYTES} bytes"),
    ],
)
def test_a_header_section_that_cannot_be_read_ends_the_connection(section: bytes, reason: str) -> None:
    whole = b"Content-Length: 2\r\n\r\n{}" + section
    for pieces in ([whole], bytewise(whole)):
        framer = Framer()
        frames, fault = outcome(framer, pieces)
        assert frames == [b"{}"], "what came before the fault is still delivered"
        assert fault is not None
        assert reason in fault
        with pytest.raises(FramingError):
            framer.feed(b"Content-Length: 2\r\n\r\n{}")


def test_the_largest_believed_length_is_skipped_rather_than_refused() -> None:
    assert Framer().feed(b"Content-Length: %d\r\n\r\n" % MAX_CONTENT_LENGTH) == [
        FrameTooLarge(MAX_FRAME_BYTES, MAX_CONTENT_LENGTH)
    ]


def test_a_fault_repeats_nothing_of_the_input() -> None:
    with pytest.raises(FramingError) as caught:
        Framer().feed(b"Content-Length: sk-secret\r\n\r\n")
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("size", [9, 10, 11, 25, 1000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_over_the_limit_is_reported_once_and_the_next_one_is_read(size: int, end: bytes) -> None:
    line = b"x" * size
    expected: Frames = [line] if size + len(end) - 1 <= 10 else [FrameTooLarge(10, None)]
    sent = line + end + b"{}" + end
    assert read(Framer(10), [sent]) == [*expected, b"{}"]
    assert read(Framer(10), bytewise(sent)) == [*expected, b"{}"]


def test_a_line_over_the_limit_is_reported_before_it_ends() -> None:
    framer = Framer(10)
    assert framer.feed(b"x" * 11) == [FrameTooLarge(10, None)]
    assert framer.feed(b"x" * 11) == []
    assert framer.end() == []


@pytest.mark.parametrize("size", [10, 11, 1000])
def test_a_body_over_the_limit_is_reported_with_its_size_and_skipped(size: int) -> None:
    body = b"x" * size
    expected: Frames = [body] if size <= 10 else [FrameTooLarge(10, size)]
    sent = encode(body, "content-length") + encode(b"{}", "content-length")
    assert read(Framer(10), [sent]) == [*expected, b"{}"]
    assert read(Framer(10), bytewise(sent)) == [*expected, b"{}"]


@pytest.mark.parametrize("head", [b"", b"Content-Length: 200000000\r\n\r\n"])
def test_what_is_skipped_is_not_held_in_memory(head: bytes) -> None:
    framer = Framer(MIB)
    piece = b"x" * 65536
    tracemalloc.start()
    try:
        framer.feed(head)
        for _ in range(200_000_000 // len(piece)):
            framer.feed(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MIB


def test_the_rest_of_a_frame_cut_short_by_the_end_of_input_is_handed_on() -> None:
    framer = Framer()
    assert framer.feed(b'Content-Length: 20\r\n\r\n{"a":') == []
    assert framer.end() == [b'{"a":']
    assert framer.end() == []


@pytest.mark.parametrize("sent", [b"Content-Length: 2", b"Content-Length: 2\r\n", b"Content-Length: 2\r\n\r"])
def test_a_header_section_cut_short_by_the_end_of_input_is_a_fault(sent: bytes) -> None:
    framer = Framer()
    framer.feed(sent)
    with pytest.raises(FramingError, match="inside a header section"):
        framer.end()


@pytest.mark.parametrize("style", ["jsonl", "content-length"])
def test_what_is_encoded_is_read_back(style: Style) -> None:
    bodies = [b"{}", b'{"a":"\xc3\xa4"}', b"x" * 70_000]
    framer = Framer()
    assert read(framer, [b"".join(encode(body, style) for body in bodies)]) == bodies
    assert framer.style == style


_LINE_INPUT = st.lists(
    st.sampled_from([b"{}", b'{"a":1}', b"\n", b"\r\n", b" ", b"\t", b"xxxxxxxxxx", b"\xff", b"C", b"\x00"]),
    max_size=20,
)
_HEADER_INPUT = st.lists(
    st.sampled_from(
        [b"Content-Length: 2\r\n\r\n{}", b"c:\n", b"Content-Length: 12\n", b"\r\n", b"\n", b"123456789012", b"x", b" "]
    ),
    max_size=20,
)


@given(st.one_of(_LINE_INPUT, _HEADER_INPUT), st.lists(st.integers(min_value=0), max_size=8))
def test_how_the_bytes_were_split_makes_no_difference(parts: list[bytes], places: list[int]) -> None:
    data = b"".join(parts)
    whole = outcome(Framer(11), [data])
    assert outcome(Framer(11), cut(data, places)) == whole
    assert outcome(Framer(11), bytewise(data)) == whole


@given(st.binary(max_size=200), st.lists(st.integers(min_value=0), max_size=8))
def test_any_bytes_are_read_or_refused_and_never_more(data: bytes, places: list[int]) -> None:
    frames, fault = outcome(Framer(50), cut(data, places))
    assert (frames, fault) == outcome(Framer(50), [data])
    assert sum(len(frame) for frame in frames if isinstance(frame, bytes)) <= len(data)


def test_a_long_stream_of_both_small_and_large_frames_survives_random_splits() -> None:
    chance = random.Random(7)
    bodies = [b"x" * chance.choice([1, 30, 150, 5_000, 200_000]) for _ in range(200)]
    styles: tuple[Style, ...] = ("jsonl", "content-length")
    for style in styles:
        data = b"".join(encode(body, style) for body in bodies)
        places = [chance.randrange(len(data)) for _ in range(300)]
        assert read(Framer(framing=style), cut(data, places)) == bodies


def _seconds_bytewise(style: Style, size: int) -> float:
    data = bytewise(encode(b"x" * size, style))
    framer = Framer(framing=style)
    start = time.process_time()
    frames = [frame for piece in data for frame in framer.feed(piece)]
    assert len(frames) == 1
    return time.process_time() - start


@pytest.mark.parametrize("style", ["jsonl", "content-length"])
def test_a_frame_that_comes_a_byte_at_a_time_costs_time_in_proportion_to_its_size(style: Style) -> None:
    small = min(_seconds_bytewise(style, 32 * 1024) for _ in range(3))
    large = min(_seconds_bytewise(style, 8 * 32 * 1024) for _ in range(2))
    assert large < small * 8 * 3, "eight times the bytes: quadratic cost would be sixty-four times the time"
