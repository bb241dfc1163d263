"""The table of limits says what the code does."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.repository.limits import DOCUMENT, LIMITS, Limit, shown, written

PACKAGE = Path(__file__).parents[2] / "meerkat_rpc"


def test_the_table_is_what_the_constants_say_now() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert written(document) == document, "mend it with: make schema"


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.constant)
def test_a_limit_has_its_reason_beside_it(limit: Limit) -> None:
    module, _, name = limit.constant.rpartition(".")
    body = ast.parse((PACKAGE / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")).body
    places = [index for index, statement in enumerate(body) if name in _assigned(statement)]
    if places:  # else it comes from a module where it has its own
        following = body[places[0] + 1]
        assert isinstance(following, ast.Expr)
        assert isinstance(following.value, ast.Constant)


def _assigned(statement: ast.stmt) -> list[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (64 << 20, "bytes", "64 MiB"),
        (1 << 30, "bytes", "1 GiB"),
        (1500, "bytes", "1,500 bytes"),
        (2.0, "s", "2 s"),
        (0.25, "s", "0.25 s"),
        (9000, "ms", "9,000 ms"),
        (100, "", "100"),
    ],
)
def test_values_are_shown_for_people(value: float, unit: str, text: str) -> None:
    assert shown(value, unit) == text
