"""Which process may run a session: leases.

A session's head names the process that runs its turn. On the same machine a neighbour asks the operating system whether
that process is alive, so a dead one is known at once. From elsewhere (another container on the same disk) it goes by
the lease: a row that the process renews while it runs turns, and that runs out by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import Owner
from meerkat_rpc.errors import StoreError
from meerkat_rpc.processes import is_alive, is_neighbour
from meerkat_rpc.store.base import SessionStore

LEASE_MS = 8_000
"""How long a lease lasts: what a neighbour that can't see the process waits, at most, before it takes over. With the
taking over itself that is less than 10 s on a busy machine too."""

RENEW_MS = LEASE_MS // 3
"""How often it is renewed: two renewals may fail before it runs out."""

logger = logging.getLogger(__name__)


class Lease:
    """This process's lease on the sessions it runs."""

    def __init__(self, store: SessionStore, owner: Owner, needed: Callable[[], bool]) -> None:
        self._store = store
        self._owner = owner
        self._needed = needed
        self._expires_ms = 0
        self._claimed = False
        self._keeper: asyncio.Task[None] | None = None

    async def hold(self) -> None:
        """Make sure that the lease is good, and stays good while it is needed: by the turn that is about to begin, and
        by those that run."""
        self._claimed = True
        if self._expires_ms - now_ms() < 2 * RENEW_MS:
            await self._renew()
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._keep(), name="lease")

    async def drop(self) -> None:
        """Give the lease up. Where the store refuses, it runs out by itself."""
        if self._keeper is not None:
            self._keeper.cancel()
        if self._expires_ms:
            try:
                await self._store.drop_lease(self._owner.process_id)
            except StoreError as error:
                logger.warning("the lease could not be given up: %s", error.message)

    async def is_held_by(self, other: Owner) -> bool:
        """Return whether ``other`` may still be running its turns. Our own turns are not asked about: we know them."""
        if other.process_id == self._owner.process_id:
            return False
        if is_neighbour(other, self._owner):
            return is_alive(other, self._owner)
        expiry = await self._store.lease_expiry(other.process_id)
        return expiry is not None and expiry > now_ms()

    async def _renew(self) -> None:
        expires_ms = now_ms() + LEASE_MS
        await self._store.renew_lease(self._owner, expires_ms)
        self._expires_ms = expires_ms

    async def _keep(self) -> None:
        while self._needed() or self._claimed:
            self._claimed = False
            await asyncio.sleep(RENEW_MS / 1000)
            await self._renew_if_needed()
        self._keeper = None

    async def _renew_if_needed(self) -> None:
        if not self._needed():
            return
        try:
            await self._renew()
        except StoreError as error:
            logger.warning("the lease could not be renewed: %s", error.message)
