"""A store that raises out of a commit: it may have taken effect, and may not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meerkat_rpc.domain import SessionChange, SessionHead
from meerkat_rpc.errors import StoreError, TurnInterrupted
from meerkat_rpc.sessions.service import ListQuery, SessionService
from meerkat_rpc.store.memory import MemoryStore
from tests.sessions.services import Services, echo, hanging, make, start

Run = Callable[[Any], Any]

REFUSED, DOUBTFUL = "refused", "doubtful"
"""A commit that fails without having had an effect, or after it had one."""


class Unsure(MemoryStore):
    """A store whose next commits fail as ``faults`` says. While ``blind``, the head asked for next can't be read."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.blind = False
        self._unreadable = False

    async def commit(self, change: SessionChange) -> None:
        """Commit, or fail before or after."""
        fault = self.faults.pop(0) if self.faults else ""
        if fault != REFUSED:
            await super().commit(change)
        if fault:
            self._unreadable = self.blind
            raise StoreError("the disk reported an error")

    async def head(self, session_id: str) -> SessionHead | None:
        """Return the head, or fail."""
        if self._unreadable:
            self._unreadable = False
            raise StoreError("the disk reported an error")
        return await super().head(session_id)


class UnsureServices(Services):
    """Services on one such store."""

    def __init__(self, path: Path) -> None:
        super().__init__("memory", path)
        self.unsure = Unsure()

    def store(self) -> Unsure:
        """Return the store."""
        return self.unsure


@pytest.fixture
def services(tmp_path: Path) -> UnsureServices:
    return UnsureServices(tmp_path)


async def _said(service: SessionService, session_id: str) -> list[str]:
    return [message.content for message in (await service.history(session_id, 0, 100)).messages]


def test_commits_that_took_effect_count_though_they_raised(services: UnsureServices, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            services.unsure.faults = [DOUBTFUL] * 4
            session_id = await make(service)
            assert (await echo(service, session_id, "one")).text == "one"
            assert (await service.update(session_id, "Named", None)).summary.title == "Named"
            assert services.unsure.faults == []
            assert (await echo(service, session_id, "two")).text == "two"
            assert await _said(service, session_id) == ["one", "one", "two", "two"]
            assert (await service.list(ListQuery())).total == 1

    run(scenario())


def test_a_turn_that_could_not_begin_leaves_nothing(services: UnsureServices, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service)
            services.unsure.faults = [REFUSED]
            with pytest.raises(StoreError, match="the disk"):
                await start(service, session_id)
            assert (await echo(service, session_id, "now")).text == "now"
            assert await _said(service, session_id) == ["now", "now"]

    run(scenario())


@pytest.mark.parametrize("fault", [REFUSED, DOUBTFUL])
def test_where_nothing_can_be_read_either_the_commit_failed(services: UnsureServices, run: Run, fault: str) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service)
            services.unsure.faults, services.unsure.blind = [fault], True
            with pytest.raises(StoreError, match="the disk"):
                await service.update(session_id, "Named", None)
            assert (await echo(service, session_id, "now")).text == "now"

    run(scenario())


def test_a_turn_whose_end_is_refused_gives_its_text_back_and_the_session_goes_on(
    services: UnsureServices, run: Run
) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service)
            services.unsure.faults = ["", REFUSED]
            with pytest.raises(StoreError) as failed:
                await echo(service, session_id, "lost")
            assert failed.value.data["text"] == "lost"
            assert (await echo(service, session_id, "now")).text == "now"
            assert (await _said(service, session_id))[::2] == ["lost", "now"]

    run(scenario())


def test_a_session_whose_turn_cant_be_ended_can_be_read(services: UnsureServices, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service)
            services.unsure.faults = ["", *[REFUSED] * 6]
            with pytest.raises(StoreError):
                await echo(service, session_id, "lost")
            assert (await service.read(session_id)).summary.is_active
            assert await _said(service, session_id) == ["lost"]
            assert await service.latest_seq(session_id) >= 1
            with pytest.raises(StoreError, match="the disk"):
                await start(service, session_id)
            services.unsure.faults = []
            assert (await echo(service, session_id, "now")).text == "now"
            assert not (await service.read(session_id)).summary.is_active

    run(scenario())


def test_who_interrupts_a_turn_whose_end_is_refused_is_told(services: UnsureServices, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn = await hanging(service, "half")
            services.unsure.faults = [REFUSED]
            with pytest.raises(StoreError) as failed:
                await service.interrupt(turn.session_id)
            assert failed.value.data["text"] == "half"
            assert (await echo(service, turn.session_id, "now")).text == "now"
            with pytest.raises(TurnInterrupted):
                await (await start(service, turn.session_id, "begin", turn_id=turn.turn_id)).result()

    run(scenario())


def test_a_doubtful_beginning_whose_head_cant_be_read_is_not_run_twice(services: UnsureServices, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service)
            services.unsure.faults, services.unsure.blind = [DOUBTFUL], True
            with pytest.raises(StoreError, match="the disk"):
                await start(service, session_id, turn_id="01a20972-766e-71d1-80f2-fdb97fcf544a")
            with pytest.raises(TurnInterrupted):
                await (await start(service, session_id, turn_id="01a20972-766e-71d1-80f2-fdb97fcf544a")).result()
            assert (await echo(service, session_id, "now")).text == "now"

    run(scenario())
