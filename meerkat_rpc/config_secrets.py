"""What of a configuration is secret: hidden when it is shown, and found again when what was shown is written back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from meerkat_rpc.config_check import shown
from meerkat_rpc.errors import InvalidArgument

SECRET_WORDS = ("key", "token", "secret", "pass", "credential", "auth", "cookie")
"""A text whose name has one of these in it is a secret."""

PLAIN_NAMES = ("api_key_env",)
"""Settings with such a word in their names that hold no secret."""

MASK = "***"
"""Shown for a secret. Written back, it means the value that is there."""

_ADDRESS_WITH_USER = re.compile(r"://[^/\s]*@")
"""And so is, whatever its name, an address that brings a user along (RFC 3986 section 3.2.1), and often a password."""

_WORD = rf"[\w-]*(?:{'|'.join(SECRET_WORDS)})[\w-]*"
_IN_QUERY = re.compile(rf"[?&]{_WORD}=", re.IGNORECASE)
_ASSIGNED = re.compile(rf"-*{_WORD}\s*[:=]", re.IGNORECASE)
_OPTION = re.compile(rf"-{_WORD}", re.IGNORECASE)
"""An argument after which a secret follows as the next one."""


def is_secret(name: str, value: object) -> bool:
    """Return whether ``value``, a setting called ``name``, is to be hidden."""
    named = any(word in name.lower() for word in SECRET_WORDS) and name not in PLAIN_NAMES
    return named or (isinstance(value, str) and _has_secret(value))


def _has_secret(text: str) -> bool:
    return _ADDRESS_WITH_USER.search(text) is not None or ("://" in text and _IN_QUERY.search(text) is not None)


def masked(value: Any, keys: tuple[str, ...] = ()) -> Any:
    """Return ``value``, to which ``keys`` lead, with a mask in place of each secret."""
    if isinstance(value, Mapping):
        return {key: masked(item, (*keys, key)) for key, item in value.items()}
    if isinstance(value, list):
        return list(_masked_items(value, arguments=keys[-1:] == ("args",)))
    return MASK if isinstance(value, str) and _is_hidden(keys, value) else value


def _is_hidden(keys: tuple[str, ...], value: object) -> bool:
    return keys[-2:-1] == ("headers",) or is_secret(keys[-1] if keys else "", value)


def _masked_items(items: Sequence[Any], *, arguments: bool) -> Iterator[Any]:
    """Yield the items of a list, masked. ``arguments``: they are those of a program."""
    before = ""
    for item in items:
        text = item if isinstance(item, str) else ""
        hidden = _has_secret(text) or (arguments and _is_secret_argument(text, before))
        yield MASK if hidden else item
        before = text


def _is_secret_argument(text: str, before: str) -> bool:
    follows = _OPTION.fullmatch(before) is not None and not text.startswith("-")
    return text != "" and (follows or _ASSIGNED.match(text) is not None)


def unmasked(new: Any, old: Any, path: str, keys: tuple[str, ...] = ()) -> Any:
    """Return ``new`` with each mask replaced by the secret in its place in ``old``.

    Args:
        new: what is to be written.
        old: what is there.
        path: what ``keys`` begin with, for messages.
        keys: the names that lead to ``new``.

    Raises:
        InvalidArgument: a mask stands where no secret is.
    """
    if isinstance(new, Mapping):
        before = old if isinstance(old, Mapping) else {}
        return {key: unmasked(item, before.get(key), path, (*keys, key)) for key, item in new.items()}
    if isinstance(new, list):
        there = old if isinstance(old, list) else []
        secrets = [item for item, seen in zip(there, masked(there, keys), strict=True) if seen == MASK]
        return _unmasked_items(new, secrets, shown(keys, path))
    if new != MASK or not _is_hidden(keys, old):
        return new
    if old is None:
        raise InvalidArgument(f'{shown(keys, path)}: "{MASK}" stands for the value that is there, and there is none')
    return old


def _unmasked_items(new: Sequence[Any], secrets: Sequence[Any], path: str) -> list[Any]:
    """Masks in a list stand for its secrets in their order, which tells the one from the other if there are as many."""
    if secrets and 0 < new.count(MASK) != len(secrets):
        raise InvalidArgument(
            f'{path}: has {new.count(MASK)} times "{MASK}", and {len(secrets)} values are hidden there'
        )
    hidden = iter(secrets)
    return [next(hidden, item) if item == MASK else item for item in new]
