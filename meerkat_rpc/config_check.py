"""Whether a configuration holds what one may hold: every name known, every value of its kind, at any depth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from meerkat_rpc.config_keys import KEYS, Key, check_value
from meerkat_rpc.errors import InvalidArgument, cut

if TYPE_CHECKING:
    from meerkat_rpc.config_schema import Node, Table


class WrongSetting(InvalidArgument):
    """A setting is unknown or wrong. ``keys`` leads to it from the top of the configuration."""

    def __init__(self, message: str, keys: tuple[str, ...]) -> None:
        super().__init__(message)
        self.keys = keys


def check_config(config: Mapping[str, Any], path: str) -> None:
    """Refuse what a configuration may not hold.

    Args:
        config: name → value, as read from TOML or JSON.
        path: where ``config`` stands, for the message: ``params.config`` gives ``params.config.model: …``.

    Raises:
        WrongSetting: a key is unknown (the nearest known one is named) or a value is of the wrong type.
    """
    for name, value in config.items():
        if key := KEYS.get(name):
            _check_value(check_value, key, value, path, (name,))
        else:
            _check(_node(name, path), value, path, (name,))


def shown(keys: Iterable[str], path: str = "") -> str:
    """Return ``keys`` as people write them in TOML, each cut where it is too long to be a name, behind ``path``."""
    parts = [cut(key) if key and all(c.isalnum() or c in "_-" for c in key) else f'"{cut(key)}"' for key in keys]
    return ".".join([path, *parts] if path else parts)


def _node(name: str, path: str) -> Node:
    from meerkat_rpc.config_schema import SETTINGS

    return SETTINGS.get(name) or _unknown(SETTINGS, path, (name,))


def _check(node: Node, value: Any, path: str, keys: tuple[str, ...]) -> None:
    if isinstance(node, Key):
        from meerkat_rpc import config_kinds

        _check_value(config_kinds.check_value, node, value, path, keys)
        return
    from meerkat_rpc.config_schema import Table

    if not isinstance(value, Mapping):
        raise WrongSetting(f"{shown(keys, path)}: expected a table ({node.doc})", keys)
    if isinstance(node, Table):
        _check_table(node, value, path, keys)
        return
    for name, entry in value.items():
        if not node.form.fullmatch(name):
            raise WrongSetting(f"{shown((*keys, name), path)}: expected {node.expected}", (*keys, name))
        _check(node.entry, entry, path, (*keys, name))


def _check_value(
    check: Callable[[Key, object, str], None], key: Key, value: object, path: str, keys: tuple[str, ...]
) -> None:
    try:
        check(key, value, shown(keys, path))
    except InvalidArgument as error:
        raise WrongSetting(error.message, keys) from None


def _check_table(table: Table, value: Mapping[str, Any], path: str, keys: tuple[str, ...]) -> None:
    for name, item in value.items():
        _check(table.nodes.get(name) or _unknown(table.nodes, path, (*keys, name)), item, path, (*keys, name))
    if table.complaint is not None and (complaint := table.complaint(value)) is not None:
        raise WrongSetting(f"{shown(keys, path)}: {complaint}", keys)


def _unknown(known: Mapping[str, Node], path: str, keys: tuple[str, ...]) -> Node:
    from difflib import get_close_matches

    nearest = get_close_matches(cut(keys[-1]).replace("-", "_"), known, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"known settings: {', '.join(known)}"
    raise WrongSetting(f"{shown(keys, path)}: no such setting; {hint}", keys)
