"""The JSON-RPC 2.0 envelope: what kind of message a parsed value is (contract section 1).

Who is answered when a message is wrong? JSON-RPC section 5 wants an answer with a null id where no id can be read; its
section 4.1 forbids one to a notification. So:

- a message with a good id is answered under it;
- one without is answered under ``null``, unless it *is* a notification (``jsonrpc`` and ``method`` are right and
  there is no id) whose params alone are wrong;
- one that answers (``result`` or ``error``, no ``method``) is never answered, or two programs could
  exchange errors for ever.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

INVALID_REQUEST: Final = -32600
INVALID_PARAMS: Final = -32602

_CODES: Final = {INVALID_REQUEST: "INVALID_REQUEST", INVALID_PARAMS: "INVALID_PARAMS"}


class Request(NamedTuple):
    """A message that must be answered under its id."""

    id: int | str
    method: str
    params: dict[str, Any]


class Notification(NamedTuple):
    """A message that must not be answered."""

    method: str
    params: dict[str, Any]


class Response(NamedTuple):
    """An answer to a request of ours. ``error`` is None when it succeeded; ``id`` is None when the other side could not
    read ours."""

    id: int | str | None
    result: Any
    error: dict[str, Any] | None


class EnvelopeError(Exception):
    """The message is none of the three.

    Args:
        code: JSON-RPC's number.
        id: the id to answer under; None is sent as ``null``.
        message: one sentence for a person.
        answered: False where no answer may be sent.

    ``data`` is what belongs into the answer's ``error.data``.
    """

    def __init__(self, code: int, id: int | str | None, message: str, *, answered: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.id = id
        self.message = message
        self.answered = answered
        self.data: dict[str, Any] = {"code": _CODES[code]}


def classify(message: Any) -> Request | Notification | Response:
    """Return ``message``, a parsed JSON value, as what it is. ``params`` that are absent, null or empty are ``{}``.

    Raises:
        EnvelopeError: it is not a message of JSON-RPC 2.0, or a batch.
    """
    if type(message) is not dict:
        what = "batches are not supported" if type(message) is list else "expected an object"
        raise EnvelopeError(INVALID_REQUEST, None, what)
    method = message.get("method")
    if method is None and ("result" in message or "error" in message):
        return _response(message)
    request_id = message.get("id")
    if request_id is not None and type(request_id) is not int and type(request_id) is not str:
        raise EnvelopeError(INVALID_REQUEST, None, "id: expected an integer or a string")
    if message.get("jsonrpc") != "2.0":
        raise EnvelopeError(INVALID_REQUEST, request_id, 'jsonrpc: expected "2.0"')
    if type(method) is not str:
        raise EnvelopeError(INVALID_REQUEST, request_id, "method: expected a string")
    params = message.get("params")
    if type(params) is not dict:
        params = _empty_params(params, request_id)
    return Notification(method, params) if request_id is None else Request(request_id, method, params)


def _empty_params(params: Any, request_id: int | str | None) -> dict[str, Any]:
    if params is None or params == []:
        return {}
    # To JSON-RPC (its section 4.2) an array is good params, which no method of ours takes; with a scalar the request is
    # no request.
    code = INVALID_PARAMS if type(params) is list else INVALID_REQUEST
    raise EnvelopeError(code, request_id, "params: expected an object", answered=request_id is not None)


def _response(message: dict[str, Any]) -> Response:
    response_id, error = message.get("id"), message.get("error")
    if message.get("jsonrpc") != "2.0":
        fault = 'jsonrpc: expected "2.0"'
    elif response_id is not None and type(response_id) is not int and type(response_id) is not str:
        fault = "id: expected an integer or a string"
    elif error is not None and type(error) is not dict:
        fault = "error: expected an object"
    else:
        return Response(response_id, message.get("result"), error)
    raise EnvelopeError(INVALID_REQUEST, None, fault, answered=False)
