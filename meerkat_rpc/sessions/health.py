"""How a store is, asked with patience that ends."""

from __future__ import annotations

import asyncio

from attrs import evolve

from meerkat_rpc.errors import StoreError
from meerkat_rpc.sessions.values import ServiceHealth
from meerkat_rpc.store.base import Store

HEALTH_PATIENCE_S = 1.0
"""How long the store may take to say how it is: it answers within milliseconds, or something is wrong with it, and
whoever watches over a server needs to hear that soon."""

CATALOGUE_PATIENCE_S = 3.0
"""How long it may take to count the sessions after that: the first time it reads their catalogue, of 50,000 perhaps."""


async def with_store(live: ServiceHealth, store: Store, known_sessions: int) -> ServiceHealth:
    """Return the figures of ``live`` with those of ``store``; ``known_sessions`` were there when it last answered."""
    try:
        async with asyncio.timeout(HEALTH_PATIENCE_S):
            usage = await store.usage()
        async with asyncio.timeout(CATALOGUE_PATIENCE_S):
            _, rows = await store.catalogue()
        return evolve(live, stored_sessions=len(rows), usage=usage)
    except (StoreError, TimeoutError):
        return evolve(live, stored_sessions=known_sessions, store_answers=False)
