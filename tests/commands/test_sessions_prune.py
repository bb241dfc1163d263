from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from attrs import evolve

from meerkat_rpc.clock import now_ms
from meerkat_rpc.commands import sessions as command
from meerkat_rpc.composition import open_service
from meerkat_rpc.config import resolve
from meerkat_rpc.domain import Message, RunningTurn, SessionChange
from meerkat_rpc.processes import this_process
from meerkat_rpc.store.base import Store
from tests.commands.stores import Past
from tests.store.conftest import open_disk
from tests.store.damage import change_row, flip
from tests.store.sessions import new_head

DAY_MS = 86_400_000


def run(store: str, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args([*arguments, "--store", store]))


def on_disk(store: str, test: Callable[[Store], Awaitable[None]]) -> None:
    async def opened() -> None:
        async with open_disk(Path(store)) as disk:
            await test(disk)

    asyncio.run(opened())


@pytest.fixture
def aged(tmp_path: Path) -> Past:
    """Sessions last used 40, 20 and 10 days ago; the first is archived, the second large."""
    past = Past(str(tmp_path / "store"), [])

    async def make(store: Store) -> None:
        for days, archived, size in ((40, True, 10), (20, False, 3_000_000), (10, False, 10)):
            at = now_ms() - days * DAY_MS
            about = {"archived": archived, "labels": {"days": str(days)}, "cwd": "/src"}
            head = new_head(created_ms=at, updated_ms=at, message_count=1, **about)
            await store.commit(SessionChange(head, [Message("user", "x" * size, "t", at)]))
            past.ids.append(head.session_id)

    on_disk(past.store, make)
    return past


def left(past: Past, capsys: pytest.CaptureFixture[str]) -> list[int]:
    """Return which of the sessions there are."""
    capsys.readouterr()
    run(past.store, "list")
    run(past.store, "list", "--archived")
    there = capsys.readouterr().out
    return [index for index, session_id in enumerate(past.ids) if session_id in there]


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (["--older-than", "15d"], [2]),
        (["--older-than", "30d"], [1, 2]),
        (["--older-than", "1s", "--archived"], [1, 2]),
        (["--older-than", "1w", "--label", "days=20"], [0, 2]),
        (["--older-than", "1w", "--cwd", "/elsewhere"], [0, 1, 2]),
        (["--older-than", "9w"], [0, 1, 2]),
    ],
)
def test_what_is_older_and_fits_goes_and_the_rest_stays(
    aged: Past, capsys: pytest.CaptureFixture[str], options: list[str], kept: list[int]
) -> None:
    assert run(aged.store, "prune", "--yes", *options) == 0
    assert capsys.readouterr().out.startswith(f"{3 - len(kept)} sessions deleted, ")
    assert left(aged, capsys) == kept


def test_a_dry_run_shows_what_would_go_with_its_size_and_deletes_nothing(
    aged: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(aged.store, "prune", "--older-than", "15d", "--dry-run") == 0
    shown = capsys.readouterr()
    rows = [line.split("\t") for line in shown.out.splitlines()]
    assert [row[0] for row in rows] == aged.ids[:2]
    assert int(rows[0][4]) < 2000
    assert 2_900_000 < int(rows[1][4]) < 3_100_000
    assert "2 sessions, 3.0 MB: nothing was deleted" in shown.err
    assert left(aged, capsys) == [0, 1, 2]


def test_without_a_terminal_to_ask_on_nothing_is_deleted(aged: Past, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(aged.store, "prune", "--older-than", "15d") == 1
    said = capsys.readouterr().err
    assert "2 sessions, 3.0 MB, not used for 15d" in said
    assert "--yes" in said
    assert left(aged, capsys) == [0, 1, 2]


def test_nothing_to_prune_is_no_question(aged: Past, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(aged.store, "prune", "--older-than", "9w") == 0
    assert capsys.readouterr().out == "0 sessions deleted, 0 B\n"


def test_a_time_that_is_none_is_refused(aged: Past, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(aged.store, "prune", "--older-than", "soon", "--yes") == 1
    assert "--older-than: expected a duration such as 90s" in capsys.readouterr().err


def test_a_session_in_which_a_turn_runs_stays(aged: Past, capsys: pytest.CaptureFixture[str]) -> None:
    async def begin(store: Store) -> None:
        head = await store.head(aged.ids[1])
        assert head is not None
        turn = RunningTurn("t", this_process(), first_seq=1, first_message=1, started_ms=head.updated_ms)
        await store.commit(SessionChange(evolve(head, revision=2, running=turn)))

    on_disk(aged.store, begin)
    assert run(aged.store, "prune", "--older-than", "1s", "--yes") == 0
    assert left(aged, capsys) == [1]


def test_a_session_used_between_the_listing_and_its_turn_stays(aged: Past) -> None:
    async def scenario() -> None:
        service = open_service(resolve({"store": aged.store}, {"MEERKAT_CONFIG": "/nonexistent"}))
        await service.open()
        try:
            cutoff = now_ms() - DAY_MS
            await service.update(aged.ids[1], "used", None)
            assert not await service.prune(aged.ids[1], cutoff)
            assert await service.prune(aged.ids[2], cutoff)
            assert not await service.prune(aged.ids[2], cutoff)
            assert (await service.read(aged.ids[1])).summary.title == "used"
        finally:
            await service.close()

    asyncio.run(scenario())


def test_a_damaged_session_is_named_and_does_not_keep_the_others(
    aged: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    change_row(Path(aged.store), f"s/{aged.ids[0]}/head", flip(-1))
    assert run(aged.store, "prune", "--older-than", "15d", "--yes") == 1
    shown = capsys.readouterr()
    assert aged.ids[0] in shown.err
    assert shown.out.startswith("1 sessions deleted")


def test_a_listing_has_the_size_when_asked_and_can_begin_with_the_largest(
    aged: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(aged.store, "list", "--sort", "size", "--limit", "1") == 0
    (row,) = capsys.readouterr().out.splitlines()
    assert row.split("\t")[0] == aged.ids[1]
    assert run(aged.store, "list", "--size", "--json") == 0
    sizes = [row["size_bytes"] for row in json.loads(capsys.readouterr().out)]
    assert sizes[0] < sizes[1]


def test_what_is_pruned_is_given_back_to_the_disk(aged: Past) -> None:
    before = (Path(aged.store) / "cache.db").stat().st_size
    run(aged.store, "prune", "--older-than", "15d", "--yes")
    assert (Path(aged.store) / "cache.db").stat().st_size < before - 1_500_000
