"""The JSON Schema of a configuration file, for editors that complete and check TOML: ``schema/config.json``."""

from __future__ import annotations

from typing import Any

from meerkat_rpc.config_keys import Key
from meerkat_rpc.config_schema import SETTINGS, Entries, Node, Table

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_TEXT: Schema = {"type": "string", "minLength": 1}
_TABLE: Schema = {"type": "object", "additionalProperties": {"type": "string"}}

_KINDS: dict[str, Schema] = {
    "text": _TEXT,
    "path": _TEXT,
    "variable": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
    "url": {"type": "string", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://"},
    "age": {"type": "string", "pattern": r"^\s*([0-9]{1,9}(s|min|h|d|w)|never)\s*$"},
    "duration": {"type": "string", "pattern": r"^\s*[0-9]{1,9}(s|min|h|d|w)\s*$"},
    "flag": {"type": "boolean"},
    "count": {"type": "integer", "minimum": 1},
    "number": {"type": "integer", "minimum": 0},
    "seconds": {"type": "number", "minimum": 0},
    "folders": {"type": "array", "items": {"type": "string"}},
    "table": _TABLE,
    "headers": _TABLE,
}
"""What JSON Schema can say of each kind; the program's own checks go further."""


def config_schema() -> Schema:
    """Return the schema of the whole file."""
    head: Schema = {"$schema": DIALECT, "title": "meerkat-rpc configuration"}
    return head | _object({name: _of(node) for name, node in SETTINGS.items()})


def _of(node: Node) -> Schema:
    described = {"description": node.doc}
    match node:
        case Key():
            return described | _value(node) | ({} if node.default is None else {"default": node.default})
        case Table():
            return described | _object({name: _of(below) for name, below in node.nodes.items()})
        case Entries():
            names = {"propertyNames": {"maxLength": 64, "minLength": 1}}
            return described | {"type": "object", "additionalProperties": _of(node.entry)} | names


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _value(key: Key) -> Schema:
    match key.kind:
        case "choice":
            return {"enum": list(key.choices)}
        case "texts":
            return {"type": "array", "items": {"enum": list(key.choices)} if key.choices else {"type": "string"}}
        case kind:
            return _KINDS[kind] | ({} if key.most is None else {"maximum": key.most})
