"""The envelope: what each message is, and who is answered when it is nothing."""

from __future__ import annotations

from typing import Any

import pytest

from meerkat_rpc.wire.envelope import EnvelopeError, Notification, Request, Response, classify


def message(**members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", **members}


@pytest.mark.parametrize("id", [0, 1, -7, 2**63, "", "abc", "ä", "null"])
def test_a_method_with_an_id_is_a_request(id: int | str) -> None:
    assert classify(message(id=id, method="m", params={"a": 1})) == Request(id, "m", {"a": 1})


def test_a_method_without_an_id_is_a_notification() -> None:
    assert classify(message(method="m", params={"a": 1})) == Notification("m", {"a": 1})
    assert classify(message(id=None, method="m")) == Notification("m", {})


@pytest.mark.parametrize("params", [{}, [], None])
def test_params_that_are_absent_null_or_empty_all_mean_none(params: Any) -> None:
    assert classify(message(id=1, method="m")) == Request(1, "m", {})
    assert classify(message(id=1, method="m", params=params)) == Request(1, "m", {})


def test_further_members_are_ignored() -> None:
    assert classify(message(id=1, method="m", trace="x", params={"jsonrpc": "1.0", "id": 2})) == Request(
        1, "m", {"jsonrpc": "1.0", "id": 2}
    )


@pytest.mark.parametrize(
    ("sent", "response"),
    [
        (message(id=1, result=None), Response(1, None, None)),
        (message(id="a", result={"x": 1}), Response("a", {"x": 1}, None)),
        (message(id=1, error={"code": -1, "message": "no"}), Response(1, None, {"code": -1, "message": "no"})),
        (message(id=1, result=None, error={"code": -1}), Response(1, None, {"code": -1})),
        (message(id=1, result=2, error=None), Response(1, 2, None)),
        (message(id=None, error={"code": -32700}), Response(None, None, {"code": -32700})),
        (message(id=1, result=2, method=None), Response(1, 2, None)),
    ],
)
def test_a_result_or_an_error_without_a_method_is_a_response(sent: dict[str, Any], response: Response) -> None:
    assert classify(sent) == response


@pytest.mark.parametrize(
    ("sent", "code", "id", "reason"),
    [
        ([], -32600, None, "batches are not supported"),
        ([message(id=1, method="m")], -32600, None, "batches are not supported"),
        (None, -32600, None, "expected an object"),
        (1, -32600, None, "expected an object"),
        ("x", -32600, None, "expected an object"),
        (True, -32600, None, "expected an object"),
        ({}, -32600, None, 'jsonrpc: expected "2.0"'),
        ({"id": 1, "method": "m"}, -32600, 1, 'jsonrpc: expected "2.0"'),
        ({"method": "m"}, -32600, None, 'jsonrpc: expected "2.0"'),
        ({"jsonrpc": 2.0, "id": 1, "method": "m"}, -32600, 1, 'jsonrpc: expected "2.0"'),
        ({"jsonrpc": "1.0", "id": 1, "method": "m"}, -32600, 1, 'jsonrpc: expected "2.0"'),
        (message(id=1.5, method="m"), -32600, None, "id: expected an integer or a string"),
        (message(id=1.0, method="m"), -32600, None, "id: expected an integer or a string"),
        (message(id=True, method="m"), -32600, None, "id: expected an integer or a string"),
        (message(id={}, method="m"), -32600, None, "id: expected an integer or a string"),
        (message(id=[1], method="m"), -32600, None, "id: expected an integer or a string"),
        (message(id=1), -32600, 1, "method: expected a string"),
        (message(id=1, method=None), -32600, 1, "method: expected a string"),
        (message(id=1, method=5), -32600, 1, "method: expected a string"),
        (message(method=1, params="bar"), -32600, None, "method: expected a string"),
        (message(id="a", method="m", params=[1]), -32602, "a", "params: expected an object"),
        (message(id=1, method="m", params="x"), -32600, 1, "params: expected an object"),
        (message(id=1, method="m", params=0), -32600, 1, "params: expected an object"),
        (message(id=1, method="m", params=False), -32600, 1, "params: expected an object"),
    ],
)
def test_a_message_that_is_none_of_these_is_answered_with_the_reason(
    sent: Any, code: int, id: int | str | None, reason: str
) -> None:
    with pytest.raises(EnvelopeError) as caught:
        classify(sent)
    error = caught.value
    assert (error.code, error.id, error.message, error.answered) == (code, id, reason, True)
    assert error.data == {"code": {-32600: "INVALID_REQUEST", -32602: "INVALID_PARAMS"}[code]}


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(message(method="m", params=[1]), id="a notification with an array"),
        pytest.param(message(id=None, method="m", params="x"), id="a notification with a text"),
        pytest.param({"id": 1, "result": 2}, id="a response without a version"),
        pytest.param(message(id=True, result=2), id="a response with an odd id"),
        pytest.param(message(id=1, error="no"), id="a response whose error is a text"),
    ],
)
def test_a_malformed_notification_or_response_is_refused_without_an_answer(sent: dict[str, Any]) -> None:
    with pytest.raises(EnvelopeError) as caught:
        classify(sent)
    assert not caught.value.answered
