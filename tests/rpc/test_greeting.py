"""What the early reader of ``initialize`` takes is what the strict one takes."""

from __future__ import annotations

from typing import Any

import pytest

from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.rpc.greeting import _is_plain
from meerkat_rpc.wire.convert import structure
from meerkat_rpc.wire.types import InitializeParams

ODD: list[Any] = [None, 0, 1, "", "text", False, True, [], {}, {"name": 1}, {"version": []}, {"name": "n"}]


@pytest.mark.parametrize("name", ["client_info", "process_id", "contract_version", "capabilities"])
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_a_parameter_that_the_strict_reader_refuses_is_left_to_it(name: str, value: Any) -> None:
    params = {name: value}
    try:
        structure(InitializeParams, params)
    except InvalidArgument:
        assert not _is_plain(params)
    else:
        assert _is_plain(params)
