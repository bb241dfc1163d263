"""A store with a few sessions in it."""

import asyncio
from typing import NamedTuple

from meerkat_rpc.composition import open_service
from meerkat_rpc.config import resolve
from meerkat_rpc.domain import AgentConfig
from meerkat_rpc.sessions.service import CreateSession

HOSTILE = "red \x1b[31malert\x07\ttab\nsecond line"
"""A title that would drive a terminal."""


class Past(NamedTuple):
    store: str
    ids: list[str]


def make_past(store: str) -> Past:
    """Create three sessions: a question, one with a hostile title, one for another team."""
    requests = [
        CreateSession("What is new?", AgentConfig(model="echo"), labels={"team": "a"}, cwd="/src/one"),
        CreateSession("Second", AgentConfig(model="echo"), title=HOSTILE, labels={"team": "a"}, cwd="/src/two"),
        CreateSession("Third\nline", AgentConfig(model="echo"), labels={"team": "b"}, cwd="/src/one"),
    ]
    return Past(store, asyncio.run(_create(store, requests)))


async def _create(store: str, requests: list[CreateSession]) -> list[str]:
    service = open_service(resolve({"store": store}, {"MEERKAT_CONFIG": "/nonexistent"}))
    await service.open()
    try:
        ids = []
        for request in requests:
            created = await service.create(request)
            assert created.turn is not None
            await created.turn.result()
            ids.append(created.session_id)
        return ids
    finally:
        await service.close()
