"""Puts the parts together: settings in, a session service out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meerkat_rpc.agents.registry import AgentRegistry
from meerkat_rpc.errors import StoreError
from meerkat_rpc.processes import this_process
from meerkat_rpc.sessions.ephemeral import EphemeralSessionService
from meerkat_rpc.sessions.folding import FoldingPolicy
from meerkat_rpc.sessions.lease import Lease
from meerkat_rpc.sessions.persistent import PersistentSessionService
from meerkat_rpc.sessions.store_journal import StoreJournal
from meerkat_rpc.sessions.surroundings import Surroundings
from meerkat_rpc.store.disk import DiskStore

if TYPE_CHECKING:
    from meerkat_rpc.config import Settings
    from meerkat_rpc.store.base import Store


def ephemeral_service(
    registry: AgentRegistry, max_sessions: int, surroundings: Surroundings = Surroundings()
) -> EphemeralSessionService:
    """Return a service whose sessions end with the process."""
    return EphemeralSessionService(
        registry.build, registry.complete, this_process(), max_sessions, surroundings=surroundings
    )


def persistent_service(
    registry: AgentRegistry,
    max_sessions: int,
    store: Store,
    surroundings: Surroundings = Surroundings(),
    fold_after_ms: int | None = None,
) -> PersistentSessionService:
    """Return a service that keeps its sessions in ``store``; still to be opened.

    It folds the deltas of turns that ended ``fold_after_ms`` ago; None for never.
    """
    owner = this_process()
    live = EphemeralSessionService(
        registry.build,
        registry.complete,
        owner,
        max_sessions,
        open_journal=lambda session_id: StoreJournal(store, session_id),
        surroundings=surroundings,
    )

    def is_busy() -> bool:
        return live.sessions.running_turns > 0

    folding = None if fold_after_ms is None else FoldingPolicy(store, fold_after_ms, is_busy, live.turns_ended)
    return PersistentSessionService(store, live, Lease(store, owner, is_busy), folding)


def open_service(settings: Settings) -> PersistentSessionService:
    """Return the persistent service that ``settings`` describe; still to be opened (``await service.open()``)."""
    if settings.store is None:
        raise StoreError("no store: sessions that are kept in memory belong to the server that runs them")
    return persistent_service(AgentRegistry(settings.model), settings.max_sessions, DiskStore(settings.store))
