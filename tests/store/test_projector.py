"""The folder of files for people."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

from meerkat_rpc.domain import AgentConfig, SessionChange, SessionHead, ToolCall, ToolResult, TurnOutcome
from meerkat_rpc.errors import StoreError
from meerkat_rpc.store.base import Store
from meerkat_rpc.store.memory import MemoryStore
from meerkat_rpc.store.projector import Projected, SessionProjector
from tests.store.blobs import attach, digest_of
from tests.store.conftest import StoreTest, open_disk
from tests.store.damage import change_row, flip
from tests.store.sessions import add, create, ended, events, message, new_head, running

Stand = dict[str, tuple[bytes, int]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "projected"


def stand(folder: Path) -> Stand:
    """Return every file's content, and when it was written."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


async def project(store: Store, folder: Path, *, rebuild: bool = False) -> tuple[int, int, int]:
    projected = await SessionProjector(store, str(folder)).run(rebuild=rebuild)
    assert not projected.problems
    return projected[:3]


async def conversation(store: Store) -> SessionHead:
    """Store a session with a little of everything."""
    config = AgentConfig(model="echo", provider_params={"key": "secret"})
    head = await create(store, first_prompt="Say hello\nplease", config=config, cwd="/home/me", labels={"a": "b"})
    head = running(head, "t")
    await store.commit(SessionChange(head, events=events(1, 2, "t")))
    said = [
        message("Say hello\nplease", "t"),
        message("", "t", role="assistant", tool_calls=(ToolCall("1", "look", {"at": "it"}),)),
        message("not found", "t", role="tool", tool_result=ToolResult("1", "look", is_error=True)),
        message("Hell", "t", role="assistant", partial=True),
    ]
    head = ended(head, TurnOutcome.INTERRUPTED)
    head = evolve(head, message_count=4)
    await store.commit(SessionChange(head, said, events(3, 1, "t")))
    return head


def test_a_session_is_written_as_three_files(on_store: StoreTest, folder: Path) -> None:
    async def test(store: Store) -> None:
        head = await conversation(store)
        assert await project(store, folder) == (1, 0, 0)
        place = folder / head.session_id
        session = json.loads((place / "session.json").read_text())
        assert session["title"] == "Say hello"
        assert session["last_turn"] == {"turn_id": "t", "outcome": "interrupted", "error": None}
        assert session["usage"] == {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
        assert "secret" not in (place / "session.json").read_text()
        lines = [json.loads(line) for line in (place / "events.jsonl").read_text().splitlines()]
        assert lines == [
            {"seq": event.seq, "timestamp_ms": event.timestamp_ms, "turn_id": "t", "event": json.loads(event.body)}
            for event in events(1, 3, "t")
        ]
        assert (place / "summary.txt").read_text() == (
            "Say hello\n=========\n\n"
            f"session:  {head.session_id}\nstate:    idle\n"
            "created:  2025-10-09 08:53:20 UTC\nupdated:  2025-10-09 08:53:20 UTC\n"
            "folder:   /home/me\nmodel:    echo\nlabels:   a=b\nturns:    1\ntokens:   7\n"
            "\n--- user, 2025-10-09 08:53:20 UTC\n\nSay hello\nplease\n"
            "\n--- assistant, 2025-10-09 08:53:20 UTC\n"
            '\n[calls look {"at":"it"}]\n'
            "\n--- tool look, which failed, 2025-10-09 08:53:20 UTC\n\nnot found\n"
            "\n--- assistant, 2025-10-09 08:53:20 UTC\n\nHell\n\n[interrupted here]\n"
        )
        assert stat.S_IMODE(place.stat().st_mode) == 0o700

    on_store(test)


def test_the_summary_names_what_was_attached_and_messages_of_a_kind(on_store: StoreTest, folder: Path) -> None:
    async def test(store: Store) -> None:
        head = await add(store, await attach(store, await create(store), b"x"), [message("mind", kind="context")])
        await project(store, folder)
        summary = (folder / head.session_id / "summary.txt").read_text()
        assert f"\nlook\n\n[image naïve 漢字.png, image/png, 1 bytes, {digest_of(b'x')}]\n" in summary
        assert "--- user (context), " in summary

    on_store(test)


def test_a_second_run_writes_nothing(on_store: StoreTest, folder: Path) -> None:
    async def test(store: Store) -> None:
        await conversation(store)
        await create(store)
        assert await project(store, folder) == (2, 0, 0)
        before = stand(folder)
        assert len(before) == 6
        assert await project(store, folder) == (0, 2, 0)
        assert stand(folder) == before

    on_store(test)


def test_only_what_has_changed_is_written(on_store: StoreTest, folder: Path) -> None:
    async def test(store: Store) -> None:
        still, head = await conversation(store), await conversation(store)
        await project(store, folder)
        before = stand(folder)
        await store.append(head.session_id, events(4, 2500))
        assert await project(store, folder) == (1, 1, 0)
        after = stand(folder)
        changed = {name for name in after if after[name] != before[name]}
        assert changed == {f"{head.session_id}/events.jsonl"}
        assert after[f"{head.session_id}/events.jsonl"][0].startswith(before[f"{head.session_id}/events.jsonl"][0])
        assert after[f"{head.session_id}/events.jsonl"][0].count(b"\n") == 2503
        await add(store, head, [message("more", "t2")])
        assert await project(store, folder) == (1, 1, 0)
        assert "more" in (folder / head.session_id / "summary.txt").read_text()
        assert stand(folder)[f"{still.session_id}/summary.txt"] == before[f"{still.session_id}/summary.txt"]

    on_store(test)


Damage = Callable[[Path], object]
DAMAGES: dict[str, Damage] = {
    "a torn line": lambda path: path.write_bytes(path.read_bytes()[:-7]),
    "a torn line of many bytes": lambda path: path.write_bytes(path.read_bytes() + b"x" * 200_000),
    "a torn first line": lambda path: path.write_bytes(b'{"se'),
    "nothing in it": lambda path: path.write_bytes(b""),
    "no such file": lambda path: path.unlink(),
    "another last line": lambda path: path.write_bytes(path.read_bytes().replace(b'"3"', b'"4"')),
    "a last line that is no event": lambda path: path.write_bytes(path.read_bytes() + b"null\n"),
    "more events than the log": lambda path: path.write_bytes(path.read_bytes() + b'{"seq":9}\n'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_event_file_that_was_interrupted_or_damaged_is_made_whole(folder: Path, damage: str) -> None:
    async def test() -> None:
        store = MemoryStore()
        head = await conversation(store)
        await project(store, folder)
        path = folder / head.session_id / "events.jsonl"
        before = path.read_bytes()
        DAMAGES[damage](path)
        await store.append(head.session_id, events(4, 1, "t"))
        assert await project(store, folder) == (1, 0, 0)
        assert path.read_bytes().startswith(before)
        assert path.read_bytes().count(b"\n") == 4

    asyncio.run(test())


def test_lines_stay_lines_whatever_an_event_holds(folder: Path) -> None:
    async def test() -> None:
        store = MemoryStore()
        head = await create(store)
        (event,) = events(1, 1)
        body = '{"delta":"a\u2028b\u2029c\u0085d",\n"more":1}'.encode()
        await store.append(head.session_id, [event._replace(body=body)])
        await project(store, folder)
        (line,) = (folder / head.session_id / "events.jsonl").read_text().splitlines()
        assert json.loads(line)["event"] == {"delta": "a\u2028b\u2029c\x85d", "more": 1}
        assert await project(store, folder) == (0, 1, 0)

    asyncio.run(test())


def test_a_rebuild_writes_everything_afresh(folder: Path) -> None:
    async def test() -> None:
        store = MemoryStore()
        head = await conversation(store)
        await project(store, folder)
        before = {name: content for name, (content, _) in stand(folder).items()}
        for name in ("events.jsonl", "summary.txt"):
            path = folder / head.session_id / name
            path.write_bytes(b"edited" + path.read_bytes())
        assert await project(store, folder) == (0, 1, 0)
        assert await project(store, folder, rebuild=True) == (1, 0, 0)
        assert {name: content for name, (content, _) in stand(folder).items()} == before

    asyncio.run(test())


def test_folders_of_deleted_sessions_are_removed_if_we_made_them(folder: Path) -> None:
    async def test() -> None:
        store = MemoryStore()
        gone, visited, kept = [await create(store) for _ in range(3)]
        await project(store, folder)
        foreign = folder / new_head().session_id
        foreign.mkdir()
        (foreign / "session.json").write_text("{}")
        (folder / "notes").mkdir()
        (folder / visited.session_id / "my notes").write_text("mine")
        await store.delete(gone.session_id)
        await store.delete(visited.session_id)
        assert await project(store, folder) == (0, 1, 2)
        assert {path.name for path in folder.iterdir()} == {
            visited.session_id,
            kept.session_id,
            foreign.name,
            "notes",
        }
        assert [path.name for path in (folder / visited.session_id).iterdir()] == ["my notes"]

    asyncio.run(test())


def test_folders_that_were_made_from_another_store_are_left(tmp_path: Path, folder: Path) -> None:
    async def test() -> None:
        async with open_disk(tmp_path / "one") as one, open_disk(tmp_path / "two") as two:
            await create(one)
            await create(two)
            assert await project(one, folder) == (1, 0, 0)
            assert await project(two, folder) == (1, 0, 0)
            assert len(list(folder.iterdir())) == 2

    asyncio.run(test())


def test_a_damaged_session_does_not_keep_the_others_from_being_written(tmp_path: Path, folder: Path) -> None:
    async def make() -> list[SessionHead]:
        async with open_disk(tmp_path / "store") as store:
            return [await conversation(store) for _ in range(3)]

    async def write() -> Projected:
        async with open_disk(tmp_path / "store") as store:
            return await SessionProjector(store, str(folder)).run()

    heads = asyncio.run(make())
    change_row(tmp_path / "store", f"s/{heads[1].session_id}/head", flip(-1))
    projected = asyncio.run(write())
    assert projected[:3] == (2, 0, 0)
    assert heads[1].session_id in projected.problems[0]


def test_progress_is_told(folder: Path) -> None:
    async def test() -> None:
        store = MemoryStore()
        for _ in range(3):
            await create(store)
        told: list[tuple[int, int]] = []
        await SessionProjector(store, str(folder), lambda done, total: told.append((done, total))).run()
        assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]

    asyncio.run(test())


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    async def test() -> None:
        with pytest.raises(StoreError, match="can't be written"):
            await SessionProjector(MemoryStore(), str(tmp_path / "file" / "folder")).run()

    asyncio.run(test())


@pytest.mark.parametrize("umask", [0o000, 0o777], ids=oct)
def test_the_files_are_private_whatever_the_umask(on_store: StoreTest, folder: Path, umask: int) -> None:
    async def test(store: Store) -> None:
        await conversation(store)
        before = os.umask(umask)
        try:
            await project(store, folder)
            await project(store, folder, rebuild=True)
        finally:
            os.umask(before)
        modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}
        assert modes == {0o600}
        assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.glob("*"))} == {0o700}

    on_store(test)


@pytest.mark.parametrize("name", ["session.json.new", "events.jsonl", "summary.txt.new"])
def test_a_link_in_the_folder_is_not_followed(on_store: StoreTest, folder: Path, tmp_path: Path, name: str) -> None:
    async def test(store: Store) -> None:
        place = folder / (await conversation(store)).session_id
        (tmp_path / "elsewhere").write_text("dear")
        place.mkdir(parents=True)
        (place / name).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(StoreError, match=f"{name} can't be written"):
            await project(store, folder)
        assert (tmp_path / "elsewhere").read_text() == "dear"

    on_store(test)


def test_a_pipe_in_the_folder_is_not_waited_for(on_store: StoreTest, folder: Path) -> None:
    async def test(store: Store) -> None:
        place = folder / (await conversation(store)).session_id
        place.mkdir(parents=True)
        os.mkfifo(place / "session.json")
        await project(store, folder)
        assert json.loads((place / "session.json").read_text())["session_id"] == place.name
        (place / "events.jsonl").unlink()
        os.mkfifo(place / "events.jsonl")
        with pytest.raises(StoreError, match="can't be written"):
            await project(store, folder)

    on_store(test)


def test_a_session_folder_that_is_a_link_is_not_followed(on_store: StoreTest, folder: Path, tmp_path: Path) -> None:
    async def test(store: Store) -> None:
        head = await conversation(store)
        (tmp_path / "elsewhere").mkdir()
        folder.mkdir()
        (folder / head.session_id).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(StoreError, match="can't be written"):
            await project(store, folder)
        assert list((tmp_path / "elsewhere").iterdir()) == []

    on_store(test)


def test_a_name_that_is_no_id_leads_nowhere(folder: Path, tmp_path: Path) -> None:
    async def forged() -> Projected:
        store = MemoryStore()
        await store.open()
        await store.commit(SessionChange(new_head(session_id="../outside")))
        return await SessionProjector(store, str(folder)).run()

    assert asyncio.run(forged()).problems
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
