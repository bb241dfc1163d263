"""The catalogue, the types, the domain's events and the errors: four lists that must agree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from attrs import fields

from meerkat_rpc import domain, errors
from meerkat_rpc.wire import catalog, types
from meerkat_rpc.wire.json_schema import named_types, reached_from

_ROOT = Path(__file__).parents[2]


def every_request() -> tuple[catalog.Method, ...]:
    return (*catalog.METHODS, *catalog.SERVER_REQUESTS)


def mentioned() -> list[str]:
    methods = [name for entry in every_request() for name in (entry.params, entry.result)]
    return [*methods, *(entry.params for entry in catalog.NOTIFICATIONS), "ErrorData"]


def test_every_type_that_the_catalogue_names_is_defined() -> None:
    assert set(mentioned()) <= set(named_types())


def test_every_type_that_is_defined_is_used() -> None:
    assert reached_from(mentioned()) == set(named_types())


def test_no_name_or_number_is_given_twice() -> None:
    names = [entry.name for entry in every_request()] + [entry.name for entry in catalog.NOTIFICATIONS]
    assert len(names) == len(set(names))
    assert len({entry.number for entry in catalog.ERRORS}) == len({entry.code for entry in catalog.ERRORS})
    assert len({entry.number for entry in catalog.ERRORS}) == len(catalog.ERRORS)


def test_every_error_of_the_domain_has_a_number() -> None:
    assert {kind.code for kind in errors.BY_CODE.values()} <= {entry.code for entry in catalog.ERRORS}
    assert errors.MeerkatError.code in {entry.code for entry in catalog.ERRORS}


def test_wire_and_domain_have_the_same_events() -> None:
    wire = {get_args(fields(kind).type.type)[0]: kind.__name__ for kind in _wire_events()}
    assert wire == {tag: kind.__name__ for tag, kind in domain.EVENT_TYPES.items()}


@pytest.mark.parametrize("tag", domain.EVENT_TYPES)
def test_an_event_has_the_same_fields_on_the_wire_and_in_the_domain(tag: str) -> None:
    inner: Any = domain.EVENT_TYPES[tag]
    outer = named_types()[inner.__name__]
    names = [attribute.name for attribute in fields(outer)]
    assert names[0] == "type"
    assert names[1:] == [attribute.name for attribute in fields(inner)]


def _wire_events() -> list[Any]:
    return [named_types()[kind.__name__] for kind in get_args(types.Event)]


def test_what_stands_before_the_first_reply_imports_nothing_heavy() -> None:
    light = "meerkat_rpc.wire.catalog, meerkat_rpc.wire.framing, meerkat_rpc.wire.envelope"
    code = f"import sys, {light}; print(*sorted(sys.modules))"
    # -S: what an environment's own start-up files import is not ours.
    found = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd=_ROOT)
    heavy = {"asyncio", "attr", "attrs", "cattrs", "orjson", "json", "logging", "dataclasses", "inspect", "pathlib"}
    assert heavy & set(found.stdout.split()) == set()
