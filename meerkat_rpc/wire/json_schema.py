"""The wire's types as JSON Schema (draft 2020-12), read off the classes of ``wire/types/``.

Every class, and every union that has a name there, becomes a definition of that name. A field that may be left out
because its default is None also takes ``null`` where the server reads it, and is never ``null`` where it writes it.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Iterable, Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from attrs import NOTHING, fields, has, resolve_types

from meerkat_rpc.wire import catalog, types

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_SCALARS: Final[Mapping[Any, str]] = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}
_ANNOTATIONS: Final = (types.Bounds, types.Format)


@functools.cache
def named_types() -> Mapping[str, Any]:
    """Return every class and union of ``wire/types/`` by its name, sorted."""
    return {
        name: value if isinstance(value, UnionType) else resolve_types(value)
        for name, value in sorted(vars(types).items())
        if isinstance(value, UnionType) or (has(value) and value not in _ANNOTATIONS)
    }


@functools.cache
def definitions(prefix: str = "#/$defs/") -> Mapping[str, Schema]:
    """Return the schema of every named type, sorted by name; ``prefix`` is where they will be found.

    One mapping for every caller: it is not to be changed.
    """
    return {name: _Writer(prefix, name).definition(kind) for name, kind in named_types().items()}


def reached_from(names: Iterable[str]) -> set[str]:
    """Return ``names`` and every named type that they are made of."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _mentioned(named_types()[name])
    return found


def described(kind: Any) -> str:
    """Return the class's docstring as one text, a paragraph a line."""
    paragraphs = inspect.cleandoc(kind.__doc__ or "").replace("``", "`").split("\n\n")
    return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


@functools.cache
def _read_by_server() -> set[str]:
    sent = [entry.params for entry in catalog.METHODS]
    return reached_from(sent + [entry.params for entry in catalog.NOTIFICATIONS if entry.to == "server"])


def _mentioned(kind: Any) -> Iterator[str]:
    parts = [attribute.type for attribute in fields(kind)] if has(kind) else get_args(kind)
    for part in parts:
        name = _name_of(part)
        if name is not None:
            yield name
        else:
            yield from _mentioned(part)


def _name_of(hint: Any) -> str | None:
    return next((name for name, kind in named_types().items() if kind == hint), None)


class _Writer:
    """Writes one definition; ``prefix`` is put before the names it refers to."""

    def __init__(self, prefix: str, name: str) -> None:
        self._prefix = prefix
        self._reads_null = name in _read_by_server()

    def definition(self, kind: Any) -> Schema:
        if kind is types.NullResult:
            return {"description": described(kind), "type": "null"}
        return self._object(kind) if has(kind) else self._union(kind)

    def _object(self, kind: Any) -> Schema:
        properties = {attribute.name: self._property(attribute) for attribute in fields(kind)}
        required = [attribute.name for attribute in fields(kind) if attribute.default is NOTHING]
        schema: Schema = {"description": described(kind), "type": "object"}
        return (
            schema | ({"properties": properties} if properties else {}) | ({"required": required} if required else {})
        )

    def _property(self, attribute: Any) -> Schema:
        hint, default = attribute.type, attribute.default
        if default is NOTHING:
            return self._schema(hint)
        if default is None and not self._reads_null:
            members = [member for member in get_args(hint) if member is not NoneType]
            return self._schema(functools.reduce(operator.or_, members) if members else hint)
        return self._schema(hint) | {"default": default.factory() if hasattr(default, "factory") else default}

    def _schema(self, hint: Any) -> Schema:
        if (name := _name_of(hint)) is not None:
            return {"$ref": self._prefix + name}
        if hint is Any:
            return {}
        if (scalar := _SCALARS.get(hint)) is not None:
            return {"type": scalar}
        return self._composed(hint)

    def _composed(self, hint: Any) -> Schema:
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return self._schema(arguments[0]) | _limits(arguments[0], arguments[1])
        if origin is Literal:
            return _choice(arguments)
        if origin is list:
            return {"type": "array", "items": self._schema(arguments[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self._schema(arguments[1])}
        if origin in (Union, UnionType):
            return self._union(hint)
        raise TypeError(f"no JSON Schema for {hint!r}")

    def _union(self, hint: Any) -> Schema:
        members = get_args(hint)
        schemas = [self._schema(member) for member in members]
        if all("type" in schema and not {"const", "enum"} & schema.keys() for schema in schemas):
            return functools.reduce(operator.or_, schemas) | {"type": [schema["type"] for schema in schemas]}
        return {"oneOf" if all(has(member) for member in members) else "anyOf": schemas}


def _limits(base: Any, note: Any) -> Schema:
    if isinstance(note, types.Format):
        return {"format": note.name}
    names = ("minimum", "maximum") if base is int else ("minLength", "maxLength")
    limits = zip(names, (note.minimum, note.maximum), strict=True)
    return {name: limit for name, limit in limits if limit is not None}


def _choice(choices: tuple[Any, ...]) -> Schema:
    schema: Schema = {"type": _SCALARS[type(choices[0])]}
    return schema | ({"const": choices[0]} if len(choices) == 1 else {"enum": list(choices)})
