"""From typed functions to handlers: parameters are checked before, results turned into JSON after."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from meerkat_rpc.rpc.protocol import Handler
from meerkat_rpc.wire import types as wire
from meerkat_rpc.wire.catalog import METHODS, NOTIFICATIONS
from meerkat_rpc.wire.convert import prepare, structure, to_json

PARAMS: Mapping[str, Any] = {
    **{method.name: getattr(wire, method.params) for method in METHODS},
    **{notification.name: getattr(wire, notification.params) for notification in NOTIFICATIONS},
}
"""The parameters' class of each method and notification."""


WARM_UP_PAUSE_S = 0.005
"""Between two preparations, which take 1 to 5 ms each: a request that comes meanwhile waits for one of them at most."""

Function = Callable[[Any], Awaitable[Any]]


def handlers(functions: Mapping[str, Function]) -> Mapping[str, Handler]:
    """Return what handles each method: ``functions`` by name, their parameters checked and their results in JSON."""
    return {name: _handler(name, function) for name, function in functions.items()}


async def warm_up() -> None:
    """Prepare every method's parameters and results, a few at a time: requests come first."""
    for method in METHODS:
        for name in (method.params, method.result):
            prepare(getattr(wire, name))
            await asyncio.sleep(WARM_UP_PAUSE_S)


def _handler(name: str, function: Function) -> Handler:
    """A function may answer with a dictionary that is JSON already (with ``orjson.Fragment`` in it), or with None."""
    kind = PARAMS[name]

    async def handle(params: dict[str, Any]) -> Any:
        result = await function(structure(kind, params))
        return result if result is None or isinstance(result, dict) else to_json(result)

    return handle
