"""Values of every wire type, made from the types themselves."""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from attrs import NOTHING, asdict, fields, has, resolve_types

from meerkat_rpc.wire import types

UUID = "0190f3b0-0000-7000-8000-000000000001"

_SCALARS: dict[Any, Any] = {str: "text", int: 5, float: 0.5, bool: True, NoneType: None, Any: {"any": [None, "value"]}}

USAGE = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
RUN_RESULT = {
    "session_id": UUID,
    "turn_id": UUID,
    "text": "hello",
    "turns": 1,
    "tool_calls": 0,
    "usage": USAGE,
    "turn_usage": USAGE,
    "stop_reason": "end_turn",
}


def full(hint: Any) -> Any:
    """Return JSON of type ``hint`` with every field there."""
    return next(samples(hint))


def samples(hint: Any) -> Iterator[Any]:
    """Yield JSON of type ``hint``: the fullest first, one a member of each union, the barest last."""
    if has(hint):
        yield from _objects(hint)
    elif get_origin(hint) in (Union, UnionType):
        for member in get_args(hint):
            yield from samples(member)
    else:
        yield _single(hint)


def _objects(kind: Any) -> Iterator[Any]:
    if kind is types.NullResult:
        yield None
        return
    known = fields(resolve_types(kind))
    everything = {attribute.name: full(attribute.type) for attribute in known}
    yield everything
    for attribute in known:
        for value in samples(attribute.type):
            if value is not None or attribute.default is NOTHING:  # no server writes null for what it may leave out
                yield everything | {attribute.name: value}
    yield {attribute.name: everything[attribute.name] for attribute in known if attribute.default is NOTHING}


def _single(hint: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return UUID if isinstance(arguments[1], types.Format) else full(arguments[0])
    if origin is Literal:
        return arguments[-1]
    if origin is list:
        return [full(arguments[0])]
    if origin is dict:
        return {"key": full(arguments[1])}
    return _SCALARS[hint]


def plain(instance: Any) -> tuple[type, dict[str, Any]]:
    """Return a wire value as something that can be compared: wire values themselves can't."""
    return type(instance), asdict(instance)
