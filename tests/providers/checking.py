"""What every provider checks of a request, each in its own words."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from tests.providers.speaking import Json, RefusedError

IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
DATA_URL = re.compile(r"data:([\w/+.-]+);base64,(.*)", re.DOTALL)


def require(holds: object, message: str, code: str | None = None) -> None:
    """Refuse the request unless something ``holds``.

    Raises:
        RefusedError: it doesn't.
    """
    if not holds:
        raise RefusedError(message, code=code)


def words(text: str) -> frozenset[str]:
    """Return the words of ``text``."""
    return frozenset(text.split())


def only(body: Mapping[str, Any], known: Iterable[str], say: str, code: str | None = None) -> None:
    """Refuse a key that the provider doesn't know; ``say`` has a place for its name."""
    for key in body:
        require(key in known, say.format(key), code)


def number(body: Json, name: str, low: float, high: float, *, whole: bool = False) -> None:
    """Refuse a parameter that is there and is no number between ``low`` and ``high``."""
    value = body.get(name)
    if value is None:
        return
    kinds = (int,) if whole else (int, float)
    fits = isinstance(value, kinds) and not isinstance(value, bool) and low <= value <= high
    require(fits, f"{name}: expected {'an integer' if whole else 'a number'} from {low} to {high}, got {value!r}")


def schema(value: Any, where: str, *, strict: bool = False) -> None:
    """Refuse what is no JSON Schema of type object; a strict one has to close its objects and require all."""
    require(isinstance(value, dict) and value.get("type") == "object", f"{where}: schema must be of type object")
    try:
        Draft202012Validator.check_schema(value)
    except SchemaError as error:
        raise RefusedError(f"{where}: {error.message}") from None
    if strict:
        _strict(value, where, ())


def _strict(node: object, where: str, path: tuple[str, ...]) -> None:
    if isinstance(node, list):
        for index, item in enumerate(node):
            _strict(item, where, (*path, str(index)))
    if not isinstance(node, dict):
        return
    if node.get("type") == "object":
        context = f"{where}: In context=({', '.join(map(repr, path))})"
        closed = node.get("additionalProperties") is False
        require(closed, f"{context}, 'additionalProperties' is required to be supplied and to be false.")
        wanted = set(node.get("properties", {})) == set(node.get("required", []))
        require(wanted, f"{context}, 'required' is required to be supplied and to include every key in properties.")
    for key, child in node.items():
        if key not in {"enum", "const", "default", "examples"}:
            _strict(child, where, (*path, key))


def unique(names: list[str], say: str) -> None:
    """Refuse a name that comes twice."""
    for name in names:
        require(names.count(name) == 1, say.format(name))


def named(name: object, pattern: str, where: str) -> None:
    """Refuse a name that isn't of ``pattern``."""
    fits = isinstance(name, str) and re.fullmatch(pattern, name)
    require(fits, f"Invalid '{where}': expected a string that matches the pattern '{pattern}', got {name!r}.")


def image(media_type: object, data: object, where: str) -> None:
    """Refuse an image of an unknown type, or one that isn't base64."""
    require(media_type in IMAGE_TYPES, f"{where}: unsupported image type {media_type!r}")
    require(_decodes(data), f"{where}: invalid base64 data")


def _decodes(data: object) -> bool:
    try:
        return isinstance(data, str) and bool(base64.b64decode(data, validate=True))
    except binascii.Error:
        return False
