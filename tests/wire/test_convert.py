"""Conversion: nothing is coerced, and what is wrong is said with its path."""

from __future__ import annotations

from typing import Any, cast

import pytest
from attrs import fields

from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.wire import types
from meerkat_rpc.wire.convert import structure, structure_event, to_json
from tests.wire.samples import RUN_RESULT, USAGE, UUID, plain


def refusal(kind: Any, value: Any, path: str = "params") -> str:
    with pytest.raises(InvalidArgument) as caught:
        structure(kind, value, path)
    return caught.value.message


def session(**members: Any) -> dict[str, Any]:
    return {"session_id": UUID, **members}


def test_params_become_an_instance_with_its_defaults() -> None:
    assert plain(structure(types.SessionListParams, {})) == plain(types.SessionListParams())
    params = structure(
        types.TurnStartParams, session(prompt="hi", wait=False, max_tokens=None, output_schema={"a": [1]})
    )
    assert plain(params) == plain(types.TurnStartParams(UUID, "hi", wait=False, output_schema={"a": [1]}))


def test_unknown_params_are_ignored() -> None:
    assert plain(structure(types.SessionParams, session(later="x"))) == plain(types.SessionParams(UUID))
    assert plain(structure(types.NoParams, {"a": 1})) == plain(types.NoParams())


@pytest.mark.parametrize(
    "spelling",
    [UUID, UUID.upper(), UUID.replace("-", ""), f"{{{UUID}}}", f"urn:uuid:{UUID}"],
)
def test_an_id_is_taken_in_any_spelling_and_made_canonical(spelling: str) -> None:
    assert structure(types.SessionParams, {"session_id": spelling}).session_id == UUID


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (types.SessionParams, {}, "params.session_id: required"),
        (types.SessionParams, [], "params: expected an object, got an array"),
        (types.SessionParams, None, "params: expected an object, got null"),
        (types.SessionParams, {"session_id": None}, "params.session_id: expected a UUID, got null"),
        (types.SessionParams, {"session_id": 5}, "params.session_id: expected a UUID, got 5"),
        (types.SessionParams, {"session_id": "x"}, 'params.session_id: expected a UUID, got "x"'),
        (types.SessionParams, {"session_id": ""}, 'params.session_id: expected a UUID, got ""'),
        (types.SessionParams, {"session_id": [UUID]}, "params.session_id: expected a UUID, got an array"),
        (
            types.SessionListParams,
            {"limit": "ten"},
            'params.limit: expected an integer from 1 to 1000, got "ten"',
        ),
        (types.SessionListParams, {"limit": "5"}, 'params.limit: expected an integer from 1 to 1000, got "5"'),
        (types.SessionListParams, {"limit": 0}, "params.limit: expected an integer from 1 to 1000, got 0"),
        (types.SessionListParams, {"limit": 1001}, "params.limit: expected an integer from 1 to 1000, got 1001"),
        (types.SessionListParams, {"limit": 1.0}, "params.limit: expected an integer from 1 to 1000, got 1.0"),
        (types.SessionListParams, {"limit": True}, "params.limit: expected an integer from 1 to 1000, got true"),
        (types.SessionListParams, {"limit": None}, "params.limit: expected an integer from 1 to 1000, got null"),
        (types.SessionListParams, {"offset": -1}, "params.offset: expected an integer ≥ 0, got -1"),
        (types.SessionListParams, {"archived": "false"}, 'params.archived: expected true or false, got "false"'),
        (types.SessionListParams, {"archived": 0}, "params.archived: expected true or false, got 0"),
        (types.SessionListParams, {"archived": None}, "params.archived: expected true or false, got null"),
        (types.SessionListParams, {"query": 7}, "params.query: expected a string, got 7"),
        (types.SessionListParams, {"query": ["a"]}, "params.query: expected a string, got an array"),
        (types.SessionListParams, {"labels": "a=b"}, 'params.labels: expected an object, got "a=b"'),
        (types.SessionListParams, {"labels": [["a", "b"]]}, "params.labels: expected an object, got an array"),
        (types.SessionListParams, {"labels": None}, "params.labels: expected an object, got null"),
        (types.SessionListParams, {"labels": {"a": 1}}, 'params.labels["a"]: expected a string, got 1'),
        (types.SessionListParams, {"labels": {"a": None}}, 'params.labels["a"]: expected a string, got null'),
        (types.SessionListParams, {"labels": {'"': {}}}, 'params.labels["\\""]: expected a string, got an object'),
        (
            types.TurnStartParams,
            session(prompt=""),
            'params.prompt: expected a string of length ≥ 1 or an array, got ""',
        ),
        (types.TurnStartParams, session(prompt=5), "params.prompt: expected a string of length ≥ 1 or an array, got 5"),
        (types.TurnStartParams, session(), "params.prompt: required"),
        (
            types.TurnStartParams,
            session(prompt="x", max_tokens=0),
            "params.max_tokens: expected an integer ≥ 1, got 0",
        ),
        (
            types.TurnStartParams,
            session(prompt="x", provider_params=[]),
            "params.provider_params: expected an object, got an array",
        ),
        (
            types.SessionExportParams,
            session(format="xml"),
            'params.format: expected "json", "markdown" or "jsonl", got "xml"',
        ),
        (
            types.SessionExportParams,
            session(format={"a": 1}),
            'params.format: expected "json", "markdown" or "jsonl", got an object',
        ),
        (types.LatestCursorParams, {"scope": "session"}, 'params.scope: expected an object, got "session"'),
        (types.LatestCursorParams, {"scope": {}}, "params.scope.type: required"),
        (types.LatestCursorParams, {"scope": {"type": "session"}}, "params.scope.session_id: required"),
        (
            types.LatestCursorParams,
            {"scope": {"type": "all", "session_id": UUID}},
            'params.scope.type: expected "session", got "all"',
        ),
        (types.CancelParams, {"request_id": 1.5}, "params.request_id: expected an integer or a string, got 1.5"),
        (types.CancelParams, {"request_id": True}, "params.request_id: expected an integer or a string, got true"),
        (types.CancelParams, {"request_id": None}, "params.request_id: expected an integer or a string, got null"),
        (types.InitializeParams, {"client_info": {"name": 1}}, "params.client_info.name: expected a string, got 1"),
    ],
)
def test_a_refusal_names_the_path_and_what_belongs_there(kind: Any, value: Any, message: str) -> None:
    assert refusal(kind, value) == message


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (types.SessionArchiveResult, {"archived": 1}, "result.archived: expected true, got 1"),
        (types.SessionUnarchiveResult, {"archived": 0}, "result.archived: expected false, got 0"),
        (types.NullResult, {}, "result: expected null, got an object"),
        (
            types.RunResult,
            {**RUN_RESULT, "schema_warnings": ["a", "b", 3]},
            "result.schema_warnings[2]: expected a string, got 3",
        ),
        (
            types.RunResult,
            {**RUN_RESULT, "schema_warnings": "abc"},
            'result.schema_warnings: expected an array, got "abc"',
        ),
        (
            types.RunResult,
            {**RUN_RESULT, "usage": {**USAGE, "input_tokens": "1"}},
            'result.usage.input_tokens: expected an integer ≥ 0, got "1"',
        ),
        (types.SessionCreateResult, {"session_id": UUID}, "result.turn_id: required"),
        (types.TurnStartResult, [], "result: expected an object, got an array"),
        (
            types.ListSinceResult,
            {"events": [session(turn_id=UUID, seq=0)], "latest_cursor": "x", "has_more": False},
            "result.events[0].seq: expected an integer ≥ 1, got 0",
        ),
        (
            types.SessionEventParams,
            session(turn_id=UUID, seq=1, timestamp_ms=1, event={"type": "later"}),
            'result.event: expected an object of a known type, got "later"',
        ),
        (
            types.SessionEventParams,
            session(turn_id=UUID, seq=1, timestamp_ms=1, event={}),
            "result.event: expected an object of a known type, got null",
        ),
        (
            types.SessionEventParams,
            session(turn_id=UUID, seq=1, timestamp_ms=1, event={"type": "text_delta"}),
            "result.event.delta: required",
        ),
    ],
)
def test_results_are_checked_as_params_are(kind: Any, value: Any, message: str) -> None:
    assert refusal(kind, value, "result") == message


def test_a_refusal_repeats_little_of_a_long_text_and_nothing_of_an_object() -> None:
    message = refusal(types.SessionParams, {"session_id": "x" * 1000})
    assert message == f'params.session_id: expected a UUID, got "{"x" * 39}…"'
    assert "sk-secret" not in refusal(types.SessionParams, {"session_id": {"key": "sk-secret"}})
    assert "sk-secret" not in refusal(types.SessionParams, {"session_id": ["sk-secret"]})


def test_a_line_break_in_a_refused_text_is_escaped() -> None:
    assert refusal(types.SessionParams, {"session_id": "a\nb"}).endswith('got "a\\nb"')


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (RUN_RESULT, types.RunResult),
        ({"session_id": UUID, "turn_id": UUID, "accepted": True}, types.TurnAccepted),
        ({"session_id": UUID, "state": "idle"}, types.SessionDeferred),
    ],
)
def test_a_result_of_several_forms_is_told_by_its_fields(value: dict[str, Any], kind: type) -> None:
    assert type(structure(types.SessionCreateResult, value)) is kind
    assert to_json(structure(types.SessionCreateResult, value)) == value


@pytest.mark.parametrize("percent", [80, 80.0, 79.5])
def test_a_number_may_be_written_as_an_integer(percent: float) -> None:
    event = structure_event({"type": "budget_warning", "budget_type": "t", "used": 1, "limit": 2, "percent": percent})
    assert isinstance(event, types.BudgetWarning)
    assert event.percent == percent


def test_an_event_is_told_by_its_type_and_an_unknown_one_is_none() -> None:
    assert plain(structure_event({"type": "text_delta", "delta": "x"})) == plain(types.TextDelta("text_delta", "x"))
    later = structure_event({"type": "text_delta", "delta": "x", "later": 1})
    assert plain(later) == plain(types.TextDelta("text_delta", "x"))
    assert structure_event({"type": "of a later contract", "x": 1}) is None
    assert structure_event({"type": None}) is None
    assert structure_event({}) is None
    with pytest.raises(InvalidArgument, match=r"event\.delta: expected a string, got 5"):
        structure_event({"type": "text_delta", "delta": 5})


def test_json_values_inside_are_handed_on_as_they_are() -> None:
    value = {"a": [1, 2.5, None, {"b": True}], "c": float(2**70)}
    params = structure(types.ConfigSetParams, {"config": value})
    assert params.config["a"] is value["a"]
    assert to_json(types.ToolCall("1", "n", value))["args"] is value


def test_a_field_that_is_none_is_left_out_only_where_none_is_its_default() -> None:
    usage = types.Usage(1, 2, 3)
    view = types.SessionView(
        UUID, "idle", False, False, "t", {"a": "b"}, None, 1, 2, 3, 4, None, None, None, usage, None
    )
    assert to_json(view) == {
        "session_id": UUID,
        "state": "idle",
        "is_active": False,
        "archived": False,
        "title": "t",
        "labels": {"a": "b"},
        "cwd": None,
        "created_at": 1,
        "updated_at": 2,
        "message_count": 3,
        "total_tokens": 4,
        "model": None,
        "provider": None,
        "last_assistant_text": None,
        "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        "last_turn": None,
    }


def test_other_defaults_are_written_out() -> None:
    assert to_json(types.SessionListParams(cwd="/x")) == {
        "limit": 100,
        "offset": 0,
        "labels": {},
        "cwd": "/x",
        "archived": False,
    }


def test_a_result_of_nothing_is_null() -> None:
    assert to_json(types.NullResult()) is None
    assert plain(structure(types.NullResult, None)) == plain(types.NullResult())
    assert to_json(types.NoParams()) == {}


def test_nested_instances_become_json() -> None:
    event = types.RunCompleted("run_completed", UUID, "x", types.Usage(1, 2, 3, cache_read_tokens=0))
    assert to_json(types.ListSinceResult([types.SessionEventParams(UUID, UUID, 1, 2, event)], "c", has_more=False)) == {
        "events": [
            {
                "session_id": UUID,
                "turn_id": UUID,
                "seq": 1,
                "timestamp_ms": 2,
                "event": {
                    "type": "run_completed",
                    "session_id": UUID,
                    "result": "x",
                    "usage": {**USAGE, "cache_read_tokens": 0},
                },
            }
        ],
        "latest_cursor": "c",
        "has_more": False,
    }


def test_only_the_first_thing_wrong_is_reported() -> None:
    names = [attribute.name for attribute in fields(cast("Any", types.SessionListParams))]
    assert refusal(types.SessionListParams, dict.fromkeys(names, -1.5)).startswith("params.limit: ")
