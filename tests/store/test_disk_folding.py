"""What folding leaves on disk: less, in a format that older versions refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from meerkat_rpc.domain import Folding, LoggedEvent
from meerkat_rpc.errors import StoreCorrupt, StoreError
from meerkat_rpc.store import envelope
from meerkat_rpc.store.disk import DiskStore
from meerkat_rpc.store.disk_check import check_store
from meerkat_rpc.store.segments import Reader
from tests.store.conftest import open_disk
from tests.store.damage import execute, keys, row_of
from tests.store.sessions import NOW, add, create, events
from tests.store.test_contract_folding import folded, folding


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


def on_disk(path: Path, test: Callable[[DiskStore], Awaitable[None]]) -> None:
    async def run() -> None:
        async with open_disk(path) as store:
            await test(store)

    asyncio.run(run())


def made(path: Path, log: Sequence[LoggedEvent], foldings: Sequence[Folding]) -> str:
    """Make a store of one session and return its id."""
    ids = []

    async def make(store: DiskStore) -> None:
        head = await add(store, await create(store), events=log)
        await store.fold(head.session_id, foldings)
        ids.append(head.session_id)

    on_disk(path, make)
    return ids[0]


LOG = events(1, 1100)


def version(path: Path, key: str) -> int:
    return row_of(path, key)[2]


def test_only_what_lacks_records_is_in_the_newer_format(path: Path) -> None:
    session_id = made(path, LOG, [folding(LOG, 70, 200)])
    prefix = f"s/{session_id}"
    assert version(path, f"{prefix}/log") == envelope.SPARSE
    assert [version(path, f"{prefix}/e/{number}") for number in (0, 1, 3, 4)] == [1, 2, 2, 1]
    assert version(path, f"{prefix}/head") == 1
    assert f"{prefix}/e/2" not in keys(path)
    assert check_store(str(path)).problems == []


def test_a_version_that_knows_of_no_absent_records_refuses_the_log_and_leaves_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = made(path, LOG, [folding(LOG, 70, 512)])
    before = [(key, row_of(path, key)) for key in keys(path)]
    monkeypatch.setattr(envelope, "NEWEST", envelope.FORMAT)

    async def test(store: DiskStore) -> None:
        assert await store.head(session_id) is not None
        for refused in (
            store.events(session_id, 128, 100),
            store.events(session_id, 0, 1000),
            store.last_seq(session_id),
            store.append(session_id, events(1101, 1)),
        ):
            with pytest.raises(StoreError, match="newer version"):
                await refused

    on_disk(path, test)
    assert [(key, row_of(path, key)) for key in keys(path)] == before


def test_spilled_bodies_go_with_their_events(path: Path) -> None:
    log = [LoggedEvent(seq, NOW, "turn", b"%d" % seq * 5000) for seq in range(1, 131)]
    foldings = [folding(log, 10, 100), folding(log, 120, 129, "z" * 9000)]
    session_id = made(path, log, foldings)
    spilled = {int(key.rpartition("/")[2]) for key in keys(path) if key.startswith(f"s/{session_id}/e+/")}
    assert spilled == {*range(1, 10), *range(101, 120), 129, 130}

    async def test(store: DiskStore) -> None:
        assert await store.events(session_id, 0, 1000) == folded(log, foldings)

    on_disk(path, test)
    assert check_store(str(path)).problems == []


@pytest.mark.parametrize("number", [1, 7])
def test_a_segment_that_is_missing_without_having_been_folded_is_noticed(path: Path, number: int) -> None:
    session_id = made(path, LOG, [folding(LOG, 70, 500)])
    execute(path, "DELETE FROM Cache WHERE key = ?", f"s/{session_id}/e/{number}")

    async def test(store: DiskStore) -> None:
        with pytest.raises(StoreCorrupt, match="missing"):
            await store.events(session_id, 0, 2000)

    on_disk(path, test)
    assert any("missing" in problem for problem in check_store(str(path)).problems)


def test_a_log_whose_folded_event_says_something_else_is_told_of(path: Path) -> None:
    first, _, event = folding(LOG, 70, 100)
    wrong = event._replace(body=event.body.replace(b'"from_seq":70', b'"from_seq":80'))
    session_id = made(path, LOG, [folding(LOG, 70, 100)._replace(first_seq=first, event=wrong)])
    assert f"Session {session_id}: event 100 follows event 69." in check_store(str(path)).problems


def test_what_another_process_folds_while_it_is_read_is_read_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = [LoggedEvent(seq, NOW, "turn", b"%d" % seq * 5000) for seq in range(1, 131)]
    found = folding(log, 2, 60)
    session_id = made(path, log, [])
    read_body, meanwhile = Reader._body, [lambda: on_disk(path, fold)]

    async def fold(other: DiskStore) -> None:
        await other.fold(session_id, [found])

    def body(reader: Reader, position: int) -> bytes:
        while meanwhile:
            meanwhile.pop()()
        return read_body(reader, position)

    async def test(store: DiskStore) -> None:
        assert await store.events(session_id, 0, 1000) == log
        assert await store.events(session_id, 0, 1000) == folded(log, [found])

    monkeypatch.setattr(Reader, "_body", body)
    on_disk(path, test)
