"""What matches what, and what a mismatch says."""

from __future__ import annotations

from typing import Any

import pytest

from meerkat_rpc.transcript.patterns import Mismatch, UnboundName, literal, match, substitute

UUID = "01970000-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("$any", None),
        ("$str", ""),
        ("$int", 0),
        ("$number", 1.5),
        ("$bool", False),
        ("$list", []),
        ("$object", {}),
        ("$uuid", UUID),
        ("$contains:b:c", "ab:cd"),
        ("$matches:^a.c$", "abc"),
        ("costs $5", "costs $5"),
        ("$$any", "$any"),
        ({"a": 1, "...": True}, {"a": 1, "b": 2}),
        ([1, "..."], [1, 2, 3]),
        (["..."], []),
        ([{"a": "$int"}], [{"a": 2}]),
    ],
)
def test_a_pattern_takes_the_value_it_describes(pattern: Any, value: Any) -> None:
    assert match(pattern, value, {}) == {}


@pytest.mark.parametrize(
    ("pattern", "value", "path"),
    [
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "a.b[1]"),
        ({"a": 1}, {"a": 1, "b": 2}, "b"),
        ({"a": 1, "b": 2}, {"a": 1}, "b"),
        ({"a": [1]}, {"a": [1, 2]}, "a[1]"),
        ({"a": [1, 2]}, {"a": [1]}, "a[1]"),
        ({"a": {}}, {"a": []}, "a"),
        ({"a": []}, {"a": {}}, "a"),
        ("$int", True, ""),
        ("$number", True, ""),
        ("$uuid", UUID.upper().replace("1970", "197A"), ""),
        ("$contains:x", 5, ""),
        (1, True, ""),
        (1, 1.0, ""),
        (None, 0, ""),
        ("1", 1, ""),
    ],
)
def test_a_mismatch_names_the_first_place_that_differs(pattern: Any, value: Any, path: str) -> None:
    with pytest.raises(Mismatch) as caught:
        match(pattern, value, {})
    assert caught.value.path == path


def test_a_name_is_bound_by_the_first_value_and_must_be_equal_from_then_on() -> None:
    names = match({"a": "$x:int", "b": "$x:int"}, {"a": 5, "b": 5}, {})
    assert names == {"x": 5}
    assert match("$x", 5, names) == names
    with pytest.raises(Mismatch, match="x"):
        match("$x:int", 6, names)


def test_a_mismatch_binds_nothing() -> None:
    names: dict[str, Any] = {}
    with pytest.raises(Mismatch):
        match({"a": "$x:int", "b": 1}, {"a": 5, "b": 2}, names)
    assert names == {}


def test_a_name_that_nothing_is_bound_to_is_an_error() -> None:
    with pytest.raises(UnboundName, match="session"):
        match("$session", "x", {})
    with pytest.raises(UnboundName, match="session"):
        substitute({"a": ["$session"]}, {})


def test_names_are_put_in_place_whole_with_their_type_or_inside_of_text() -> None:
    names = {"n": 5, "s": "five"}
    assert substitute({"a": "$n", "b": ["${s}/${n}", "$$n", "$5", 1]}, names) == {
        "a": 5,
        "b": ["five/5", "$n", "$5", 1],
    }


@pytest.mark.parametrize("text", ["$any", "$x:int", "${x}", "$$", "$", "a $ b", "$contains:x"])
def test_any_text_can_be_written_so_that_only_it_matches(text: str) -> None:
    assert match(literal(text), text, {}) == {}
    assert substitute(literal(text), {}) == text
