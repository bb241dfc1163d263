"""Texts of a client's that hold numbers: cursors and versions."""

from __future__ import annotations

import pytest

from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.rpc.contract import choose_contract
from meerkat_rpc.rpc.mapping import event_cursor, event_seq, list_cursor, list_place
from meerkat_rpc.wire.catalog import CONTRACT_VERSION

SESSION = "0190f3b0-0000-7000-8000-000000000001"

NO_NUMBERS = ["", "-1", "+1", "1_0", " 1", "1\n", "\u0661", "9" * 5000]


def test_a_cursor_reads_as_what_it_was_made_of() -> None:
    assert event_seq(event_cursor(SESSION, 2**62), SESSION) == 2**62
    assert list_place(list_cursor((1_760_000_000_000, SESSION))) == (1_760_000_000_000, SESSION)


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_what_was_never_given_out_as_a_cursor_is_refused(number: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^params\.cursor: expected a cursor"):
        event_seq(f"{SESSION}:{number}", SESSION)
    with pytest.raises(InvalidArgument, match=r"^params\.cursor: expected a cursor"):
        list_place(f"{number}.{SESSION}")


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_a_version_that_is_none_leaves_the_default(number: str) -> None:
    assert choose_contract(number, None) == CONTRACT_VERSION
    assert choose_contract(f"0.{number}", None) == CONTRACT_VERSION
