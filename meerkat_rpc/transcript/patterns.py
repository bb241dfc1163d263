"""What a message must look like: JSON with placeholders in it.

"$any" "$str" "$int" "$number" "$bool" "$list" "$object"   any value, or any of that type
"$uuid"                  a UUID, hyphenated and lower-case
"$contains:TEXT"         a string with TEXT in it
"$matches:REGEX"         a string in which REGEX is found
"$session:uuid"          any UUID the first time, the same one from then on: the name ``session`` is bound to it
"$session"               what ``session`` is bound to; "…${session}…" inside of a longer string
"$$text"                 the string "$text"
{"a": 1, "...": true}    an object that may have more keys; without "..." it must have no others
[1, "..."]               a list that may go on
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

MORE = "..."
"""The key, or the last item, that says: and more."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CAPTURE = re.compile(r"\$([a-z][a-z0-9_]*):([a-z]+)")
_NAME = re.compile(r"\$([a-z][a-z0-9_]*)")
_EMBEDDED = re.compile(r"\$\$|\$\{([a-z][a-z0-9_]*)\}")

KINDS: Mapping[str, Callable[[Any], bool]] = {
    "any": lambda _: True,
    "str": lambda value: isinstance(value, str),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "uuid": lambda value: isinstance(value, str) and _UUID.fullmatch(value) is not None,
}
"""What each kind of placeholder takes."""


class Mismatch(Exception):
    """A value is not what the pattern says.

    ``path`` is where, ``expected`` in words or JSON, ``got`` the value there.
    """

    def __init__(self, path: str, expected: str, got: Any) -> None:
        super().__init__(path, expected, got)
        self.path = path
        self.expected = expected
        self.got = got


class UnboundName(Exception):
    """A placeholder names something that nothing was bound to."""


class _Absent(NamedTuple):
    """Stands for a value that isn't there."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT = _Absent()


def substitute(template: Any, names: Mapping[str, Any]) -> Any:
    """Return ``template`` with every name replaced by what is bound to it.

    Raises:
        UnboundName: nothing is bound to one of them.
    """
    match template:
        case dict():
            return {key: substitute(item, names) for key, item in template.items()}
        case list():
            return [substitute(item, names) for item in template]
        case str():
            return _substitute_text(template, names)
        case _:
            return template


def _substitute_text(text: str, names: Mapping[str, Any]) -> Any:
    if whole := _NAME.fullmatch(text):
        return _bound(whole[1], names)
    return _EMBEDDED.sub(lambda part: str(_bound(part[1], names)) if part[1] else "$", text)


def literal(text: str) -> str:
    """Return the pattern that only ``text`` matches."""
    return text.replace("$", "$$")


def _bound(name: str, names: Mapping[str, Any]) -> Any:
    if name not in names:
        raise UnboundName(f"nothing is bound to ${name} yet")
    return names[name]


def match(pattern: Any, value: Any, names: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``names`` with what the pattern binds added to them.

    Raises:
        Mismatch: the value is not what the pattern says; the first difference.
        UnboundName: the pattern uses a name that nothing is bound to.
    """
    bound = dict(names)
    _match(pattern, value, "", bound)
    return bound


def _match(pattern: Any, value: Any, path: str, names: dict[str, Any]) -> None:
    match pattern:
        case dict():
            _match_object(pattern, value, path, names)
        case list():
            _match_list(pattern, value, path, names)
        case str():
            _match_text(pattern, value, path, names)
        case _ if type(pattern) is not type(value) or pattern != value:
            raise Mismatch(path, repr_json(pattern), value)


def _match_object(pattern: dict[str, Any], value: Any, path: str, names: dict[str, Any]) -> None:
    if not isinstance(value, dict):
        raise Mismatch(path, "an object", value)
    open_ended = MORE in pattern
    for key, item in pattern.items():
        if key != MORE:
            inner = f"{path}.{key}" if path else key
            if key not in value:
                raise Mismatch(inner, repr_json(item), ABSENT)
            _match(item, value[key], inner, names)
    if extra := [key for key in value if key not in pattern and not open_ended]:
        raise Mismatch(f"{path}.{extra[0]}" if path else extra[0], "nothing", value[extra[0]])


def _match_list(pattern: list[Any], value: Any, path: str, names: dict[str, Any]) -> None:
    if not isinstance(value, list):
        raise Mismatch(path, "a list", value)
    open_ended = pattern[-1:] == [MORE]
    items = pattern[:-1] if open_ended else pattern
    for index, item in enumerate(items):
        inner = f"{path}[{index}]"
        if index >= len(value):
            raise Mismatch(inner, repr_json(item), ABSENT)
        _match(item, value[index], inner, names)
    if len(value) > len(items) and not open_ended:
        raise Mismatch(f"{path}[{len(items)}]", "nothing", value[len(items)])


def _match_text(pattern: str, value: Any, path: str, names: dict[str, Any]) -> None:
    verb, _, argument = pattern.partition(":")
    if verb == "$contains":
        _require(isinstance(value, str) and argument in value, path, f"a string containing {argument!r}", value)
    elif verb == "$matches":
        found = isinstance(value, str) and re.search(argument, value) is not None
        _require(found, path, f"a string matching /{argument}/", value)
    elif pattern.startswith("$") and pattern[1:] in KINDS:
        _require(KINDS[pattern[1:]](value), path, pattern, value)
    elif capture := _CAPTURE.fullmatch(pattern):
        _match_capture(capture[1], capture[2], value, path, names)
    else:
        expected = _substitute_text(pattern, names)
        same = type(expected) is type(value) and expected == value
        _require(same, path, repr_json(expected) + (f" ({pattern})" if expected != pattern else ""), value)


def _match_capture(name: str, kind: str, value: Any, path: str, names: dict[str, Any]) -> None:
    if kind not in KINDS:
        raise UnboundName(f"${name}:{kind}: there is no kind {kind!r}")
    _require(KINDS[kind](value), path, f"${kind}", value)
    known = names.setdefault(name, value)
    _require(known == value, path, f"{repr_json(known)} (${name})", value)


def _require(condition: bool, path: str, expected: str, got: Any) -> None:  # noqa: FBT001 - an assertion with a place
    if not condition:
        raise Mismatch(path, expected, got)


def repr_json(value: Any) -> str:
    """Return ``value`` as JSON for a person; what is absent as ``nothing``."""
    import json

    return "nothing" if value is ABSENT else json.dumps(value, ensure_ascii=False)
