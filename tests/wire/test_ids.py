"""A session's id becomes part of keys and of paths: nothing but a UUID gets that far, whatever the method."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.ids import canonical_id
from meerkat_rpc.wire import types
from meerkat_rpc.wire.catalog import METHODS
from meerkat_rpc.wire.convert import structure
from tests.wire.samples import UUID, full

CANONICAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

LEAVING = [
    "", ".", "..", "../..", "/", "/etc/passwd", f"../{UUID}", f"{UUID}/..", f"s/{UUID}", f"s/{UUID}/head",
    f"{UUID}/head",
    f"{UUID}\0", f"{UUID}\n", f" {UUID}", f"{UUID}%2e", "%2e%2e%2f",
    f"{UUID[:-1]}\uff05", "\U0001d7ce" + UUID[1:], "\u0660" + UUID[1:],
    "identity", "changes", "c/0", UUID.replace("-", "/"), UUID.replace("-", "\\"), UUID[:-1], UUID + "0",
    "{" * 2 + UUID, f"urn:uuid:urn:uuid:{UUID}", "NUL", "con", UUID.replace("0", "O"), UUID.replace("-", "\u2010"),
]  # fmt: skip
"""Ways out of a session's keys, and out of a folder."""


def ids_in(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield where in JSON of a method's parameters an id stands."""
    for name, inner in value.items() if isinstance(value, dict) else ():
        if name in {"session_id", "turn_id"}:
            yield (*path, name)
        yield from ids_in(inner, (*path, name))


PLACES = [
    pytest.param(getattr(types, method.params), place, id=f"{method.name} {'.'.join(place)}")
    for method in METHODS
    for place in ids_in(full(getattr(types, method.params)))
]


def replaced(value: dict[str, Any], path: tuple[str, ...], new: Any) -> dict[str, Any]:
    """Return ``value`` with ``new`` at ``path``."""
    name, *rest = path
    return value | {name: replaced(value[name], tuple(rest), new) if rest else new}


def test_there_are_places_to_look_at() -> None:
    assert len(PLACES) > 15


@pytest.mark.parametrize(("kind", "place"), PLACES)
def test_no_method_takes_anything_but_an_id(kind: Any, place: tuple[str, ...]) -> None:
    for text in LEAVING:
        with pytest.raises(InvalidArgument, match="expected a UUID"):
            structure(kind, replaced(full(kind), place, text))


@pytest.mark.parametrize(("kind", "place"), PLACES)
def test_a_method_sees_an_id_in_its_one_spelling(kind: Any, place: tuple[str, ...]) -> None:
    found: Any = structure(kind, replaced(full(kind), place, f"{{URN:UUID:{UUID.replace('-', '').upper()}}}"))
    for name in place:
        found = getattr(found, name)
    assert found == UUID


nearly = st.from_regex(r"\A\W?(urn:uuid:)?[0-9a-fA-Fg\u0660\uff0e/%.]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\W?\Z")


@given(st.one_of(nearly, st.text(), st.uuids().map(str), st.sampled_from(LEAVING)))
def test_whatever_the_text_an_id_is_made_of_nothing_but_digits_and_hyphens(text: str) -> None:
    try:
        made = canonical_id(text)
    except ValueError:
        return
    assert CANONICAL.fullmatch(made)
    assert canonical_id(made) == made
