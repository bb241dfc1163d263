"""What can be chosen in an agent's session: its model, its mode, and whatever else it offers.

The protocol has had three forms for it, and agents still speak all: session options, modes, and (before there were
options) models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from meerkat_rpc.agents.acp.command import AcpSettings
from meerkat_rpc.agents.acp.lines import Message
from meerkat_rpc.agents.acp.peer import Peer
from meerkat_rpc.errors import ProviderError, cut

SHOWN_VALUES = 20
"""How many of the possible values a message lists: some agents know hundreds of models."""

SET_S = 60.0
"""How long an agent may take to change a setting: some restart their inside."""

Value = str | bool


@frozen
class Dial:
    """Something to choose. ``names``: what it is asked for by. ``values``: None where a dial takes yes and no."""

    id: str
    names: frozenset[str]
    method: str
    field: str
    default: Any
    values: Sequence[str] | None

    def request(self, session_id: str, value: Value) -> Message:
        """Return the parameters of the request that sets it."""
        params: Message = {"sessionId": session_id, self.field: value}
        if self.method == "session/set_config_option":
            params["configId"] = self.id
            params |= {"type": "boolean"} if isinstance(value, bool) else {}
        return params


async def tune(peer: Peer, settings: AcpSettings) -> None:
    """Set what the session wants; what it no longer wants is set back to what the agent began with.

    Raises:
        ProviderError: the agent has no such setting or value, and the message says which it has; or it refused.
    """
    dials = _dials(peer.opened)
    wanted: dict[str, Value] = {}
    for name, value in _wanted(settings).items():
        dial = _find(peer, dials, name)
        _check(peer, dial, name, value)
        wanted[dial.id] = value
    for dial in dials:
        target = wanted.get(dial.id, dial.default)
        if target != peer.tuned.get(dial.id, dial.default):
            await peer.call(dial.method, dial.request(peer.session_id, target), within_s=SET_S)
            peer.tuned[dial.id] = target


def _wanted(settings: AcpSettings) -> dict[str, Value]:
    named = {name: value for name in ("mode", "model") if (value := getattr(settings, name)) is not None}
    return {**dict(settings.options), **named}


def _find(peer: Peer, dials: Sequence[Dial], name: str) -> Dial:
    found = next((dial for dial in dials if name in dial.names), None)
    if found is None:
        known = ", ".join(sorted(name for dial in dials for name in dial.names)) or "nothing"
        raise ProviderError(
            f"{peer.process.command.shown}: it has no {cut(name)} to choose; what can be chosen: {known}"
        )
    return found


def _check(peer: Peer, dial: Dial, name: str, value: Value) -> None:
    if dial.values is None and not isinstance(value, bool):
        raise ProviderError(f"{peer.process.command.shown}: {cut(name)} takes true or false")
    if dial.values is not None and value not in dial.values:
        more = "…" if len(dial.values) > SHOWN_VALUES else ""
        known = ", ".join(dial.values[:SHOWN_VALUES]) + more
        raise ProviderError(f"{peer.process.command.shown}: it has no {cut(name)} {cut(str(value))!r}; it has: {known}")


def _dials(opened: Any) -> list[Dial]:
    """Return what can be chosen by what the agent answered when the session was opened."""
    dials = [_option(item) for item in _items(opened.get("configOptions")) if isinstance(item.get("id"), str)]
    known = {name for dial in dials for name in dial.names}
    for state, name, method, field, listed, key in (
        ("modes", "mode", "session/set_mode", "modeId", "availableModes", "id"),
        ("models", "model", "session/set_model", "modelId", "availableModels", "modelId"),
    ):
        if isinstance(given := opened.get(state), dict) and name not in known:
            values = [item[key] for item in _items(given.get(listed)) if isinstance(item.get(key), str)]
            current = given.get(f"current{field[0].upper()}{field[1:]}")
            dials.append(Dial(name, frozenset({name}), method, field, current, values))
    return dials


def _option(item: dict[str, Any]) -> Dial:
    category = item.get("category")
    names = {item["id"], category} if category in {"mode", "model", "thought_level"} else {item["id"]}
    values = None if item.get("type") == "boolean" else _values(item.get("options"))
    return Dial(item["id"], frozenset(names), "session/set_config_option", "value", item.get("currentValue"), values)


def _values(options: Any) -> list[str]:
    """Return the values of an option, which may stand in groups."""
    values: list[str] = []
    for item in _items(options):
        values += [item["value"]] if isinstance(item.get("value"), str) else _values(item.get("options"))
    return values


def _items(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
