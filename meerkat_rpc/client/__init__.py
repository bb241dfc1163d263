"""An async client for parent processes: starts a server, talks to it, and survives its death.

    async with Client.spawn() as client:
        turn = client.start("Say hello.")
        async for event in turn:
            if event.type == "text_delta":
                print(event["delta"], end="", flush=True)
        result = await turn.result()

Importing this costs asyncio and orjson, nothing more.
"""

from meerkat_rpc.client.client import Client
from meerkat_rpc.client.errors import (
    ClientClosed,
    ClientError,
    InvalidParams,
    RpcError,
    ServerDied,
    SessionBusy,
    SessionNotFound,
    StartFailed,
    TurnInterrupted,
)
from meerkat_rpc.client.events import Event
from meerkat_rpc.client.lending import Call, LentTool
from meerkat_rpc.client.text import TurnText
from meerkat_rpc.client.turn import Turn

__all__ = [
    "Call",
    "Client",
    "ClientClosed",
    "ClientError",
    "Event",
    "InvalidParams",
    "LentTool",
    "RpcError",
    "ServerDied",
    "SessionBusy",
    "SessionNotFound",
    "StartFailed",
    "Turn",
    "TurnInterrupted",
    "TurnText",
]
