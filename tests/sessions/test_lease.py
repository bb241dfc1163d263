"""How long a process is believed to be alive by those that can't see it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import Owner
from meerkat_rpc.errors import StoreError
from meerkat_rpc.processes import this_process
from meerkat_rpc.sessions import lease
from meerkat_rpc.sessions.lease import Lease
from meerkat_rpc.store.disk import DiskStore
from meerkat_rpc.store.memory import MemoryStore

Run = Callable[[Any], Any]

HERE = this_process()
ELSEWHERE = evolve(this_process(), host="elsewhere")


class Faltering(MemoryStore):
    """A store that notes renewals, and refuses leases as often as it is told."""

    def __init__(self, refusals: int = 0) -> None:
        super().__init__()
        self.refusals = refusals
        self.renewals = 0

    async def renew_lease(self, owner: Owner, expires_ms: int) -> None:
        """Refuse, or count and renew."""
        self._falter()
        self.renewals += 1
        await super().renew_lease(owner, expires_ms)

    async def drop_lease(self, process_id: str) -> None:
        """Refuse, or drop."""
        self._falter()
        await super().drop_lease(process_id)

    def _falter(self) -> None:
        if self.refusals:
            self.refusals -= 1
            raise StoreError("not now")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have leases renewed every hundredth of a second."""
    monkeypatch.setattr(lease, "RENEW_MS", 10)
    monkeypatch.setattr(lease, "LEASE_MS", 30)


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - what is waited for takes its time
        await asyncio.sleep(0.005)


def test_a_lease_is_renewed_while_it_is_needed_even_after_the_store_refused(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        store = Faltering()
        kept = Lease(store, HERE, lambda: True)
        await kept.hold()
        store.refusals = 2
        await until(lambda: store.renewals >= 5)
        await kept.drop()
        assert await store.lease_expiry(HERE.process_id) is None

    run(scenario())
    assert caplog.text.count("could not be renewed: not now") == 2


def test_a_lease_is_kept_for_a_turn_that_is_only_about_to_begin(run: Run) -> None:
    async def scenario() -> None:
        kept = Lease(Faltering(), HERE, lambda: False)
        await kept.hold()
        keeper, end_ms = kept._keeper, now_ms() + 5 * lease.RENEW_MS
        while now_ms() < end_ms:
            await kept.hold()
            await asyncio.sleep(0)
        assert kept._keeper is keeper
        await kept.drop()

    run(scenario())


def test_a_lease_that_nobody_needs_runs_out(run: Run) -> None:
    async def scenario() -> None:
        store = Faltering()
        kept = Lease(store, HERE, lambda: False)
        await kept.hold()
        await until(lambda: kept._keeper is None)
        assert store.renewals == 1
        await kept.hold()
        assert kept._keeper is not None
        await kept.drop()

    run(scenario())


def test_a_lease_that_cannot_be_given_up_runs_out(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        store = Faltering()
        kept = Lease(store, HERE, lambda: False)
        await kept.hold()
        store.refusals = 1
        await kept.drop()
        expiry = await store.lease_expiry(HERE.process_id)
        assert expiry is not None
        assert expiry <= now_ms() + lease.LEASE_MS

    run(scenario())
    assert "could not be given up: not now" in caplog.text


@pytest.mark.parametrize(("for_ms", "alive"), [(10_000, True), (0, False), (None, False)])
def test_a_process_elsewhere_is_alive_as_long_as_its_lease_says(
    tmp_path: Path, run: Run, for_ms: int | None, alive: bool
) -> None:
    async def scenario() -> None:
        store = DiskStore(tmp_path / "store")
        await store.open()
        if for_ms is not None:
            await store.renew_lease(ELSEWHERE, now_ms() + for_ms)
        assert await Lease(store, HERE, lambda: False).is_held_by(ELSEWHERE) is alive
        await store.close()

    run(scenario())


def test_the_turns_of_a_neighbour_are_its_own_whatever_became_of_its_lease(run: Run) -> None:
    async def scenario() -> None:
        here = Lease(MemoryStore(), HERE, lambda: False)
        assert await here.is_held_by(this_process())
        assert not await here.is_held_by(evolve(this_process(), boot_id="another"))
        assert not await here.is_held_by(HERE)

    run(scenario())
