"""Between JSON and the wire's types, strictly: nothing is coerced.

Left to itself cattrs makes ``"false"`` true, ``null`` the text ``None`` and ``"abc"`` the list a, b, c. Here every kind
of field has a hook that takes the very thing or refuses it (``strict_hooks.py``). cattrs contributes the code it
generates for classes, and the trail of notes from which the path of a refused value is told.

Unknown keys are ignored: a newer peer may send them.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, overload

from attrs import NOTHING, fields, has, resolve_types
from cattrs import AttributeValidationNote, BaseValidationError, Converter, IterableValidationNote
from cattrs.cols import list_structure_factory
from cattrs.fns import identity
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, mapping_structure_factory, override

from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.wire import strict_hooks as strict
from meerkat_rpc.wire import types
from meerkat_rpc.wire.strict_hooks import Hook, Mismatch

T = TypeVar("T")


@overload
def structure(kind: type[T], value: Any, path: str = "params") -> T: ...
@overload
def structure(kind: UnionType, value: Any, path: str = "params") -> Any: ...
def structure(kind: Any, value: Any, path: str = "params") -> Any:
    """Return ``value``, parsed JSON, as an instance of ``kind``: a class of ``wire/types/``, or a union of them.

    Raises:
        InvalidArgument: something is missing or of the wrong type; the message names the first such place, seen from
            ``path``, and what belongs there.
    """
    try:
        return _converter.structure(value, kind)
    except (BaseValidationError, Mismatch) as error:
        raise InvalidArgument(_explain(error, path)) from None


def prepare(kind: Any) -> None:
    """Make the code that checks and renders ``kind`` now: a class' first use takes a millisecond or two longer."""
    for member in get_args(kind) or (kind,):
        _converter.get_structure_hook(member)
        _converter.get_unstructure_hook(member)


def structure_event(value: Mapping[str, Any]) -> types.Event | None:
    """Return ``value`` as an event; None when its type is one that this program doesn't know.

    Raises:
        InvalidArgument: its type is known and its fields are wrong.
    """
    kind = _event_kinds().get(value.get("type"))
    return None if kind is None else structure(kind, value, "event")


def to_json(instance: Any) -> Any:
    """Return an instance of a class of ``wire/types/`` as JSON.

    A field that is None is left out where None is its default, and ``null`` where it must be there. JSON values inside
    are handed on as they are, not copied.
    """
    return _converter.unstructure(instance)


def _explain(error: BaseException, path: str) -> str:
    while isinstance(error, BaseValidationError):
        error = error.exceptions[0]
        path += _step(error)
    if isinstance(error, Mismatch):
        return f"{path}: expected {error.expected}, got {strict.shown(error.value)}"
    return f"{path}: required"  # a KeyError of the generated code: nothing else can go wrong in there


def _step(error: BaseException) -> str:
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return f".{note.name}"
        if isinstance(note, IterableValidationNote):
            return f"[{strict.shown(note.index)}]"
    return ""


# -- Which type gets which hook -------------------------------------------------------------------------------------


def _annotated(kind: Any) -> Hook:
    base, note = get_args(kind)
    if isinstance(note, types.Format):
        return strict.uuid
    return strict.integer_within(note) if base is int else strict.text_within(note)


def _class(kind: Any, converter: Converter) -> Hook:
    return strict.guarded(dict, "an object", make_dict_structure_fn(kind, converter))


def _list(kind: Any, converter: Converter) -> Hook:
    return strict.guarded(list, "an array", list_structure_factory(kind, converter))


def _mapping(kind: Any, converter: Converter) -> Hook:
    return strict.guarded(dict, "an object", mapping_structure_factory(kind, converter))


def _union(kind: Any, converter: Converter) -> Hook:
    members = [member for member in get_args(kind) if member is not NoneType]
    if len(members) < len(get_args(kind)):
        rest: Any = functools.reduce(operator.or_, members)
        return strict.optional(rest, converter.get_structure_hook(rest))
    if not all(has(member) for member in members):
        return strict.any_of(members, [converter.get_structure_hook(member) for member in members])
    return strict.guarded(dict, "an object", _tagged(members, converter) or _by_keys(members, converter))


def _tagged(members: list[Any], converter: Converter) -> Hook | None:
    """Choose by ``type``, if that is how these classes are told apart."""
    hooks = {tag: (member, converter.get_structure_hook(member)) for tag, member in _by_tag(members).items()}

    def hook(value: Any, _: Any) -> Any:
        tag = value.get("type")
        if type(tag) is not str or tag not in hooks:
            raise Mismatch("an object of a known type", tag)
        member, inner = hooks[tag]
        return inner(value, member)

    return hook if hooks else None


def _by_tag(members: list[Any]) -> dict[str, Any]:
    kinds = ((fields(resolve_types(member)), member) for member in members)
    return {get_args(known.type.type)[0]: member for known, member in kinds if hasattr(known, "type")}


def _by_keys(members: list[Any], converter: Converter) -> Hook:
    """Choose the first class whose required fields are all there; if none is, let the first one say what is missing."""
    required = [(_required(member), member, converter.get_structure_hook(member)) for member in members]

    def hook(value: Any, _: Any) -> Any:
        found = (row for row in required if row[0] <= value.keys())
        _, member, inner = next(found, required[0])
        return inner(value, member)

    return hook


def _required(member: Any) -> set[str]:
    return {attribute.name for attribute in fields(member) if attribute.default is NOTHING}


def _leaving_out_none(kind: Any, converter: Converter) -> Any:
    omitted: Any = {item.name: override(omit_if_default=True) for item in fields(kind) if item.default is None}
    return make_dict_unstructure_fn(kind, converter, **omitted)


def _origin_is(origin: Any) -> Any:
    return lambda kind: get_origin(kind) is origin


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType)


def _is_json(kind: Any) -> bool:
    return kind is Any or get_origin(kind) is dict


def _make_converter() -> Converter:
    # What is registered later is asked first.
    converter = Converter()
    converter.register_structure_hook(str, strict.exactly(str, "a string"))
    converter.register_structure_hook(int, strict.exactly(int, "an integer"))
    converter.register_structure_hook(bool, strict.exactly(bool, "true or false"))
    converter.register_structure_hook(float, strict.number)
    converter.register_structure_hook_factory(has, _class)
    converter.register_structure_hook_factory(_origin_is(list), _list)
    converter.register_structure_hook_factory(_origin_is(dict), _mapping)
    converter.register_structure_hook_factory(_origin_is(Literal), lambda kind: strict.choice(get_args(kind)))
    converter.register_structure_hook_factory(_is_union, _union)
    converter.register_structure_hook_factory(_origin_is(Annotated), _annotated)
    converter.register_unstructure_hook_factory(has, _leaving_out_none)
    converter.register_unstructure_hook_factory(_is_json, lambda _: identity)
    # The one message that is no object.
    converter.register_structure_hook(types.NullResult, strict.null)
    converter.register_unstructure_hook(types.NullResult, lambda _: None)
    return converter


_converter = _make_converter()


@functools.cache
def _event_kinds() -> dict[Any, Any]:
    return _by_tag(list(get_args(types.Event)))
