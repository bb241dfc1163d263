"""Attachments on disk: in which rows they lie, how they go, and what is noticed of damage."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from meerkat_rpc.domain import AgentConfig, SessionChange, SessionHead, Spent
from meerkat_rpc.errors import StoreCorrupt, StoreError
from meerkat_rpc.store import envelope
from meerkat_rpc.store.disk import DiskStore
from meerkat_rpc.store.disk_blobs import PART_BYTES
from meerkat_rpc.store.disk_check import check_store
from meerkat_rpc.store.disk_rows import STEP_ROWS
from tests.store.blobs import attach, brought, digest_of, waiting
from tests.store.conftest import open_disk
from tests.store.damage import change_row, execute, flip, keys, replace_row, row_of
from tests.store.sessions import add, create, message, new_head, next_head

TEXT = b"some words, and again some words\n" * 1000
LARGE = bytes(range(256)) * (3 * PART_BYTES // 256)
"""Its last part is as long as the others."""

VERSION = 2
"""Where the format version is in a row."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


def on_disk(path: Path, test: Callable[[DiskStore], Awaitable[None]]) -> None:
    async def run() -> None:
        async with open_disk(path) as store:
            await test(store)

    asyncio.run(run())


def stopped(store: DiskStore) -> DiskStore:
    """Return the store, which doesn't clear up any more: as if the process had died in time."""
    store._tidying.begin = lambda: None  # type: ignore[method-assign]
    return store


def of_blobs(path: Path) -> list[str]:
    return [key for key in keys(path) if key.startswith(("b/", "r/")) or key == "unreferenced"]


def problems(path: Path) -> str:
    return "\n".join(check_store(str(path)).problems)


def part(content: bytes, number: int) -> str:
    return f"b/{digest_of(content)}/{number}"


# -- the rows ----------------------------------------------------------------------------------------------------


def test_a_large_blob_lies_in_parts_and_a_small_one_is_compressed(path: Path) -> None:
    async def test(store: DiskStore) -> None:
        await attach(store, await create(store), LARGE, TEXT)
        assert [len(row_of(path, part(LARGE, number))) for number in range(3)] == [PART_BYTES + 8] * 3
        assert part(LARGE, 3) not in keys(path)
        assert len(row_of(path, part(TEXT, 0))) < 1000
        assert await store.blob(digest_of(LARGE)) == LARGE

    on_disk(path, test)


def test_a_blob_is_written_once(path: Path) -> None:
    async def test(store: DiskStore) -> None:
        head = await attach(store, await create(store), LARGE)
        before = execute(path, "SELECT rowid, store_time FROM Cache WHERE key LIKE 'b/%'")
        await attach(store, await attach(store, head, LARGE), LARGE, bring=False)
        await attach(store, await create(store), LARGE)
        assert execute(path, "SELECT rowid, store_time FROM Cache WHERE key LIKE 'b/%'") == before
        assert len(of_blobs(path)) == len(before) + 2

    on_disk(path, test)


def test_without_agents_every_row_is_as_it_was_before_there_were_any(path: Path) -> None:
    async def test(store: DiskStore) -> None:
        head = await add(store, await create(store), [message("m" * 5000)] * 20)
        await store.commit(SessionChange(next_head(head, config=AgentConfig(system_prompt="x" * 5000))))
        assert {row_of(path, key)[VERSION] for key in keys(path)} == {envelope.FORMAT}

    on_disk(path, test)


@pytest.mark.parametrize("part", waiting(""))
def test_a_head_with_something_new_is_refused_by_older_versions_from_then_on(path: Path, part: str) -> None:
    async def test(store: DiskStore) -> None:
        head = new_head(**{part: waiting("")[part]})
        await store.commit(SessionChange(head, blobs=brought(b"x") if part in {"queue", "context"} else {}))
        await store.commit(SessionChange(next_head(head, **{part: getattr(new_head(), part)})))
        assert row_of(path, f"s/{head.session_id}/head")[VERSION] == envelope.AGENTS
        assert row_of(path, f"s/{head.session_id}/log")[VERSION] == envelope.FORMAT

    on_disk(path, test)


def test_segments_with_attachments_are_refused_by_older_versions(path: Path) -> None:
    async def test(store: DiskStore) -> None:
        head = await add(store, await create(store), [message("plain")] * 16)
        head = await attach(store, head, b"x")
        head = await add(store, head, [message("long " * 1000)] * 20)
        versions = {key.split("/", 2)[2]: row_of(path, key)[VERSION] for key in keys(path) if key.startswith("s/")}
        assert versions["m/0"] == envelope.FORMAT
        assert {versions["m/1"], versions["m+/20"], versions["head"]} == {envelope.AGENTS}

    on_disk(path, test)


def test_a_budget_is_refused_by_older_versions_wherever_the_configuration_lies(path: Path) -> None:
    async def test(store: DiskStore) -> None:
        for prompt in ("short", "long " * 1000):
            config = AgentConfig(system_prompt=prompt, budget={"turn": {"tokens": 1}})
            head = await create(store, config=config)
            ours = [key for key in keys(path) if head.session_id in key and not key.endswith("/log")]
            assert {row_of(path, key)[VERSION] for key in ours} == {envelope.AGENTS}

    on_disk(path, test)


def test_an_older_version_names_itself_too_old(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(store: DiskStore) -> None:
        plain, head = await create(store), await create(store, spent=Spent(1))
        monkeypatch.setattr(envelope, "NEWEST", envelope.SPARSE)
        assert await store.head(plain.session_id) == plain
        with pytest.raises(StoreError, match="newer version"):
            await store.delete(head.session_id)
        assert {plain.session_id, head.session_id} == (await store.catalogue())[1].keys()

    on_disk(path, test)


def test_what_is_large_in_a_head_lies_beside_it_and_goes_when_it_is_not_needed(path: Path) -> None:
    async def test(store: DiskStore) -> None:
        head = new_head(**waiting("long " * 2000))
        await store.commit(SessionChange(head, blobs=brought(b"x")))
        assert len(row_of(path, f"s/{head.session_id}/head")) < 500
        before = execute(path, "SELECT key, rowid, store_time FROM Cache WHERE key LIKE '%/head+/%'")
        assert len(before) == len(waiting("")) - 1
        await store.commit(SessionChange(head := next_head(head)))
        assert execute(path, "SELECT key, rowid, store_time FROM Cache WHERE key LIKE '%/head+/%'") == before
        await store.commit(SessionChange(next_head(head, queue=(), compaction=None)))
        assert sum("/head+/" in key for key in keys(path)) == len(before) - 2
        assert problems(path) == ""

    on_disk(path, test)


# -- how they go -------------------------------------------------------------------------------------------------


def test_a_small_blob_is_gone_with_the_commit_that_deletes_its_session(path: Path) -> None:
    async def test(store: DiskStore) -> None:
        head = await attach(store, await create(store), b"x", TEXT)
        await stopped(store).delete(head.session_id)
        assert of_blobs(path) == []

    on_disk(path, test)


async def _deleted(store: DiskStore, path: Path) -> SessionHead:
    """Delete a session with a large blob and many small ones; the store doesn't clear up."""
    small = [b"%d" % number for number in range(2 * STEP_ROWS)]
    head = await attach(store, await create(store), LARGE, *small)
    await stopped(store).delete(head.session_id)
    assert len(of_blobs(path)) > STEP_ROWS
    return head


def test_whoever_opens_the_store_next_goes_on_with_removing(path: Path) -> None:
    async def test(store: DiskStore) -> None:
        await _deleted(store, path)
        assert problems(path) == ""
        async with open_disk(path) as other:
            await other.tidied()
        assert of_blobs(path) == []

    on_disk(path, test)


def test_each_step_of_removing_leaves_a_sound_store_and_takes_no_more_than_it_may(path: Path) -> None:
    async def test(store: DiskStore) -> None:
        await _deleted(store, path)
        kept = await attach(store, await create(store), b"7")  # of the deleted session's, and perhaps still there
        steps, before = 0, execute(path, "SELECT SUM(LENGTH(value)) FROM Cache")[0][0]
        assert store._parts is not None
        while await store._run(lambda parts: parts.blobs.step()):
            steps += 1
            size = execute(path, "SELECT SUM(LENGTH(value)) FROM Cache")[0][0]
            assert before - size < 2 * PART_BYTES
            before = size
            assert problems(path) == ""
        assert steps > 3
        assert await store.blob(digest_of(b"7")) == b"7"
        await store.delete(kept.session_id)
        assert of_blobs(path) == []

    on_disk(path, test)


def test_a_blob_that_comes_back_while_it_is_being_removed_stays(path: Path) -> None:
    async def test(store: DiskStore) -> None:
        head = await attach(store, await create(store), LARGE)
        await stopped(store).delete(head.session_id)
        assert part(LARGE, 2) in keys(path)
        assert await store.blob(digest_of(LARGE)) is None
        with pytest.raises(ValueError, match="aren't there"):
            await attach(store, await create(store), LARGE, bring=False)
        await attach(store, await create(store), LARGE)
        async with open_disk(path) as other:
            await other.tidied()
            assert await other.blob(digest_of(LARGE)) == LARGE
        assert problems(path) == ""

    on_disk(path, test)


def test_a_session_created_anew_refers_to_what_its_predecessor_is_still_losing(path: Path) -> None:
    async def test(store: DiskStore) -> None:
        old = await _deleted(store, path)
        again = await attach(store, await create(store, session_id=old.session_id), b"0", LARGE)
        async with open_disk(path) as other:
            await other.tidied()
            assert await other.blob(digest_of(LARGE)) == LARGE
            assert len(of_blobs(path)) == 4 + 3 + 1
            await other.delete(again.session_id)
            await other.tidied()
        assert of_blobs(path) == []

    on_disk(path, test)


def test_of_two_processes_one_may_bring_what_the_other_removes(path: Path) -> None:
    async def test(store: DiskStore) -> None:
        async with open_disk(path) as other:
            last: SessionHead | None = None
            for number in range(40):
                one, two = (store, other) if number % 2 else (other, store)
                head = await create(one)
                removal = two.delete(last.session_id) if last else asyncio.sleep(0, result=True)
                last, _ = await asyncio.gather(attach(one, head, LARGE[:PART_BYTES]), removal)
                assert await two.blob(digest_of(LARGE[:PART_BYTES])) == LARGE[:PART_BYTES]
            await asyncio.gather(store.tidied(), other.tidied())
            assert problems(path) == ""
            assert len(of_blobs(path)) == 3

    on_disk(path, test)


def test_a_damaged_list_of_what_is_removed_keeps_nobody_from_working(path: Path) -> None:
    async def test(store: DiskStore) -> None:
        await _deleted(store, path)
        change_row(path, "unreferenced", flip(-1))
        assert "row unreferenced" in problems(path)
        head = await attach(store, await create(store), b"x")
        await store.delete(head.session_id)
        assert "unreferenced" not in keys(path)
        assert "isn't there" in problems(path)

    on_disk(path, test)


# -- damage ------------------------------------------------------------------------------------------------------


@pytest.fixture
def head(path: Path) -> SessionHead:
    """Make a store with two sessions that have a large blob in common."""

    async def make() -> SessionHead:
        async with open_disk(path) as store:
            await attach(store, await create(store), LARGE)
            return await attach(store, await create(store), LARGE, TEXT)

    return asyncio.run(make())


def drop(path: Path, key: str) -> None:
    execute(path, "DELETE FROM Cache WHERE key = ?", key)


@pytest.mark.parametrize("key", [f"b/{digest_of(LARGE)}", part(LARGE, 0), part(LARGE, 2)])
def test_a_flipped_bit_is_noticed_when_the_blob_is_read_and_by_the_examination(
    path: Path, head: SessionHead, key: str
) -> None:
    change_row(path, key, flip(-1))

    async def test(store: DiskStore) -> None:
        with pytest.raises(StoreCorrupt, match=key):
            await store.blob(digest_of(LARGE))
        assert await store.blob(digest_of(TEXT)) == TEXT
        assert await store.head(head.session_id) == head

    on_disk(path, test)
    assert key in problems(path)


def test_parts_that_are_not_what_the_digest_says_are_noticed(path: Path, head: SessionHead) -> None:
    replace_row(path, part(LARGE, 1), LARGE[1 : PART_BYTES + 1])

    async def test(store: DiskStore) -> None:
        with pytest.raises(StoreCorrupt, match=digest_of(LARGE)):
            await store.blob(digest_of(LARGE))

    on_disk(path, test)
    assert digest_of(LARGE) in problems(path)


def test_a_missing_part_is_noticed(path: Path, head: SessionHead) -> None:
    drop(path, part(LARGE, 1))

    async def test(store: DiskStore) -> None:
        with pytest.raises(StoreCorrupt, match="missing"):
            await store.blob(digest_of(LARGE))

    on_disk(path, test)
    assert f"{part(LARGE, 1)} can't be trusted: it is missing" in problems(path)


def test_the_examination_names_a_missing_blob_and_who_refers_to_it(path: Path, head: SessionHead) -> None:
    drop(path, f"b/{digest_of(TEXT)}")
    found = problems(path)
    assert f"The blob {digest_of(TEXT)} is missing, which session {head.session_id} refers to." in found
    assert f"The row {part(TEXT, 0)} belongs to a blob that isn't there." in found


def test_a_missing_blob_is_not_taken_for_an_unknown_one(path: Path, head: SessionHead) -> None:
    drop(path, f"b/{digest_of(TEXT)}")

    async def test(store: DiskStore) -> None:
        with pytest.raises(StoreCorrupt, match="it is missing"):
            await store.blob(digest_of(TEXT))
        with pytest.raises(StoreCorrupt, match="it is missing"):
            await attach(store, await create(store), TEXT, bring=False)
        await attach(store, await attach(store, head, TEXT, bring=False), TEXT)
        assert await store.blob(digest_of(TEXT)) == TEXT

    on_disk(path, test)
    assert problems(path) == ""


def test_a_session_whose_blob_lost_its_first_row_is_deleted_all_the_same(path: Path, head: SessionHead) -> None:
    change_row(path, f"b/{digest_of(TEXT)}", flip(-1))

    async def test(store: DiskStore) -> None:
        await store.delete(head.session_id)
        assert digest_of(TEXT) not in "".join(of_blobs(path))

    on_disk(path, test)


def test_the_examination_names_a_missing_reference_and_a_blob_without_any(path: Path, head: SessionHead) -> None:
    execute(path, "DELETE FROM Cache WHERE key LIKE ?", f"r/%/{digest_of(TEXT)}")
    found = problems(path)
    assert f"Session {head.session_id} names the blob {digest_of(TEXT)}, and has no reference to it." in found
    assert f"The blob {digest_of(TEXT)} belongs to no session." in found


def test_the_examination_names_a_reference_of_a_session_that_is_not_there(path: Path, head: SessionHead) -> None:
    execute(path, "UPDATE Cache SET key = ? WHERE key LIKE ?", f"r/99/{digest_of(TEXT)}", f"r/%/{digest_of(TEXT)}")
    assert f"r/99/{digest_of(TEXT)} belongs to a session that isn't there" in problems(path)


def test_a_head_whose_large_part_is_lost_says_which(path: Path) -> None:
    async def test(store: DiskStore) -> None:
        head = await create(store, allowed=("rule " * 1000,))
        drop(path, key := f"s/{head.session_id}/head+/allowed")
        with pytest.raises(StoreCorrupt, match="missing"):
            await store.head(head.session_id)
        assert f"{key.rpartition('/')[0]}/allowed" in problems(path)
        assert await store.delete(head.session_id)

    on_disk(path, test)
