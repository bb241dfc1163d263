"""What the disk store does with rows that aren't what it wrote."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from meerkat_rpc.domain import LastTurn, SessionChange, SessionHead, TurnOutcome
from meerkat_rpc.errors import StoreCorrupt, StoreError
from meerkat_rpc.ids import new_id
from meerkat_rpc.store.disk import DiskStore
from meerkat_rpc.store.disk_cache import check_whole
from meerkat_rpc.store.disk_check import check_store
from meerkat_rpc.store.disk_parts import open_parts
from meerkat_rpc.store.envelope import NEWEST
from tests.store.conftest import open_disk
from tests.store.damage import change_row, execute, flip, keys, row_of
from tests.store.sessions import add, create, events, message, next_head, turn_record


def made(path: Path) -> tuple[SessionHead, SessionHead]:
    """Make a store with two sessions in it; return their heads."""

    async def make() -> tuple[SessionHead, SessionHead]:
        async with open_disk(path) as store:
            heads = [await create(store), await create(store)]
            texts = [message("m" * 5000), *(message(f"text {index}") for index in range(20))]
            log = [event._replace(body=b"e" * 5000) if event.seq == 2 else event for event in events(1, 70)]
            for at, head in enumerate(heads):
                heads[at] = next_head(head, message_count=len(texts))
                await store.commit(SessionChange(heads[at], texts, log, turn_record("t")))
            return heads[0], heads[1]

    return asyncio.run(make())


def on_disk(path: Path, test: Callable[[DiskStore], Awaitable[Any]]) -> Any:
    async def opened() -> Any:
        async with open_disk(path) as store:
            return await test(store)

    return asyncio.run(opened())


async def read_everything(store: DiskStore, session_id: str) -> None:
    await store.head(session_id)
    await store.messages(session_id, 0, 200)
    await store.events(session_id, 0, 200)
    await store.turn(session_id, "t")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


PARTS = ["head", "log", "m/0", "m+/1", "e/0", "e+/2", "t/t"]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("place", [0, 2, 3, 5, 8, -1])
def test_a_flipped_bit_is_noticed_and_the_row_named(path: Path, part: str, place: int) -> None:
    head, other = made(path)
    key = f"s/{head.session_id}/{part}"
    damaged = change_row(path, key, flip(place))

    async def test(store: DiskStore) -> None:
        with pytest.raises(StoreError) as refused:
            await read_everything(store, head.session_id)
        assert refused.value.data["row"] == key
        await read_everything(store, other.session_id)
        assert set((await store.catalogue())[1]) == {head.session_id, other.session_id}

    on_disk(path, test)
    assert row_of(path, key) == damaged


def test_a_damaged_session_can_be_deleted(path: Path) -> None:
    head, other = made(path)
    for key in keys(path):
        if key.startswith(f"s/{head.session_id}"):
            change_row(path, key, flip(-1))

    async def test(store: DiskStore) -> None:
        assert await store.delete(head.session_id)
        assert set((await store.catalogue())[1]) == {other.session_id}
        await read_everything(store, other.session_id)

    on_disk(path, test)
    assert not [key for key in keys(path) if head.session_id in key]


def test_a_row_in_another_ones_place_is_noticed(path: Path) -> None:
    head, other = made(path)
    execute(
        path,
        "UPDATE Cache SET value = ? WHERE key = ?",
        row_of(path, f"s/{other.session_id}/head"),
        f"s/{head.session_id}/head",
    )
    with pytest.raises(StoreCorrupt):
        on_disk(path, lambda store: store.head(head.session_id))


@pytest.mark.parametrize("part", ["m/0", "m+/1", "e/0", "e+/2"])
def test_a_missing_row_is_noticed_and_named(path: Path, part: str) -> None:
    head, _ = made(path)
    key = f"s/{head.session_id}/{part}"
    execute(path, "DELETE FROM Cache WHERE key = ?", key)
    with pytest.raises(StoreCorrupt) as refused:
        on_disk(path, lambda store: read_everything(store, head.session_id))
    assert refused.value.data == {"row": key, "session_id": head.session_id}


@pytest.mark.parametrize(
    "columns", ["mode = 4", "mode = 3, filename = 'x.val'", "mode = 2", "mode = 1, value = 'text'"]
)
def test_a_planted_pickle_or_file_is_refused_and_never_executed(path: Path, tmp_path: Path, columns: str) -> None:
    head, other = made(path)
    key, witness = f"s/{head.session_id}/head", tmp_path / "executed"
    pickle = b"cos\nsystem\n(S'touch " + bytes(witness) + b"'\ntR."
    (path / "x.val").write_bytes(pickle)
    execute(path, "UPDATE Cache SET value = ? WHERE key = ?", pickle, key)
    execute(path, f"UPDATE Cache SET {columns} WHERE key = ?", key)  # noqa: S608

    async def test(store: DiskStore) -> None:
        with pytest.raises(StoreCorrupt) as refused:
            await store.head(head.session_id)
        assert refused.value.data["row"] == key
        assert await store.head(other.session_id) == other
        assert await store.delete(head.session_id)

    on_disk(path, test)
    assert not witness.exists()
    assert (path / "x.val").exists()


def test_a_planted_file_name_does_not_choose_what_is_removed(path: Path, tmp_path: Path) -> None:
    head, _ = made(path)
    victim = tmp_path / "victim"
    victim.write_text("dear")
    execute(path, "UPDATE Cache SET filename = '../victim' WHERE key LIKE ?", f"s/{head.session_id}/%")
    on_disk(path, lambda store: store.delete(head.session_id))
    assert victim.read_text() == "dear"


def test_a_planted_pickled_key_is_not_executed_when_every_key_is_read(path: Path, tmp_path: Path) -> None:
    head, other = made(path)
    witness = tmp_path / "executed"
    pickle = b"cos\nsystem\n(S'touch " + bytes(witness) + b"'\ntR."
    execute(path, "INSERT INTO Cache (key, raw, mode, value) VALUES (?, 0, 4, ?)", pickle, pickle)
    change_row(path, "c/0", flip(-1))
    _, rows = on_disk(path, lambda store: store.catalogue())
    assert set(rows) == {head.session_id, other.session_id}
    assert not witness.exists()


def test_a_row_of_a_newer_format_is_refused_and_left_as_it_is(path: Path) -> None:
    head, other = made(path)
    key = f"s/{head.session_id}/head"

    def newer(value: bytearray) -> None:
        value[2] = NEWEST + 1

    newer_version = rf"newer version .* \(format {NEWEST + 1}; this one reads up to {NEWEST}\)"
    changed = change_row(path, key, newer)

    async def test(store: DiskStore) -> None:
        for call in (
            store.head(head.session_id),
            add(store, head, [message("more")]),
            store.messages(head.session_id, 16, 9),
        ):
            with pytest.raises(StoreError, match=newer_version):
                await call
        await add(store, other, [message("more")])

    on_disk(path, test)
    assert row_of(path, key) == changed


@pytest.mark.parametrize("where", ["marker", "identity"])
def test_a_store_of_a_newer_format_is_refused_and_left_as_it_is(path: Path, where: str) -> None:
    made(path)
    if where == "marker":
        marker = path / "store.json"
        marker.write_text(marker.read_text().replace('"format": 1', f'"format": {NEWEST + 1}'))
    else:
        change_row(path, "identity", lambda value: value.__setitem__(2, NEWEST + 1))
    before = hashlib.sha256((path / "cache.db").read_bytes()).digest()
    with pytest.raises(StoreError, match="newer version"):
        on_disk(path, lambda store: store.catalogue())
    assert hashlib.sha256((path / "cache.db").read_bytes()).digest() == before


def test_a_database_truncated_to_nothing_is_not_an_empty_store(path: Path) -> None:
    made(path)
    (path / "cache.db").write_bytes(b"")
    for _ in range(2):
        with pytest.raises(StoreCorrupt, match="lost its content"):
            on_disk(path, lambda store: store.catalogue())
    assert (path / "cache.db").stat().st_size == 0


def test_a_database_that_was_removed_is_not_an_empty_store(path: Path) -> None:
    made(path)
    (path / "cache.db").unlink()
    with pytest.raises(StoreCorrupt, match="lost its content"):
        on_disk(path, lambda store: store.catalogue())
    assert not (path / "cache.db").exists()


def test_a_database_without_our_identity_is_not_an_empty_store(path: Path) -> None:
    made(path)
    execute(path, "DELETE FROM Cache")
    with pytest.raises(StoreCorrupt, match="lost its content"):
        on_disk(path, lambda store: store.catalogue())


def test_the_database_of_another_store_is_refused(path: Path, tmp_path: Path) -> None:
    made(path)
    made(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "cache.db", path / "cache.db")
    with pytest.raises(StoreError, match="another store"):
        on_disk(path, lambda store: store.catalogue())


def test_another_programs_cache_is_refused(path: Path) -> None:
    made(path)
    (path / "store.json").unlink()
    execute(path, "DELETE FROM Cache WHERE key = 'identity'")
    with pytest.raises(StoreError, match="another program's data"):
        on_disk(path, lambda store: store.catalogue())


def test_a_store_whose_marker_was_not_written_yet_gets_it(path: Path) -> None:
    made(path)
    marker = (path / "store.json").read_text()
    (path / "store.json").unlink()
    _, rows = on_disk(path, lambda store: store.catalogue())
    assert len(rows) == 2
    assert (path / "store.json").read_text() == marker


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}'])
def test_a_marker_that_cannot_be_read_is_refused(path: Path, content: str) -> None:
    made(path)
    (path / "store.json").write_text(content)
    with pytest.raises(StoreCorrupt, match=r"store\.json can't be read"):
        on_disk(path, lambda store: store.catalogue())


def test_a_file_that_is_no_database_is_said_to_be_damaged(path: Path) -> None:
    made(path)
    (path / "cache.db").write_bytes(b"rubbish " * 1000)
    with pytest.raises(StoreCorrupt, match="damaged"):
        on_disk(path, lambda store: store.catalogue())


@pytest.mark.parametrize("key", ["c/0", "changes", "pages"])
def test_a_damaged_index_is_made_anew_from_the_sessions(path: Path, key: str, caplog: pytest.LogCaptureFixture) -> None:
    head, other = made(path)
    change_row(path, key, flip(-1))

    async def test(store: DiskStore) -> None:
        nonlocal head
        if key != "c/0":
            head = await add(store, head, [message("more")])
        third = await create(store)
        _, rows = await store.catalogue()
        assert set(rows) == {head.session_id, other.session_id, third.session_id}
        assert await store.delete(other.session_id)
        assert await store.head(third.session_id) == third

    on_disk(path, test)
    assert "making it anew" in caplog.text
    caplog.clear()
    _, rows = on_disk(path, lambda store: store.catalogue())
    assert len(rows) == 2
    assert not caplog.text


def test_sessions_whose_head_is_damaged_stay_listed_when_the_index_is_made_anew(path: Path) -> None:
    head, other = made(path)
    change_row(path, f"s/{head.session_id}/head", flip(-1))
    change_row(path, "changes", flip(-1))
    _, rows = on_disk(path, lambda store: store.catalogue())
    assert set(rows) == {head.session_id, other.session_id}


@pytest.mark.parametrize("key", ["c/0", "changes", "pages"])
def test_a_missing_row_of_the_index_does_not_make_sessions_disappear(path: Path, key: str) -> None:
    head, other = made(path)
    execute(path, "DELETE FROM Cache WHERE key = ?", key)
    _, rows = on_disk(path, lambda store: store.catalogue())
    assert set(rows) == {head.session_id, other.session_id}


def test_the_index_is_not_made_anew_without_a_session_that_is_there(path: Path) -> None:
    head, _ = made(path)
    execute(path, "DELETE FROM Cache WHERE key = 'c/0'")
    change_row(path, f"s/{head.session_id}/head", flip(-1))

    async def test(store: DiskStore) -> None:
        for _ in range(2):
            with pytest.raises(StoreCorrupt) as refused:
                await store.catalogue()
            assert refused.value.data["row"] == f"s/{head.session_id}/head"

    on_disk(path, test)
    assert "c/0" not in keys(path)


@pytest.mark.parametrize("part", ["head", "log"])
def test_a_session_without_its_head_or_log_is_damaged_and_not_unknown_or_empty(path: Path, part: str) -> None:
    head, other = made(path)
    key = f"s/{head.session_id}/{part}"
    execute(path, "UPDATE Cache SET expire_time = 1 WHERE key = ?", key)

    async def test(store: DiskStore) -> None:
        with pytest.raises(StoreCorrupt) as refused:
            await read_everything(store, head.session_id)
        assert refused.value.data["row"] == key
        await read_everything(store, other.session_id)
        assert await store.head(new_id()) is None

    on_disk(path, test)


def test_a_session_that_only_the_catalogue_knows_is_damaged(path: Path) -> None:
    head, _ = made(path)
    execute(path, "DELETE FROM Cache WHERE key IN (?, ?)", *(f"s/{head.session_id}/{part}" for part in ("head", "log")))
    with pytest.raises(StoreCorrupt):
        on_disk(path, lambda store: store.head(head.session_id))


@pytest.mark.parametrize(("part", "count"), [("m/0", 16), ("m/1", 32), ("e/0", 64), ("e/1", 128)])
def test_the_last_segment_is_missed_where_it_is_full(path: Path, part: str, count: int) -> None:
    async def test(store: DiskStore) -> None:
        head = await create(store)
        await add(store, head, [message("text")] * count, events(1, count))
        await store._run(lambda parts: parts.rows.drop(f"s/{head.session_id}/{part}"))
        with pytest.raises(StoreCorrupt, match="it is missing"):
            await read_everything(store, head.session_id)

    on_disk(path, test)


def test_the_last_turn_is_not_unknown_when_its_record_is_missing(path: Path) -> None:
    head, _ = made(path)
    key = f"s/{head.session_id}/t/t"
    execute(path, "DELETE FROM Cache WHERE key = ?", key)

    async def test(store: DiskStore) -> None:
        last = LastTurn("t", TurnOutcome.COMPLETED)
        await store.commit(SessionChange(next_head(head, last_turn=last)))
        with pytest.raises(StoreCorrupt) as refused:
            await store.turn(head.session_id, "t")
        assert refused.value.data["row"] == key
        assert await store.turn(head.session_id, "another") is None

    on_disk(path, test)


def test_nothing_is_written_into_a_database_that_turned_out_to_be_damaged(path: Path, tmp_path: Path) -> None:
    _, other = made(path)
    rows = open_parts(str(path)).rows
    (tmp_path / "rubbish").write_bytes(b"rubbish " * 1000)
    with pytest.raises(StoreCorrupt, match="sessions salvage"):
        rows.run(lambda: check_whole(str(tmp_path / "rubbish")))
    with pytest.raises(StoreCorrupt, match="sessions salvage"):
        rows.run(lambda: rows.transaction(durable=True).__enter__())
    assert rows.run(lambda: rows.get(f"s/{other.session_id}/head"))
    rows.close()


@pytest.mark.parametrize("key", ["disk_min_file_siz%", "sqlite_cache_size = 1; --", b"\xff", 7])
def test_settings_that_diskcache_does_not_have_are_refused(path: Path, key: object) -> None:
    made(path)
    execute(path, "UPDATE Settings SET key = ? WHERE key = 'cull_limit'", key)
    with pytest.raises(StoreCorrupt, match="strange settings"):
        on_disk(path, lambda store: store.catalogue())


def test_settings_are_looked_at_where_diskcache_reads_them(path: Path) -> None:
    made(path)
    content = (path / "cache.db").read_bytes()
    name = b"disk_min_file_size"
    places = [at for at in range(len(content)) if content.startswith(name, at)]
    assert len(places) == 2, "in the table, and in its index"
    for at in places:
        (path / "cache.db").write_bytes(content[:at] + b"disk_min_file_siz%" + content[at + len(name) :])
        with contextlib.suppress(StoreError):
            on_disk(path, lambda store: store.catalogue())
        assert check_store(str(path)).problems
