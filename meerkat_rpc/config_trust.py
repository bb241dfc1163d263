"""How much of a project's configuration file holds.

It comes with the project, from whoever wrote that. To clone a repository and to open a session in it must run nothing
and loosen nothing, so of a file that its user hasn't trusted only that holds which can do no harm:

- ``model``, of the providers that the user has: not an agent that is a program (``acp:…``).
- ``tools`` and ``budget`` where they are stricter than the user's own. (Turning on so much as reading would be the
  repository's wish and not the user's: what is read goes to the model's provider.)
- ``compaction`` and ``retry``, whose values are bounded.

The rest is left out, and said: providers (they are sent the conversation and the key), MCP servers (programs),
approvals. The user's own file lists the projects that are trusted, by their real folders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from meerkat_rpc.config_check import shown
from meerkat_rpc.config_keys import Key
from meerkat_rpc.config_project import Held, Ignored
from meerkat_rpc.config_schema import BUILTIN_GROUPS, SETTINGS, WELL_KNOWN_PROVIDERS, Entries, Node, Table
from meerkat_rpc.config_tables import folder, limits

WHOLE_SERVER = "holds for the whole server; it belongs into your own configuration file"
UNTRUSTED = "the project is not among your trusted_projects"
LOOSER = "a project that is not trusted may only be stricter than your own configuration"
PROGRAM = "a project that is not trusted may only name models of your providers"


def held(user: Mapping[str, Any], project: Mapping[str, Any], *, home: str, trusted: bool) -> Held:
    """Return what holds where ``user`` and ``project``, both checked, are the configurations; ``home``: the project's
    folder."""
    ignored: list[Ignored] = []
    allowed: dict[str, Any] = {}
    for keys, value in _settings(project):
        kept, reason = _kept(keys, value, user, trusted=trusted)
        if reason is not None:
            ignored.append(Ignored(shown(keys), reason))
        if kept is not None:
            _put(allowed, keys, _settled(keys, kept, home))
    return Held(_merged(user, allowed), tuple(ignored))


def _settings(config: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each setting with its keys; an entry under a name of its own (a server, a provider) is one as a whole."""
    for name, value in config.items():
        yield from _below(SETTINGS[name], (name,), value)


def _below(node: Node, keys: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(node, Key):
        yield keys, value
    elif isinstance(node, Entries):
        for name, entry in value.items():
            yield (*keys, name), entry
    elif keys[0] == "budget" and len(keys) > 1:
        for name, limit in limits(value).items():
            yield (*keys, name), limit
    else:
        for name, item in value.items():
            yield from _below(node.nodes[name], (*keys, name), item)


def _allowed_to(keys: tuple[str, ...]) -> str:
    """Return which projects may say the setting: ``Key.project``."""
    node: Node = SETTINGS[keys[0]]
    for key in keys[1:]:
        if not isinstance(node, Table):
            break
        node = node.nodes[key]
    return node.project if isinstance(node, Key) else "trusted"


def _kept(keys: tuple[str, ...], value: Any, user: Mapping[str, Any], *, trusted: bool) -> tuple[Any, str | None]:
    """Return what of ``value`` holds (None for nothing), and why not all of it does."""
    who = _allowed_to(keys)
    if who == "no":
        return None, WHOLE_SERVER
    if trusted:
        return value, None
    if who == "trusted":
        return None, UNTRUSTED
    match keys:
        case ("model",):
            return (value, None) if _is_users_model(value, user) else (None, PROGRAM)
        case ("tools", "builtin"):
            own, wanted = _tools(user.get("tools", {}).get("builtin", ())), _tools(value)
            return [tool for tool in wanted if tool in own], None if wanted.keys() <= own.keys() else LOOSER
        case ("budget", scope, limit):
            own_limit = limits(user.get("budget", {}).get(scope, {})).get(limit)
            return (value, None) if own_limit is None or value <= own_limit else (None, LOOSER)
        case _:
            return value, None


def _is_users_model(model: str, user: Mapping[str, Any]) -> bool:
    provider, colon, _name = model.partition(":")
    return not colon or provider in WELL_KNOWN_PROVIDERS or provider in user.get("providers", {})


def _tools(names: Iterable[str]) -> dict[str, None]:
    """Return the tools that ``names`` stand for, in their order."""
    return dict.fromkeys(tool for name in names for tool in BUILTIN_GROUPS.get(name, (name,)))


def _settled(keys: tuple[str, ...], value: Any, home: str) -> Any:
    """Return ``value`` with what is relative to the project's folder made absolute."""
    if keys[:2] == ("mcp", "servers") and "command" in value:
        return {**value, "cwd": folder(value.get("cwd", "."), home)}
    return value


def _put(config: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    for key in keys[:-1]:
        config = config.setdefault(key, {})
    config[keys[-1]] = value


def _merged(user: Mapping[str, Any], project: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``user`` with ``project`` over it: tables key by key, providers and servers whole, rules added."""
    merged = dict(user)
    for name, value in project.items():
        own = user.get(name)
        if name == "budget":
            merged[name] = {
                scope: limits((own or {}).get(scope, {})) | value.get(scope, {}) for scope in ("turn", "session")
            }
        elif name == "approvals":
            merged[name] = {"allow": [*(own or {}).get("allow", ()), *value["allow"]]}
        elif name == "mcp":
            merged[name] = {"servers": (own or {}).get("servers", {}) | value["servers"]}
        else:
            merged[name] = {**own, **value} if isinstance(own, Mapping) else value
    return merged
