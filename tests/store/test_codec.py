"""Values at rest: what comes back is what was put in, whatever an agent put into it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meerkat_rpc.store.codec import dump, load

VALUES = [None, 2**63, 2**64 - 1, 2**64, -(2**63) - 1, {"": [2**200]}, "cut \ud83d off", {"\udc00": "a\nb"}, [0.1, {}]]


@pytest.mark.parametrize("value", VALUES, ids=ascii)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    data = dump(value)
    assert load(data) == value
    assert b"\n" not in data


def test_what_the_first_release_wrote_of_lone_surrogates_is_read() -> None:
    assert load(json.dumps("cut \ud83d off").encode()) == "cut \ud83d off"
