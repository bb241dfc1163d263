"""The contract as an OpenRPC 1.3 document (spec.open-rpc.org): every method with its parameters, result and errors.

OpenRPC knows nothing of messages that the server sends; they are in the extensions ``x-server-requests`` and
``x-notifications``.
"""

from __future__ import annotations

from typing import Any, Final

import meerkat_rpc
from meerkat_rpc.wire import catalog
from meerkat_rpc.wire.json_schema import Schema, definitions, named_types

OPENRPC_VERSION: Final = "1.3.2"

_PREFIX: Final = "#/components/schemas/"

_ANY_REQUEST: Final = {"INVALID_REQUEST", "INVALID_PARAMS", "INTERNAL_ERROR", "TURN_CANCELLED"}
"""What any request may be answered with; PARSE_ERROR and METHOD_NOT_FOUND belong to no method."""

_RUNS_A_TURN: Final = {
    "SESSION_BUSY", "PROVIDER_ERROR", "BUDGET_EXHAUSTED", "AGENT_ERROR", "CAPACITY_EXHAUSTED", "CAPABILITY_UNAVAILABLE",
}  # fmt: skip

_TURN_METHODS: Final = {"session/compact", "session/create", "turn/start"}


def openrpc_document() -> dict[str, Any]:
    """Return the document."""
    return {
        "openrpc": OPENRPC_VERSION,
        "info": {
            "title": "meerkat-rpc",
            "version": catalog.CONTRACT_VERSION,
            "description": (meerkat_rpc.__doc__ or "").partition("\n")[0],
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "methods": [_method(entry) for entry in sorted(catalog.METHODS)],
        "x-server-requests": [_method(entry) for entry in catalog.SERVER_REQUESTS],
        "x-notifications": [_notification(entry) for entry in sorted(catalog.NOTIFICATIONS)],
        "components": {
            "schemas": dict(definitions(_PREFIX)),
            "errors": {entry.code: _error(entry) for entry in sorted(catalog.ERRORS, key=lambda entry: entry.code)},
        },
    }


def _method(entry: catalog.Method) -> dict[str, Any]:
    return {
        "name": entry.name,
        "summary": entry.doc,
        "paramStructure": "by-name",
        "params": _params(entry.params),
        "result": {"name": entry.result, "schema": {"$ref": _PREFIX + entry.result}},
        "errors": [{"$ref": f"#/components/errors/{code}"} for code in sorted(_errors_of(entry))],
    }


def _notification(entry: catalog.Notification) -> dict[str, Any]:
    return {
        "name": entry.name,
        "summary": entry.doc,
        "to": entry.to,
        "paramStructure": "by-name",
        "params": _params(entry.params),
    }


def _params(name: str) -> list[dict[str, Any]]:
    schema = definitions(_PREFIX)[name]
    required = schema.get("required", [])
    properties: dict[str, Schema] = schema.get("properties", {})
    # Required ones first, as OpenRPC has it.
    names = sorted(properties, key=lambda field: field not in required)
    return [{"name": field, "required": field in required, "schema": properties[field]} for field in names]


def _errors_of(entry: catalog.Method) -> set[str]:
    errors = set(_ANY_REQUEST)
    if entry.name.partition("/")[0] in {"session", "turn", "events", "approval", "blob"}:
        errors.add("STORE_ERROR")
    params = {attribute.name for attribute in named_types()[entry.params].__attrs_attrs__}
    if entry.name != "session/create" and params & {"session_id", "scope"}:
        errors.add("SESSION_NOT_FOUND")
    if entry.name == "turn/steer":
        errors.add("SESSION_NOT_RUNNING")
    return errors | (_RUNS_A_TURN if entry.name in _TURN_METHODS else set())


def _error(entry: catalog.ErrorCode) -> dict[str, Any]:
    return {"code": entry.number, "message": entry.doc, "data": {"code": entry.code}}
