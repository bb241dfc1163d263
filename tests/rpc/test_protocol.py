"""What handlers return or raise, on its way to the client: whatever an agent put into it, there is an answer."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import orjson
import pytest

from meerkat_rpc.errors import AgentError
from meerkat_rpc.rpc.channel import Channel
from meerkat_rpc.rpc.dialect import Dialect
from meerkat_rpc.rpc.protocol import SessionProtocol


async def answered(handler: Any) -> dict[str, Any]:
    """Return the answer to a request that ``handler`` handles."""
    reading, writing = os.pipe()
    channel = Channel(writing, lambda: "jsonl", Dialect("0.3.0"), broken=lambda: None)
    protocol = SessionProtocol(channel)
    protocol.fm.feature("test")(handler)
    protocol.receive(b'{"jsonrpc":"2.0","id":1,"method":"test"}')
    await asyncio.wait_for(protocol.quiet(), 10)
    await asyncio.sleep(0)  # the answer is queued by a callback of the same round
    channel.close(10)
    os.close(writing)
    with open(reading, "rb") as pipe:
        return dict(orjson.loads(pipe.read()))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"text": "cut \ud83d off"}, {"text": "cut \ufffd off"}),
        ({"count": 2**64}, {"count": str(2**64)}),
        ({"list": orjson.Fragment(b"[1]"), "text": "\udc00"}, {"list": [1], "text": "\ufffd"}),
    ],
)
def test_a_result_that_json_has_no_place_for_is_sent_as_near_as_can_be(value: Any, shown: Any) -> None:
    async def handle(_params: Any) -> Any:
        return value

    assert asyncio.run(answered(handle)) == {"jsonrpc": "2.0", "id": 1, "result": shown}


def test_an_error_that_json_has_no_place_for_is_sent_as_near_as_can_be() -> None:
    async def handle(_params: Any) -> Any:
        raise AgentError("cut \ud83d off", text="\udc00", count=2**64)

    error = asyncio.run(answered(handle))["error"]
    assert error["message"] == "cut \ufffd off"
    assert error["data"] == {"code": "AGENT_ERROR", "text": "\ufffd", "count": str(2**64)}
