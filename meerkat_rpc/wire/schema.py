"""The contract as files, generated from the catalogue and the types: JSON Schema, OpenRPC, TypeScript.

Pure: the same code gives the same text, to the byte. ``meerkat-rpc schema`` prints, writes and compares it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from meerkat_rpc.wire import catalog
from meerkat_rpc.wire.json_schema import DIALECT, Schema, definitions, reached_from
from meerkat_rpc.wire.openrpc import openrpc_document
from meerkat_rpc.wire.typescript import typescript_module


def files() -> Mapping[str, str]:
    """Return the text of every generated file by its path below ``schema/``."""
    schemas = dict(_method_schemas()) | dict(_notification_schemas())
    schemas |= {"errors.json": _errors(), "events.json": _rooted("Event", "Every event, told apart by its type.")}
    schemas |= {"openrpc.json": openrpc_document()}
    return {path: as_text(schemas[path]) for path in sorted(schemas)} | {"meerkat-rpc.ts": typescript_module()}


def as_text(document: Any) -> str:
    """Return ``document`` as JSON for people and for version control."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def bundle() -> Schema:
    """Return everything in one JSON Schema: definitions, and what each method, notification and error is made of."""
    methods = {
        entry.name: {"description": entry.doc, "params": _ref(entry.params), "result": _ref(entry.result)}
        for entry in sorted(catalog.METHODS)
    }
    server_requests = {
        entry.name: {"description": entry.doc, "params": _ref(entry.params), "result": _ref(entry.result)}
        for entry in catalog.SERVER_REQUESTS
    }
    notifications = {
        entry.name: {"description": entry.doc, "to": entry.to, "params": _ref(entry.params)}
        for entry in sorted(catalog.NOTIFICATIONS)
    }
    return {
        "$schema": DIALECT,
        "title": f"meerkat-rpc, contract {catalog.CONTRACT_VERSION}",
        "methods": methods,
        "server_requests": server_requests,
        "notifications": notifications,
        "errors": [_error(entry) for entry in _sorted_errors()],
        "$defs": dict(definitions()),
    }


def _method_schemas() -> Iterator[tuple[str, Schema]]:
    for entry in (*catalog.METHODS, *catalog.SERVER_REQUESTS):
        path = f"methods/{_file_name(entry.name)}"
        yield f"{path}.params.json", _rooted(entry.params, f"Parameters of {entry.name}. {entry.doc}")
        yield f"{path}.result.json", _rooted(entry.result, f"Result of {entry.name}. {entry.doc}")


def _notification_schemas() -> Iterator[tuple[str, Schema]]:
    for entry in catalog.NOTIFICATIONS:
        comment = f"Parameters of {entry.name}, sent to the {entry.to}. {entry.doc}"
        yield f"notifications/{_file_name(entry.name)}.json", _rooted(entry.params, comment)


def _file_name(name: str) -> str:
    return name.replace("/", ".")


def _rooted(name: str, comment: str) -> Schema:
    """Return the definition of ``name`` as a document of its own, with everything that it refers to."""
    head = {"$schema": DIALECT, "$comment": comment, "title": name}
    return head | definitions()[name] | _with_definitions(reached_from([name]) - {name})


def _errors() -> Schema:
    head = {"$schema": DIALECT, "title": "RpcError", "description": "The error member of a response."}
    return (
        head | {"oneOf": [_error(entry) for entry in _sorted_errors()]} | _with_definitions(reached_from(["ErrorData"]))
    )


def _error(entry: catalog.ErrorCode) -> Schema:
    data = {"allOf": [_ref("ErrorData"), {"properties": {"code": {"const": entry.code}}}]}
    properties = {"code": {"const": entry.number}, "message": {"type": "string"}, "data": data}
    head = {"title": entry.code, "description": entry.doc, "type": "object"}
    return head | {"properties": properties, "required": ["code", "message", "data"]}


def _sorted_errors() -> list[catalog.ErrorCode]:
    return sorted(catalog.ERRORS, key=lambda entry: entry.code)


def _with_definitions(names: Iterable[str]) -> Schema:
    known = definitions()
    return {"$defs": found} if (found := {name: known[name] for name in sorted(names)}) else {}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
