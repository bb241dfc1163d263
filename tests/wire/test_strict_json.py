"""Strict JSON: what is taken, what is refused, and that the shortcuts decide as the long way would."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meerkat_rpc.wire.strict_json import MAX_DEPTH, ParseError, parse


@pytest.mark.parametrize(
    "frame",
    [
        b"{}",
        b' {"a": [1, -2.5, true, null, "\\u00e4\\n"]} ',
        b'"\\ud83d\\ude00"',
        b'"\\u0000"',
        b"-0",
        b"1e308",
        b"9223372036854775807",
        b"-9223372036854775808",
        b"18446744073709551615",
        b"0.12345678901234567890123456789",
        b"12345678901234567890.5",
        b"1.5e-320",
        b'"123456789012345678901234567890"',
        b'{"12345678901234567890123":"12345678901234567890123"}',
        b'"an id: 99999999999999999999, and more"',
        b'{"a":1,"a":2}',
    ],
)
def test_json_that_can_be_kept_is_taken(frame: bytes) -> None:
    assert parse(frame) == json.loads(frame)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="cut short"),
        pytest.param(b'{"a":1', id="object cut short"),
        pytest.param(b'{"a":1}{"b":2}', id="two values"),
        pytest.param(b'{"a":1}\x00', id="something after the value"),
        pytest.param(b"{'a':1}", id="single quotes"),
        pytest.param(b'{"a":1,}', id="trailing comma"),
        pytest.param(b"{a:1}", id="bare key"),
        pytest.param(b"// x\n{}", id="comment"),
        pytest.param(b"01", id="leading zero"),
        pytest.param(b"+1", id="leading plus"),
        pytest.param(b".5", id="no digit before the point"),
        pytest.param(b"0x10", id="hexadecimal"),
        pytest.param(b"tru", id="half a word"),
        pytest.param(b'"\t"', id="raw control character"),
        pytest.param(b'"\\x41"', id="unknown escape"),
        pytest.param(b"\x0b{}", id="vertical tab around"),
        pytest.param(b"\xc2\xa0{}", id="no-break space around"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'"\xff"', id="invalid UTF-8"),
        pytest.param(b'"\xc0\x80"', id="overlong UTF-8"),
        pytest.param(b'"\xed\xa0\x80"', id="surrogate in UTF-8"),
        pytest.param(b'"\\ud800"', id="lone high surrogate"),
        pytest.param(b'"\\udc00"', id="lone low surrogate"),
        pytest.param(b'"\\ude00\\ud83d"', id="surrogates the wrong way round"),
        pytest.param(b'{"\\ud800":1}', id="lone surrogate in a key"),
        pytest.param(b"NaN", id="NaN"),
        pytest.param(b"[-Infinity]", id="Infinity"),
        pytest.param(b"1e999", id="beyond a double"),
        pytest.param(b"[-1e999]", id="beyond a double, negative"),
        pytest.param(b"18446744073709551616", id="beyond 64 bits"),
        pytest.param(b"-9223372036854775809", id="beyond 64 bits, negative"),
        pytest.param(b'{"id": 99999999999999999999 }', id="beyond 64 bits in an object"),
        pytest.param(b"[[1, 99999999999999999999]]", id="beyond 64 bits in a list"),
        pytest.param(b'["99999999999999999999", 99999999999999999999]', id="beyond 64 bits beside a text"),
        pytest.param(b"1" + b"0" * 5000, id="thousands of digits"),
        pytest.param(b"1" + b"0" * 300, id="hundreds of digits"),
    ],
)
def test_anything_else_is_refused(frame: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        parse(frame)
    assert caught.value.message.startswith("invalid JSON: ")


def nested(depth: int, inner: bytes = b"1") -> bytes:
    half = depth // 2
    return b'{"a":[' * half + b"[" * (depth % 2) + inner + b"]" * (depth % 2) + b"]}" * half


@pytest.mark.parametrize("depth", [1, 2, MAX_DEPTH - 1, MAX_DEPTH])
def test_nesting_up_to_the_limit_is_taken(depth: int) -> None:
    assert parse(nested(depth)) == orjson.loads(nested(depth))


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, MAX_DEPTH + 2, 1000, 5000, 1_000_000])
@pytest.mark.parametrize("inner", [b"1", b"[]", b"{}"])
def test_nesting_beyond_the_limit_is_refused(depth: int, inner: bytes) -> None:
    with pytest.raises(ParseError):
        parse(nested(depth, inner))


def test_an_empty_container_counts_as_a_level() -> None:
    parse(nested(MAX_DEPTH - 1, b"[]"))
    with pytest.raises(ParseError, match="nested more than 100 deep"):
        parse(nested(MAX_DEPTH, b"[]"))


@pytest.mark.parametrize(
    "frame",
    [b"[" + b"[]," * 500 + b"{}]", b'"' + b"[{" * 500 + b'"', b'{"a":"' + b"{" * 500 + b'","b":[[1],[2]]}'],
)
def test_many_brackets_that_are_not_deep_are_taken(frame: bytes) -> None:
    assert parse(frame) == json.loads(frame)


def test_a_refusal_repeats_nothing_of_the_frame() -> None:
    for frame in (b'{"key":"sk-secret', b"sk-secret", b'["sk-secret",99999999999999999999]', b'{"sk-secret":NaN}'):
        with pytest.raises(ParseError) as caught:
            parse(frame)
        assert "secret" not in caught.value.message


_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=6,
)


@given(_VALUES)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert parse(orjson.dumps(value)) == value
    assert parse(json.dumps(value).encode()) == value


@given(
    st.integers(-(2**70), 2**70), st.sampled_from(["{}", "[{}]", '{{"a": {}}}', " {} ", '["9999999999999999999", {}]'])
)
def test_an_integer_is_taken_just_when_64_bits_hold_it(number: int, around: str) -> None:
    frame = around.format(number).encode()
    if -(2**63) <= number < 2**64:
        assert parse(frame) == json.loads(frame)
    else:
        with pytest.raises(ParseError):
            parse(frame)


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_a_parse_error(frame: bytes) -> None:
    with contextlib.suppress(ParseError):
        parse(frame)
